"""Handing queued jobs to fal: one claim, one request, and no second one before fal was asked about the first."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.urls import reverse

from accounts.background import enqueue
from generations import fal_gateway
from generations.clock import Clock
from generations.failures import code_for, failure_of
from generations.models import Generation, Submission, SubmissionState
from generations.services.exclusive import exclusive
from generations.services.pictures_at_fal import picture_url
from generations.services.states import advance
from generations.states import IN_FLIGHT, Status

logger = structlog.get_logger(__name__)

# Serialises claims, so that two workers cannot both take the last slot at fal.
DISPATCH_LOCK: Final = 0x1754_0001
# When the sweep looks after a job that is being sent: a sender that still lives keeps the generation's lock.
LOOK_AGAIN: Final = timedelta(seconds=10)
# Submissions that fal may have seen before the job is given up.
SUBMISSIONS_MAX: Final = 2
# Tries that ended with their worker before anything left.
DEATHS_MAX: Final = 3
# The pause between refusals doubles this often.
DOUBLINGS_MAX: Final = 8


def dispatch_next(*, clock: Clock) -> bool:
    """Send the next job in line to fal; False when nothing is waiting or no slot is free."""
    submission = _claim_next(clock())
    if submission is None:
        return False
    with exclusive(submission.generation_id) as is_mine:
        if is_mine:
            _send(submission, clock)
    return True


@transaction.atomic
def _claim_next(now: datetime) -> Submission | None:
    """Take the oldest due job and commit the intent to send it, before anything leaves."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [DISPATCH_LOCK])
    if Generation.objects.filter(status__in=IN_FLIGHT).count() >= settings.FAL_MAX_IN_FLIGHT:
        return None
    waiting = Generation.objects.filter(status=Status.QUEUED, due_at__lte=now).order_by("created_at", "id")
    for generation in waiting.select_for_update(skip_locked=True)[:20]:
        if generation.start_deadline <= now:
            advance(generation_id=generation.pk, to=Status.EXPIRED, now=now, failure_code="start_deadline")
            continue
        advance(generation_id=generation.pk, to=Status.DISPATCHING, now=now, due_at=now + LOOK_AGAIN)
        return Submission.objects.create(
            generation=generation,
            number=generation.submissions.count() + 1,
            fal_key=next(iter(fal_gateway.key_windows()), fal_gateway.MAIN_KEY),
            created_at=now,
        )
    return None


def _send(submission: Submission, clock: Clock) -> None:
    generation = submission.generation
    try:
        image_url = picture_url(generation.image, key=submission.fal_key, now=clock())
    except (fal_gateway.FalError, OSError) as error:
        _not_accepted(submission, error, clock())
        return
    body = {**generation.params, "image_url": image_url}
    Submission.objects.filter(pk=submission.pk).update(body=body)
    try:
        ticket = fal_gateway.submit(key=submission.fal_key, body=body, webhook_url=_webhook_url(submission))
    except fal_gateway.FalError as error:
        _not_accepted(submission, error, clock())
    except fal_gateway.AnswerLost as error:
        _answer_lost(submission, str(error), clock())
    else:
        accept(submission_id=submission.pk, ticket=ticket, now=clock())


def accept(*, submission_id: int, ticket: fal_gateway.Ticket, now: datetime) -> bool:
    """Record that fal has the request: from its reply, from a webhook that names the token, or from its list.

    Walks from wherever the generation waits to `processing`. False when another request serves the generation
    already or it has ended; the late one is then called off at fal.
    """
    with transaction.atomic():
        submission = Submission.objects.select_related("generation").get(pk=submission_id)
        generation = Generation.objects.select_for_update().get(pk=submission.generation_id)
        submission.refresh_from_db()
        if submission.request_id is not None:
            return submission.request_id == ticket.request_id
        others = generation.submissions.exclude(pk=submission.pk)
        is_wanted = (
            generation.status in {Status.QUEUED, Status.DISPATCHING}
            and not others.exclude(state__in=["refused", "abandoned"]).exists()
        )
        submission.state = SubmissionState.ACCEPTED if is_wanted else SubmissionState.ABANDONED
        submission.request_id = ticket.request_id
        submission.status_url = ticket.status_url
        submission.response_url = ticket.response_url
        submission.cancel_url = ticket.cancel_url
        submission.save()
        if is_wanted:
            if generation.status == Status.QUEUED:
                advance(generation_id=generation.pk, to=Status.DISPATCHING, now=now, note="found at fal")
            advance(generation_id=generation.pk, to=Status.PROCESSING, now=now, due_at=now)
        if not is_wanted or generation.cancel_requested_at is not None:
            enqueue("generations.tasks.cancel_at_fal", submission_id=str(submission.pk))
    if not is_wanted:
        logger.error("extra_request_at_fal", generation=str(generation.pk), request=ticket.request_id)
    return is_wanted


