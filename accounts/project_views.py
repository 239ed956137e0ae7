"""The page of a team's projects."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts import services
from accounts.errors import FieldErrors
from accounts.forms import ProjectForm
from accounts.http import TeamRequest, requires
from accounts.models import Project
from accounts.permissions import BUDGETS_MANAGE, GENERATIONS_VIEW, PROJECTS_MANAGE
from accounts.sections import team_tabs


@require_safe
@requires(GENERATIONS_VIEW)
def projects(request: TeamRequest) -> HttpResponse:
    return _page(request, ProjectForm())


@require_POST
@requires(PROJECTS_MANAGE)
def project_create(request: TeamRequest) -> HttpResponse:
    form = ProjectForm(request.POST)
    if form.is_valid():
        try:
            project = services.create_project(actor=request.actor, name=form.cleaned_data["name"])
        except FieldErrors as error:
            form.add_error("name", error.errors["name"])
        else:
            messages.success(request, f"The project {project.name} can be chosen for new clips.")
            return redirect("accounts:projects", request.team.slug)
    return _page(request, form, status=422)


@require_POST
@requires(PROJECTS_MANAGE)
def project_rename(request: TeamRequest, pk: UUID) -> HttpResponse:
    _found(request, pk)
    try:
        services.rename_project(actor=request.actor, project_id=pk, name=request.POST.get("name", ""))
    except FieldErrors as error:
        return _page(request, ProjectForm(), status=422, refused=error.errors["name"][0])
    messages.success(request, "The project was renamed, also on clips made for it.")
    return redirect("accounts:projects", request.team.slug)


@require_POST
@requires(PROJECTS_MANAGE)
def project_archive(request: TeamRequest, pk: UUID) -> HttpResponse:
    return _changed(
        request, pk, lambda: services.archive_project(actor=request.actor, project_id=pk, now=timezone.now())
    )


@require_POST
@requires(PROJECTS_MANAGE)
def project_restore(request: TeamRequest, pk: UUID) -> HttpResponse:
    return _changed(request, pk, lambda: services.restore_project(actor=request.actor, project_id=pk))


def _changed(request: TeamRequest, pk: UUID, change: Callable[[], Project]) -> HttpResponse:
    _found(request, pk)
    project = change()
    said = "is archived and takes no new clips" if project.is_archived else "takes new clips again"
    messages.success(request, f"The project {project.name} {said}.")
    return redirect("accounts:projects", request.team.slug)


def _found(request: TeamRequest, pk: UUID) -> Project:
    try:
        return services.project_of(request.team, pk)
    except services.ProjectNotFound as error:
        raise Http404(error.message) from error


def _page(request: TeamRequest, form: ProjectForm, *, status: int = 200, **more: Any) -> HttpResponse:
    found = list(Project.objects.filter(team=request.team).select_related("created_by"))
    context = {
        "tabs": team_tabs(request.actor, "accounts:projects"),
        "form": form,
        "open": [project for project in found if not project.is_archived],
        "archived": [project for project in found if project.is_archived],
        "manages": request.actor.may(PROJECTS_MANAGE),
        "may_limit": request.actor.may(BUDGETS_MANAGE),
        **more,
    }
    return render(request, "accounts/projects.html", context, status=status)
