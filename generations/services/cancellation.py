"""Taking a job back: at once while it waits here, by asking fal when it is there."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.actors import Actor
from accounts.background import enqueue
from accounts.errors import DomainError
from generations import fal_gateway
from generations.models import Generation, Submission, SubmissionState
from generations.services import costs
from generations.services.states import advance
from generations.states import TERMINAL, Status

logger = structlog.get_logger(__name__)


class CancelOutcome(StrEnum):
    RELEASED = "released"
    PENDING_UPSTREAM = "pending_upstream"
    TOO_LATE = "too_late"


class GenerationNotFound(DomainError):
    code: ClassVar[str] = "not_found"


@transaction.atomic
def cancel_generation(*, actor: Actor, generation_id: UUID) -> CancelOutcome:
    """Release a waiting job at once; ask fal about one that is there; leave one that is being saved.

    A job that fal finishes all the same is delivered and paid. Repeating is harmless. Locks the generation.
    Raises GenerationNotFound for another team's.
    """
    now = timezone.now()
    generation = Generation.objects.for_team(actor.team).select_for_update().filter(pk=generation_id).first()
    if generation is None:
        raise GenerationNotFound("There is no such clip in this team.")
    if generation.status in TERMINAL or generation.status == Status.FINALIZING:
        return CancelOutcome.TOO_LATE
    if generation.status in {Status.QUEUED, Status.IN_REVIEW}:
        advance(
            generation_id=generation.pk,
            to=Status.CANCELED,
            now=now,
            actor=actor.label,
            failure_code="canceled",
            cancel_requested_at=now,
        )
        return CancelOutcome.RELEASED
    Generation.objects.filter(pk=generation.pk, cancel_requested_at=None).update(cancel_requested_at=now)
    accepted = generation.submissions.filter(state=SubmissionState.ACCEPTED).first()
    if accepted is not None:
        enqueue("generations.tasks.cancel_at_fal", submission_id=str(accepted.pk))
    return CancelOutcome.PENDING_UPSTREAM


def cancel_at_fal(*, submission_id: int) -> None:
    """Ask fal to drop a request. Only fal's plain OK ends the job here; any other answer leaves that to the result."""
    submission = Submission.objects.select_related("generation").get(pk=submission_id)
    if submission.request_id is None:
        return
    try:
        outcome = fal_gateway.cancel(
            key=submission.fal_key, request_id=submission.request_id, cancel_url=submission.cancel_url
        )
    except fal_gateway.FalError as error:
        logger.warning("cancel_unanswered", submission=submission.pk, detail=error.detail)
        return
    if outcome == "OK":  # it never began
        costs.record_result(submission_id=submission.pk, units=None, was_rendered=False)
    wanted = submission.generation.cancel_requested_at is not None
    if outcome == "OK" and submission.state == SubmissionState.ACCEPTED and wanted:
        advance(
            generation_id=submission.generation_id,
            to=Status.CANCELED,
            now=timezone.now(),
            note="fal dropped it",
            failure_code="canceled",
        )
