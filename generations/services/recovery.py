"""Finding out what became of a request whose answer never came, before another one is sent."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction

from generations import fal_gateway
from generations.models import Generation, Submission, SubmissionState
from generations.services.dispatch import accept, end, look_again, requeue
from generations.services.exclusive import exclusive
from generations.states import Status

logger = structlog.get_logger(__name__)

RECOVERY_LOCK: Final = 0x1754_0003
# Submissions that fal may have seen before the job is given up.
SUBMISSIONS_MAX: Final = 2
# Tries that ended with their worker before anything left.
DEATHS_MAX: Final = 3
# While a twin with the same input is being sent, a request in fal's list may be that one's.
SENDING_MAX: Final = timedelta(minutes=1)
# fal's clock and ours may differ by this much.
CLOCK_MARGIN: Final = timedelta(minutes=15)


def recover_dispatch(*, generation_id: UUID, now: datetime) -> None:
    """Settle an unanswered submission. Leaves a sender that still works alone.

    In this order: fal's list of requests; patience; one more submission; giving up. A request in the list with our
    exact input that belongs to no other submission is ours.
    """
    with exclusive(generation_id) as is_mine:
        if is_mine:
            _recover(generation_id, now)


def _recover(generation_id: UUID, now: datetime) -> None:
    submission = (
        Submission.objects.select_related("generation")
        .filter(generation_id=generation_id, generation__status=Status.DISPATCHING)
        .filter(state__in=[SubmissionState.INTENT, SubmissionState.LOST])
        .first()
    )
    if submission is None or (submission.generation.due_at or now) > now:
        return
    if not submission.body:
        with transaction.atomic():
            _give_up(submission, now, note="never left")
        return
    try:
        listed = fal_gateway.list_requests(key=submission.fal_key, since=submission.created_at - CLOCK_MARGIN)
    except fal_gateway.FalError as error:
        logger.warning("request_list_unavailable", key=submission.fal_key, detail=error.detail)
        look_again(submission, now)
        return
    _conclude(submission, listed, now)


@transaction.atomic
def _conclude(submission: Submission, listed: list[fal_gateway.ListedRequest], now: datetime) -> None:
    """One at a time, so that twins with the same input cannot both take the same request."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [RECOVERY_LOCK])
    request_id = _own_request(submission, listed)
    if request_id and _twin_is_being_sent(submission, now):
        look_again(submission, now)
    elif request_id:
        accept(submission_id=submission.pk, ticket=fal_gateway.Ticket(request_id), now=now)
    elif now - submission.created_at < 2 * timedelta(seconds=settings.FAL_LOST_REPLY_SECONDS):
        look_again(submission, now)  # the list may lag behind the queue
    else:
        _give_up(submission, now, note="no trace at fal")


def _own_request(submission: Submission, listed: list[fal_gateway.ListedRequest]) -> str:
    matching = [item.request_id for item in listed if item.input == submission.body and item.request_id]
    taken = set(Submission.objects.filter(request_id__in=matching).values_list("request_id", flat=True))
    return next((request_id for request_id in matching if request_id not in taken), "")


def _twin_is_being_sent(submission: Submission, now: datetime) -> bool:
    sending = Submission.objects.filter(
        generation__status=Status.DISPATCHING,
        state=SubmissionState.INTENT,
        created_at__gt=now - SENDING_MAX,
        body=submission.body,
    )
    return sending.exclude(pk=submission.pk).exists()


def _give_up(submission: Submission, now: datetime, *, note: str) -> None:
    generation = Generation.objects.select_for_update().get(pk=submission.generation_id)
    changed = Submission.objects.filter(
        pk=submission.pk, state__in=[SubmissionState.INTENT, SubmissionState.LOST]
    ).update(state=SubmissionState.ABANDONED)
    if not changed or generation.status != Status.DISPATCHING:
        return
    abandoned = generation.submissions.filter(state=SubmissionState.ABANDONED)
    if abandoned.exclude(body={}).count() >= SUBMISSIONS_MAX:
        end(submission, "provider_silent", note, now)
    elif abandoned.filter(body={}).count() >= DEATHS_MAX:
        end(submission, "internal_error", "The task died each time before it could send.", now)
    else:
        requeue(submission, now, note=note)
