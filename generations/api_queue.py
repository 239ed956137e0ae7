"""The API's endpoints for clips that wait: pause, resume, order, and another input at a new price."""

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import Actor
from accounts.http import actor_of
from accounts.permissions import GENERATIONS_CREATE
from accounts.rest import ApiView, body_of, empty, refuse_unknown
from accounts.rest_schema import problems
from generations import api_output
from generations.api_input import PICTURE_FIELDS, GenerationJSONParser, read_generation, read_project
from generations.models import Generation
from generations.selectors import clips_of
from generations.serializers import EditInput, GenerationOutput, MoveInput
from generations.services import (
    KEEP,
    GenerationNotFound,
    edit_generation,
    import_picture,
    move_generation,
    pause_generation,
    resume_generation,
    run_next,
)

ANSWERS: dict[Any, Any] = {200: GenerationOutput, **problems(400, 403, 404, 409, 415)}


class PauseGeneration(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"POST": GENERATIONS_CREATE}

    @extend_schema(
        operation_id="pause_generation",
        summary="Pause a waiting clip",
        tags=["line"],
        request=None,
        responses=ANSWERS,
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """It keeps its place and its price; its start deadline keeps running. 409 once it has left the line."""
        return _changed(request, pk, pause_generation)


class ResumeGeneration(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"POST": GENERATIONS_CREATE}

    @extend_schema(
        operation_id="resume_generation",
        summary="Resume a paused clip",
        tags=["line"],
        request=None,
        responses=ANSWERS,
    )
    def post(self, request: Request, pk: UUID) -> Response:
        return _changed(request, pk, resume_generation)


class RunNext(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"POST": GENERATIONS_CREATE}

    @extend_schema(
        operation_id="run_generation_next",
        summary="Put a clip first in its member's line",
        tags=["line"],
        request=None,
        responses=ANSWERS,
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Whose turn it is among teams and members does not change."""
        return _changed(request, pk, run_next)


class MoveGeneration(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"POST": GENERATIONS_CREATE}

    @extend_schema(
        operation_id="move_generation",
        summary="Put a clip before or after another one",
        tags=["line"],
        request=MoveInput,
        responses=ANSWERS,
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Both clips must wait in the line of the same member. Send either `before` or `after`."""
        actor = actor_of(request)
        _find(actor, pk)
        body = body_of(request)
        refuse_unknown(body.keys() - {"before", "after"}, "There is no such field.")
        shape = MoveInput(data=body)
        shape.is_valid(raise_exception=True)
        neighbours = {name: value for name, value in shape.validated_data.items() if value is not None}
        if len(neighbours) != 1:
            raise ValidationError({"": [ErrorDetail("Send either before or after.", code="required")]})
        move_generation(actor=actor, generation_id=pk, **neighbours)
        return _shown(request, actor, pk)


class GenerationInputOf(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"PATCH": GENERATIONS_CREATE}
    parser_classes = [GenerationJSONParser]

    @extend_schema(
        operation_id="edit_generation",
        summary="Change a waiting clip",
        tags=["line"],
        request=EditInput,
        responses={**ANSWERS, **problems(400, 402, 403, 404, 409, 413, 415)},
    )
    def patch(self, request: Request, pk: UUID) -> Response:
        """Fields that are not sent stay. The new price, under `cost.quoted`, is held instead of the old one.

        When the credit is not enough, nothing changes. The clip keeps its place.
        """
        actor = actor_of(request)
        body = body_of(request)
        clip = _find(actor, pk)
        project = read_project(actor, body) if "project" in body else KEEP
        pictured = any(body.get(name) is not None for name in PICTURE_FIELDS)
        whole = {**clip.params, **({} if pictured else {"image": str(clip.image_id)}), **body}
        picture, params = read_generation(actor, whole)
        image_id = import_picture(actor=actor, address=picture).pk if isinstance(picture, str) else picture
        edit_generation(actor=actor, generation_id=pk, image_id=image_id, params=params, project=project)
        return _shown(request, actor, pk)


def _changed(request: Request, pk: UUID, change: Callable[..., Generation]) -> Response:
    empty(request)
    actor = actor_of(request)
    change(actor=actor, generation_id=pk)
    return _shown(request, actor, pk)


def _shown(request: Request, actor: Actor, pk: UUID) -> Response:
    return Response(api_output.detail(_find(actor, pk), request.build_absolute_uri))


def _find(actor: Actor, pk: UUID) -> Generation:
    clip = clips_of(actor.team).filter(pk=pk).first()
    if clip is None:
        raise GenerationNotFound("There is no such clip in this team.")
    return clip
