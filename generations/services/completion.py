"""From fal's word that a job is done to its end: ask for the result, then save the clip or say why there is none."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F

from generations import fal_gateway
from generations.clock import Clock
from generations.failures import code_for, context_of, failure_of
from generations.models import Generation, Image, Submission, SubmissionState
from generations.services import costs
from generations.services.exclusive import exclusive
from generations.services.saving import fail, save_clip
from generations.services.states import advance
from generations.states import Status

logger = structlog.get_logger(__name__)

# Between questions that brought no evidence: doubles up to five minutes.
PAUSE_MAX: Final = 300
# Without evidence a job is given up only after so many questions, and as long after it was sent as saving may take.
QUESTIONS_MIN: Final = 12
# fal may not know a result yet that it has just announced; so often it must say so before it is believed.
MISSING_MAX: Final = 3
GONE: Final = frozenset({404, 410})
# fal's copy of the picture may be gone or broken: the next job sends it anew.
PICTURE_CODES: Final = frozenset({"file_download_error", "image_load_error"})


def finish_generation(*, generation_id: UUID, clock: Clock) -> None:
    """Bring a generation that fal may have finished to its end. Idempotent; several may call at once.

    Only fal's own answer to a request made with our key is believed.
    """
    with exclusive(generation_id) as is_mine:
        if is_mine:
            _ask_for_result(generation_id, clock)
            save_clip(generation_id=generation_id, clock=clock)


def _ask_for_result(generation_id: UUID, clock: Clock) -> None:
    """`processing` becomes `finalizing`, or its end, by the HTTP status of fal's result."""
    submission = (
        Submission.objects.select_related("generation")
        .filter(generation_id=generation_id, state=SubmissionState.ACCEPTED)
        .first()
    )
    if submission is None or submission.generation.status != Status.PROCESSING:
        return
    try:
        result = fal_gateway.fetch_result(
            key=submission.fal_key,
            request_id=submission.request_id or "",
            response_url=submission.response_url,
        )
    except fal_gateway.NotReady:
        return
    except fal_gateway.FalError as error:
        _ask_later(submission.generation, error.detail, clock())
        return
    if result.output is not None:
        _begin_saving(submission, result, result.output, clock())
    elif result.http_status in GONE and submission.generation.attempts < MISSING_MAX - 1:
        _ask_later(submission.generation, result.detail, clock())
    else:
        _conclude(submission, result, clock())


@transaction.atomic
def _begin_saving(
    submission: Submission, result: fal_gateway.Result, output: fal_gateway.Output, now: datetime
) -> None:
    moved = advance(
        generation_id=submission.generation_id,
        to=Status.FINALIZING,
        now=now,
        due_at=now,
        progress=100,
        queue_position=None,
        used_prompt=output["prompt"],
        used_seed=output["seed"],
    )
    if moved is not None:
        Submission.objects.filter(pk=submission.pk).update(output=output)
        costs.record_result(submission_id=submission.pk, units=result.billable_units, was_rendered=True)


@transaction.atomic
def _conclude(submission: Submission, result: fal_gateway.Result, now: datetime) -> None:
    """fal's final no. What fal billed for it all the same is our loss."""
    generation = submission.generation
    code = _code_of(result, generation)
    costs.record_result(
        submission_id=submission.pk,
        units=result.billable_units,
        was_rendered=code == "result_missing",
    )
    if code in PICTURE_CODES:
        Image.objects.filter(pk=generation.image_id).update(fal_url="", fal_url_expires_at=None)
    advance(
        generation_id=generation.pk,
        to=_end_for(code),
        now=now,
        failure_code=code,
        failure_detail=f"{result.http_status} {result.error_type}: {result.detail}"[:2000],
        failure_context=context_of(
            error_type=result.error_type, place=result.context.place, values=result.context.values
        ),
    )


def _code_of(result: fal_gateway.Result, generation: Generation) -> str:
    if result.http_status in GONE:
        return "result_missing"
    code = code_for(status=result.http_status, error_type=result.error_type)
    if code == "canceled" and generation.cancel_requested_at is None:
        return "stopped_at_provider"
    return code


def _end_for(code: str) -> Status:
    if failure_of(code).rejected:
        return Status.REJECTED
    ends = {
        "canceled": Status.CANCELED,
        "stopped_at_provider": Status.CANCELED,
        "start_deadline": Status.EXPIRED,
    }
    return ends.get(code, Status.FAILED)


def _ask_later(generation: Generation, detail: str, now: datetime) -> None:
    """No evidence: the state stays, and the next look comes later; in the end the deadline decides."""
    attempts = generation.attempts + 1
    logger.warning("result_unavailable", generation=str(generation.pk), detail=detail, attempts=attempts)
    age = now - (generation.sent_at or generation.created_at)
    if attempts > QUESTIONS_MIN and age > timedelta(seconds=settings.SAVING_DEADLINE_SECONDS):
        fail(generation.pk, "result_missing", detail, now)
        return
    Generation.objects.filter(pk=generation.pk, status=Status.PROCESSING).update(
        attempts=F("attempts") + 1, due_at=now + timedelta(seconds=min(2 ** min(attempts, 9), PAUSE_MAX))
    )
