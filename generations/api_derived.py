"""The API's endpoints for clips made from clips."""

from typing import Any, ClassVar, Literal
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.http import actor_of
from accounts.models import Project
from accounts.permissions import GENERATIONS_CREATE
from accounts.rest import ApiView, body_of, refuse_unknown
from accounts.rest_schema import header, problems
from generations.api import CANCEL_AFTER, IDEMPOTENCY_KEY, accepted
from generations.api_input import idempotency_key_of, read_frame, read_project, start_within_of
from generations.models import Relation
from generations.serializers import ChangesInput, ExtendInput, GenerationOutput, ProjectChoice
from generations.services import LAST, FrameChoice, derive_generation
from generations.services.derived import INHERIT

PARAMETERS = [
    IDEMPOTENCY_KEY,
    CANCEL_AFTER,
    header("Location", "The new clip's address.", 201),
    header("Idempotent-Replayed", "`true` when this key had made the clip before.", 201),
]


def described(operation: str, summary: str, *, body: Any = None, also: tuple[int, ...] = ()) -> Any:
    """What all five have in common; `also` are further statuses of refusals."""
    return extend_schema(
        operation_id=f"{operation}_generation",
        summary=summary,
        tags=["clips"],
        parameters=PARAMETERS,
        request=body,
        responses={201: GenerationOutput, **problems(400, 402, 404, 409, 415, 503, *also)},
    )


class DerivedView(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"POST": GENERATIONS_CREATE}


class Retry(DerivedView):
    @described("retry", "Retry a clip that was not made", body=ProjectChoice)
    def post(self, request: Request, pk: UUID) -> Response:
        """A new clip with the same input. 409 unless the first one failed, expired, or was canceled or refused."""
        return _derive(request, pk, Relation.RETRY, _unchanged(request))


class Rerun(DerivedView):
    @described("rerun", "Make the same clip again", body=ProjectChoice)
    def post(self, request: Request, pk: UUID) -> Response:
        """The same input with the seed and the prompt that were really used. 409 unless the clip is ready."""
        return _derive(request, pk, Relation.RERUN, _unchanged(request))


class Remix(DerivedView):
    @described("remix", "Vary a clip", body=ChangesInput)
    def post(self, request: Request, pk: UUID) -> Response:
        """The same input with a new seed, and with what the body changes."""
        return _derive(request, pk, Relation.REMIX, body_of(request))


class Extend(DerivedView):
    @described("extend", "Continue a clip", body=ExtendInput, also=(410,))
    def post(self, request: Request, pk: UUID) -> Response:
        """Starts from the clip's last frame, or from the one that the body names. 410 when its files were deleted."""
        frame, changes = read_frame(body_of(request))
        return _derive(request, pk, Relation.EXTEND, changes, frame)


class Promote(DerivedView):
    @described("promote", "Make the final version of a draft", body=ChangesInput)
    def post(self, request: Request, pk: UUID) -> Response:
        """The same seed in 720p with the detail pass, and with what the body changes. 409 for a clip that has both."""
        return _derive(request, pk, Relation.PROMOTE, body_of(request))


def _unchanged(request: Request) -> dict[str, Any]:
    """The body of what repeats a clip: it stays as it was, except for the project it counts for."""
    body = body_of(request)
    refuse_unknown(body.keys() - {"project"}, "This request takes a project and no other field.")
    return body


def _derive(
    request: Request,
    pk: UUID,
    relation: Relation,
    body: dict[str, Any],
    frame: FrameChoice = LAST,
) -> Response:
    actor, changes = actor_of(request), dict(body)
    project: Project | Literal["inherit"] | None = INHERIT
    if "project" in changes:
        project = read_project(actor, changes)
    result = derive_generation(
        actor=actor,
        parent_id=pk,
        relation=relation,
        changes=changes,
        frame=frame,
        idempotency_key=idempotency_key_of(request),
        start_within=start_within_of(request),
        project=project,
    )
    return accepted(request, result)
