"""Jobs whose credits are held for longer than any job should take: fal is asked, then the job goes on or ends.

Nothing is released here that fal might still deliver: it must first have dropped the request, or have said that it
does not know it. Only a job that nobody could ask about for GIVE_UP_AFTER is given up.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from billing.services import extend_hold
from generations import fal_gateway
from generations.models import Generation, Submission, SubmissionState
from generations.services.states import advance
from generations.services.sweep import enqueue_finish
from generations.states import IN_FLIGHT, Status

logger = structlog.get_logger(__name__)

ASK_AGAIN: Final = timedelta(minutes=30)
GIVE_UP_AFTER: Final = timedelta(days=7)


def ask_about_overdue(*, attempt: UUID, now: datetime) -> None:
    """Ask fal about the job whose credits are held under `attempt`, and put off the next question.

    One that still waits or runs is called off; one that has ended is finished as ever. Repeating is harmless.
    """
    extend_hold(generation_id=attempt, expires_at=now + ASK_AGAIN)
    generation = Generation.objects.filter(hold_attempt=attempt).first()
    if generation is None or generation.is_terminal:
        logger.error("hold_without_job", attempt=str(attempt))
        return
    logger.warning("hold_overdue", generation=str(generation.pk), status=generation.status)
    if generation.status not in IN_FLIGHT:
        return  # the sweep drives these
    try:
        answer = _call_off(generation)
    except fal_gateway.FalError as error:
        logger.warning("overdue_job_unanswered", generation=str(generation.pk), detail=error.detail)
        answer = ""
    if answer == "OK":
        _fail(generation, "generation_timeout", "fal dropped it when asked after the deadline", now)
    elif not answer and now - generation.created_at > GIVE_UP_AFTER:
        _fail(generation, "provider_silent", f"No answer about it for {GIVE_UP_AFTER.days} days", now)
    elif answer and answer != "CANCELLATION_REQUESTED":
        enqueue_finish(generation.pk)


def _call_off(generation: Generation) -> str:
    """fal's word on dropping the request; "" while none is known to be there. Raises FalError."""
    submission = Submission.objects.filter(generation=generation, state=SubmissionState.ACCEPTED).first()
    if submission is None or submission.request_id is None:
        return ""
    reply = fal_gateway.fetch_status(
        key=submission.fal_key, request_id=submission.request_id, status_url=submission.status_url
    )
    if reply.status in {"COMPLETED", ""}:
        return "ALREADY_COMPLETED"
    return fal_gateway.cancel(
        key=submission.fal_key, request_id=submission.request_id, cancel_url=submission.cancel_url
    )


def _fail(generation: Generation, code: str, detail: str, now: datetime) -> None:
    advance(generation_id=generation.pk, to=Status.FAILED, now=now, failure_code=code, failure_detail=detail)
