"""The API's endpoints for projects."""

from typing import ClassVar
from uuid import UUID

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services
from accounts.http import actor_of
from accounts.models import Project
from accounts.permissions import GENERATIONS_VIEW, PROJECTS_MANAGE
from accounts.rest import ApiView, created, shaped
from accounts.rest_schema import header, problems
from accounts.serializers import ProjectChange, ProjectInput, ProjectOutput, ProjectPage


class Projects(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"GET": GENERATIONS_VIEW, "POST": PROJECTS_MANAGE}

    @extend_schema(
        operation_id="list_projects",
        summary="The team's projects, by name",
        tags=["projects"],
        responses={200: ProjectPage, **problems()},
    )
    def get(self, request: Request) -> Response:
        """Archived ones too. Needs the scope `read`."""
        found = Project.objects.filter(team=actor_of(request).team)
        return Response(ProjectPage({"data": list(found), "next_cursor": None}).data)

    @extend_schema(
        operation_id="create_project",
        summary="Add a project",
        tags=["projects"],
        parameters=[header("Location", "The project's address.", 201)],
        request=ProjectInput,
        responses={201: ProjectOutput, **problems(400, 415)},
    )
    def post(self, request: Request) -> Response:
        """Needs the scope `admin`."""
        wish = shaped(ProjectInput, request)
        project = services.create_project(actor=actor_of(request), name=wish["name"])
        return created(ProjectOutput(project).data, location=reverse("api:project", args=[project.pk]))


class OneProject(ApiView):
    permission_of: ClassVar[dict[str, str]] = {
        "GET": GENERATIONS_VIEW,
        "PATCH": PROJECTS_MANAGE,
        "DELETE": PROJECTS_MANAGE,
    }

    @extend_schema(
        operation_id="get_project",
        summary="One project",
        tags=["projects"],
        responses={200: ProjectOutput, **problems(404)},
    )
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(ProjectOutput(services.project_of(actor_of(request).team, pk)).data)

    @extend_schema(
        operation_id="change_project",
        summary="Rename, archive or restore a project",
        tags=["projects"],
        request=ProjectChange,
        responses={200: ProjectOutput, **problems(400, 404, 415)},
    )
    @transaction.atomic
    def patch(self, request: Request, pk: UUID) -> Response:
        """Needs the scope `admin`."""
        actor = actor_of(request)
        project = services.project_of(actor.team, pk)
        wish = shaped(ProjectChange, request)
        if "name" in wish:
            project = services.rename_project(actor=actor, project_id=pk, name=wish["name"])
        if wish.get("archived") is True:
            project = services.archive_project(actor=actor, project_id=pk, now=timezone.now())
        elif wish.get("archived") is False:
            project = services.restore_project(actor=actor, project_id=pk)
        return Response(ProjectOutput(project).data)

    @extend_schema(
        operation_id="archive_project",
        summary="Archive a project",
        tags=["projects"],
        request=None,
        responses={204: None, **problems(404)},
    )
    def delete(self, request: Request, pk: UUID) -> Response:
        """What was made under it keeps its name; it takes nothing new. Needs the scope `admin`."""
        services.archive_project(actor=actor_of(request), project_id=pk, now=timezone.now())
        return Response(status=204)
