"""Handing queued jobs to fal: one claim, one request, and what its answer means for the job and for the key."""

import time
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.urls import reverse

from accounts.background import enqueue
from generations import fal_gateway
from generations.clock import Clock
from generations.failures import code_for, context_of, failure_of
from generations.models import Generation, Submission, SubmissionState
from generations.services import breaker, costs, lines
from generations.services.exclusive import exclusive
from generations.services.pictures_at_fal import picture_url
from generations.services.states import DISPATCH_NEXT, advance
from generations.states import Status

logger = structlog.get_logger(__name__)

# Serialises claims, so that two workers cannot both take the last slot at fal.
DISPATCH_LOCK: Final = 0x1754_0001
# When the sweep looks after a job that is being sent: a sender that still lives keeps the generation's lock.
LOOK_AGAIN: Final = timedelta(seconds=10)
_CLAIM: Final = """
    SELECT generations_claim_next(
        %(lock)s, %(keys)s::text[], %(windows)s::integer[], %(now)s, %(stride)s, %(looks)s, %(look_again_at)s,
        %(probe_again_at)s
    )
"""
# A task sends job after job for this long, then hands on to a new one.
SHIFT_SECONDS: Final = 2.0
# The pause between refusals doubles this often.
DOUBLINGS_MAX: Final = 8


def dispatch_ready(*, clock: Clock) -> None:
    """Send jobs while there are jobs and places; after SHIFT_SECONDS the next task goes on."""
    began = time.monotonic()
    while dispatch_next(clock=clock):
        if time.monotonic() - began > SHIFT_SECONDS:
            enqueue(DISPATCH_NEXT)
            return


def dispatch_next(*, clock: Clock) -> bool:
    """Send the next job in line to fal; False when nothing is waiting, no slot is free or no key works."""
    submission = claim_next(clock())
    if submission is None:
        return False
    with exclusive(submission.generation_id) as is_mine:
        if is_mine:
            _send(submission, clock)
    return True


def claim_next(now: datetime) -> Submission | None:
    """Take the job whose turn it is and commit the intent to send it, before anything leaves; None: none may be sent.

    One statement: the key with room (`windows`), the turn (`lines`), the move to `dispatching` with its event, and the
    submission. The job was waiting and is locked, which is all that the table asks of this move. If its key rests, it
    is the probe, and no other follows until the outcome is known.

    Locks, in this order: the dispatcher's lock, the two lines, the generation, the key on its probe.
    """
    keys = fal_gateway.key_windows()
    with connection.cursor() as cursor:
        cursor.execute(
            _CLAIM,
            {
                "lock": DISPATCH_LOCK,
                "keys": list(keys),
                "windows": list(keys.values()),
                "now": now,
                "stride": lines.STRIDE,
                "looks": lines.LOOKS_MAX,
                "look_again_at": now + LOOK_AGAIN,
                "probe_again_at": now + breaker.PROBE_PATIENCE,
            },
        )
        claimed = cursor.fetchone()[0]
    if claimed is None:
        return None
    return Submission.objects.select_related("generation__image").get(pk=claimed)


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

    Walks from wherever the generation waits to `processing`. False when the request belongs to another submission,
    when another request serves the generation already, or when it has ended or was edited; such a request of ours
    is called off at fal. Repeating is harmless. Locks the generation.
    """
    with transaction.atomic():
        generation = Generation.objects.select_for_update(of=("self",)).get(submissions=submission_id)
        submission = generation.submissions.get(pk=submission_id)
        if submission.request_id is not None:
            return submission.request_id == ticket.request_id
        if Submission.objects.filter(request_id=ticket.request_id).exists():
            # Taken for a twin's with the same input: this one's own request is found in fal's list.
            logger.warning("request_taken", generation=str(generation.pk), request=ticket.request_id)
            return False
        is_wanted = _is_wanted(submission, generation)
        submission.state = SubmissionState.ACCEPTED if is_wanted else SubmissionState.ABANDONED
        submission.request_id = ticket.request_id
        submission.status_url = ticket.status_url
        submission.response_url = ticket.response_url
        submission.cancel_url = ticket.cancel_url
        costs.expect(submission, now=now)
        submission.save()
        if is_wanted:
            _start_processing(generation, submission, now)
        if not is_wanted or generation.cancel_requested_at is not None:
            enqueue("generations.tasks.cancel_at_fal", submission_id=str(submission.pk))
    breaker.accepted(submission.fal_key, sent_at=submission.created_at)
    if not is_wanted:
        logger.error("extra_request_at_fal", generation=str(generation.pk), request=ticket.request_id)
    return is_wanted


def _is_wanted(submission: Submission, generation: Generation) -> bool:
    others = generation.submissions.exclude(pk=submission.pk)
    alive = (SubmissionState.INTENT, SubmissionState.ACCEPTED, SubmissionState.LOST)
    return (
        submission.state != SubmissionState.SUPERSEDED
        and generation.status in {Status.QUEUED, Status.DISPATCHING}
        and not others.filter(state__in=alive).exists()
    )


def _start_processing(generation: Generation, submission: Submission, now: datetime) -> None:
    if generation.status == Status.QUEUED:
        advance(
            generation_id=generation.pk, to=Status.DISPATCHING, now=now, note="found at fal", paused_at=None
        )
    advance(
        generation_id=generation.pk,
        to=Status.PROCESSING,
        now=now,
        due_at=now,
        sent_at=now,
        fal_key=submission.fal_key,
    )


def _not_accepted(submission: Submission, error: fal_gateway.FalError | OSError, now: datetime) -> None:
    """fal did not take it: back in line for trouble that passes, else the end with the reason."""
    status = error.status if isinstance(error, fal_gateway.FalError) else 0
    words = f"{status} {error}".strip()
    logger.warning("submission_refused", detail=words, generation=str(submission.generation_id))
    code, not_before, limits = "", now, {}
    if isinstance(error, fal_gateway.FalError) and not error.is_temporary:
        code = code_for(status=status, error_type=error.error_type)
        limits = context_of(
            error_type=error.error_type, place=error.context.place, values=error.context.values
        )
    elif isinstance(error, fal_gateway.FalError):
        again_at = _blame(submission, error, now)
        code, not_before = ("", again_at) if again_at else ("content_policy_violation", now)
    with transaction.atomic():
        sent = Submission.objects.filter(pk=submission.pk, state=SubmissionState.INTENT)
        if not sent.update(state=SubmissionState.REFUSED, refusal=words[:300]):
            return  # a webhook has proved the contrary
        if code:
            end(submission, code, words, now, limits)
        else:
            note = f"fal did not accept ({status or 'no connection'})"
            requeue(submission, now, note=note, not_before=not_before)


def _blame(submission: Submission, error: fal_gateway.FalError, now: datetime) -> datetime | None:
    """What a refusal that may pass says about the key. Returns when the job may try again; None: never, as it is."""
    name, sent_at = submission.fal_key, submission.created_at
    if error.status == 401:
        return breaker.refused(name, sent_at=sent_at, reason="fal does not know this key.", now=now)
    if breaker.reads_like_a_lock(error):
        verdict = breaker.Verdict.ACCOUNT
        if not _is_spent(name):
            verdict = breaker.judge(submission, reason=error.detail, now=now)
        if verdict is breaker.Verdict.CONTENT:
            return None
        if verdict is breaker.Verdict.ACCOUNT:
            return breaker.refused(name, sent_at=sent_at, reason=error.detail, now=now)
    elif error.status not in {408, 429}:
        breaker.failed(name, sent_at=sent_at, reason=error.detail, now=now)
    return now


def _is_spent(name: str) -> bool:
    """Whether the account's balance proves the lock; one that cannot be asked proves nothing."""
    try:
        return fal_gateway.fetch_balance(key=name) <= 0
    except fal_gateway.FalError as error:
        logger.warning("balance_unavailable", key=name, detail=error.detail)
        return False