def recover_dispatch(*, generation_id: UUID, now: datetime) -> None:
    """Find out what became of a request whose answer never came. Leaves a sender that still works alone.

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
        _give_up_submission(submission, now, note="never left")
        return
    try:
        listed = fal_gateway.list_requests(
            key=submission.fal_key, since=submission.created_at - timedelta(minutes=1)
        )
    except fal_gateway.FalError as error:
        logger.warning("request_list_unavailable", detail=error.detail)
        _look_again(submission, now)
        return
    request_id = _own_request(submission, listed)
    if request_id:
        accept(submission_id=submission.pk, ticket=fal_gateway.Ticket(request_id), now=now)
    elif now - submission.created_at < 2 * timedelta(seconds=settings.FAL_LOST_REPLY_SECONDS):
        _look_again(submission, now)  # the list may lag behind the queue
    else:
        _give_up_submission(submission, now, note="no trace at fal")


def _own_request(submission: Submission, listed: list[fal_gateway.ListedRequest]) -> str:
    matching = [item.request_id for item in listed if item.input == submission.body and item.request_id]
    taken = set(Submission.objects.filter(request_id__in=matching).values_list("request_id", flat=True))
    return next((request_id for request_id in matching if request_id not in taken), "")


def _not_accepted(submission: Submission, error: Exception, now: datetime) -> None:
    """fal did not take it: back in line for trouble that passes, else the end with the reason."""
    status = getattr(error, "status", 0)
    temporary = getattr(error, "is_temporary", True)
    logger.warning(
        "submission_refused", status=status, detail=str(error), generation=str(submission.generation_id)
    )
    with transaction.atomic():
        Submission.objects.filter(pk=submission.pk).update(state=SubmissionState.REFUSED)
        if temporary:
            _requeue(submission, now, note=f"fal did not accept ({status or 'no connection'})")
            return
        code = code_for(status=status, error_type=getattr(error, "error_type", ""))
        _end(submission, code, str(error), now)


def _answer_lost(submission: Submission, detail: str, now: datetime) -> None:
    logger.warning("submit_answer_lost", generation=str(submission.generation_id), detail=detail)
    Submission.objects.filter(pk=submission.pk, state=SubmissionState.INTENT).update(
        state=SubmissionState.LOST
    )
    _look_again(submission, now)


def _look_again(submission: Submission, now: datetime) -> None:
    later = now + timedelta(seconds=settings.FAL_LOST_REPLY_SECONDS)
    Generation.objects.filter(pk=submission.generation_id, status=Status.DISPATCHING).update(due_at=later)


@transaction.atomic
def _give_up_submission(submission: Submission, now: datetime, *, note: str) -> None:
    generation = Generation.objects.select_for_update().get(pk=submission.generation_id)
    changed = Submission.objects.filter(
        pk=submission.pk, state__in=[SubmissionState.INTENT, SubmissionState.LOST]
    ).update(state=SubmissionState.ABANDONED)
    if not changed or generation.status != Status.DISPATCHING:
        return
    abandoned = generation.submissions.filter(state=SubmissionState.ABANDONED)
    if abandoned.exclude(body={}).count() >= SUBMISSIONS_MAX:
        _end(submission, "provider_silent", note, now)
    elif abandoned.filter(body={}).count() >= DEATHS_MAX:
        _end(submission, "internal_error", "The task died each time before it could send.", now)
    else:
        _requeue(submission, now, note=note)


def _requeue(submission: Submission, now: datetime, *, note: str) -> None:
    """Back in line at the old place, after a pause that doubles; or canceled, when somebody wished so meanwhile."""
    generation = Generation.objects.select_for_update().get(pk=submission.generation_id)
    pause = min(2 ** min(submission.number, DOUBLINGS_MAX), 300)
    moved = advance(
        generation_id=generation.pk,
        to=Status.QUEUED,
        now=now,
        note=note,
        due_at=now + timedelta(seconds=pause),
    )
    if moved is not None and moved.cancel_requested_at is not None:
        advance(generation_id=generation.pk, to=Status.CANCELED, now=now, failure_code="canceled")


def _end(submission: Submission, code: str, detail: str, now: datetime) -> None:
    """fal's final no to a submission. A refusal of content first counts as seen by fal, as the table asks."""
    generation_id = submission.generation_id
    to = Status.FAILED
    if failure_of(code).rejected:
        advance(generation_id=generation_id, to=Status.PROCESSING, now=now)
        to = Status.REJECTED
    advance(generation_id=generation_id, to=to, now=now, failure_code=code, failure_detail=detail[:2000])


def _webhook_url(submission: Submission) -> str:
    """Where fal reports back; "" without a public address, and the poller finds out alone."""
    if not settings.PUBLIC_URL:
        return ""
    return settings.PUBLIC_URL + reverse("generations:fal_webhook", args=[submission.token])