def _answer_lost(submission: Submission, detail: str, now: datetime) -> None:
    logger.warning("submit_answer_lost", generation=str(submission.generation_id), detail=detail)
    Submission.objects.filter(pk=submission.pk, state=SubmissionState.INTENT).update(
        state=SubmissionState.LOST
    )
    look_again(submission, now)
    breaker.failed(submission.fal_key, sent_at=submission.created_at, reason=detail, now=now)


def look_again(submission: Submission, now: datetime) -> None:
    """Give the webhook that names the token time to come."""
    later = now + timedelta(seconds=settings.FAL_LOST_REPLY_SECONDS)
    Generation.objects.filter(pk=submission.generation_id, status=Status.DISPATCHING).update(due_at=later)


def requeue(submission: Submission, now: datetime, *, note: str, not_before: datetime | None = None) -> None:
    """Back in line at the old place and turn, after a pause that doubles; or canceled, when somebody wished so.

    In the caller's transaction. Locks the generation, then its lines.
    """
    generation = Generation.objects.select_for_update().get(pk=submission.generation_id)
    pause = timedelta(seconds=min(2 ** min(submission.number, DOUBLINGS_MAX), 300))
    moved = advance(
        generation_id=generation.pk,
        to=Status.QUEUED,
        now=now,
        note=note,
        due_at=max(now + pause, not_before or now),
        fal_key="",
    )
    if moved is None:
        return
    if moved.cancel_requested_at is not None:
        advance(generation_id=generation.pk, to=Status.CANCELED, now=now, failure_code="canceled")
    else:
        lines.give_back(moved)


def end(
    submission: Submission, code: str, detail: str, now: datetime, limits: dict[str, str] | None = None
) -> None:
    """fal's final no to a submission, with the limits it named.

    A refusal of content first counts as seen by fal, as the table asks.
    """
    generation_id = submission.generation_id
    to = Status.FAILED
    if failure_of(code).rejected:
        advance(generation_id=generation_id, to=Status.PROCESSING, now=now)
        to = Status.REJECTED
    advance(
        generation_id=generation_id,
        to=to,
        now=now,
        failure_code=code,
        failure_detail=detail[:2000],
        failure_context=limits or {},
    )


def _webhook_url(submission: Submission) -> str:
    """Where fal reports back; "" without a public address, and the poller finds out alone."""
    if not settings.PUBLIC_URL:
        return ""
    return settings.PUBLIC_URL + reverse("generations:fal_webhook", args=[submission.token])
