"""Stops sending with a key that fal refuses or that meets only errors, and tries again by itself.

What proves that a key is of no use: fal does not know it, its account's balance is spent, or FAILURES_MAX attempts in
a row met a server error or no server. A locked account and some refusals of content are told in the same words, so
such a refusal alone is only a suspicion: until another job is refused alike, or the same job was refused
SUSPICIONS_MAX times with nothing to compare it to. A job that is refused so again, although others were accepted
since the last time, is refused for its content.

The rows are the truth, so that a restart changes nothing. No function locks more than the key's row, so that they can
be called with a generation locked.
"""

from datetime import datetime, timedelta
from enum import Enum
from typing import Final

import structlog
from django.db import transaction

from accounts.background import enqueue
from generations import fal_gateway
from generations.models import BreakerState, FalKey, Generation, Submission, SubmissionState
from generations.services import lines
from generations.services.states import DISPATCH_NEXT
from generations.states import Status

logger = structlog.get_logger(__name__)

FAILURES_MAX: Final = 5
SUSPICIONS_MAX: Final = 3
FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(minutes=10)
# A probe whose outcome stays unknown is followed by another after this.
PROBE_PATIENCE: Final = timedelta(minutes=1)
# A refused job waits a little longer than the key, so that the probe is another job where there is one.
BEHIND_PROBE: Final = timedelta(seconds=5)
LOCK_WORDS: Final = "user is locked"
RECALL: Final = "generations.tasks.recall_jobs"
TELL_OPERATORS: Final = "generations.tasks.tell_operators"


class Verdict(Enum):
    """What a refusal in the words of a locked account was about."""

    ACCOUNT = "account"
    CONTENT = "content"
    UNKNOWN = "unknown"


def reads_like_a_lock(error: fal_gateway.FalError) -> bool:
    return error.status == 403 and LOCK_WORDS in error.detail.lower()


def is_paused() -> bool:
    """Whether nothing is sent at all: no configured key works."""
    names = list(fal_gateway.key_windows())
    resting = FalKey.objects.filter(name__in=names).exclude(breaker=BreakerState.CLOSED).count()
    return bool(names) and resting == len(names)


@transaction.atomic
def accepted(name: str, *, sent_at: datetime) -> None:
    """fal took a job sent at `sent_at`: the key works, unless that was before the trouble began. Locks the key."""
    key = FalKey.objects.select_for_update().filter(pk=name).first()
    if key is None or _is_older(sent_at, key):
        return
    was_closed = key.breaker == BreakerState.CLOSED
    key.breaker, key.reason, key.failures, key.openings = BreakerState.CLOSED, "", 0, 0
    key.opened_at = key.probe_at = key.suspicion = key.suspected_at = None
    key.accepted_at = max(sent_at, key.accepted_at or sent_at)
    key.save()
    if not was_closed:
        logger.info("breaker_closed", key=name)
        enqueue(TELL_OPERATORS, fal_key=name)
        enqueue(RECALL)


@transaction.atomic
def failed(name: str, *, sent_at: datetime, reason: str, now: datetime) -> None:
    """An attempt met a server error or no server: FAILURES_MAX in a row open the breaker. Locks the key."""
    key = _locked(name)
    if key.breaker == BreakerState.OPEN or _is_older(sent_at, key):
        return
    key.failures += 1
    if key.breaker == BreakerState.HALF_OPEN or key.failures >= FAILURES_MAX:
        _open(key, f"{key.failures} attempts in a row failed; the last: {reason}", now)
    key.save()


def refused(name: str, *, sent_at: datetime, reason: str, now: datetime) -> datetime:
    """fal does not serve this key or its account: opens the breaker. Locks the key, then the suspected job.

    Returns when the refused job may try again: behind the probe, as does the one that was suspected first.
    """
    with transaction.atomic():
        key = _locked(name)
        if key.breaker != BreakerState.OPEN and not _is_older(sent_at, key):
            _open(key, reason, now)
            key.save()
    again_at = (key.probe_at or now) + BEHIND_PROBE
    if key.suspicion_id is not None:
        suspected = Generation.objects.filter(pk=key.suspicion_id, status=Status.QUEUED)
        suspected.filter(due_at__lt=again_at).update(due_at=again_at)
    return again_at


@transaction.atomic
def judge(submission: Submission, *, reason: str, now: datetime) -> Verdict:
    """What a refusal in the words of a lock was about; keeps a first one as a suspicion. Locks the key."""
    key = _locked(submission.fal_key)
    earlier = list(_earlier_refusals(submission))
    compared = key.suspicion_id not in {None, submission.generation_id}
    if not compared and earlier and key.accepted_at is not None and key.accepted_at > earlier[0]:
        return Verdict.CONTENT
    if compared or len(earlier) + 1 >= SUSPICIONS_MAX or key.breaker != BreakerState.CLOSED:
        return Verdict.ACCOUNT
    logger.warning("lock_suspected", key=key.name, generation=str(submission.generation_id), reason=reason)
    key.suspicion, key.suspected_at = submission.generation, now
    key.save()
    return Verdict.UNKNOWN


def try_now(name: str, *, now: datetime) -> bool:
    """End the pause of a key, and of the jobs held back with it; False for a key that is not paused."""
    paused = FalKey.objects.filter(pk=name).exclude(breaker=BreakerState.CLOSED)
    if not paused.update(breaker=BreakerState.OPEN, probe_at=now):
        return False
    recall(now=now)
    return True


def recall(*, now: datetime) -> None:
    """Let jobs that were held back try at once. Never with a key's row locked: dispatching locks lines before it."""
    Generation.objects.filter(status=Status.QUEUED, due_at__gt=now).update(due_at=now)
    lines.mend(now=now)
    enqueue(DISPATCH_NEXT)


def untold_keys() -> list[str]:
    """Keys whose operators do not know yet that they stopped, or work again."""
    return [key.name for key in FalKey.objects.all() if key.told_open != key.is_resting]


def _open(key: FalKey, reason: str, now: datetime) -> None:
    was_closed = key.breaker == BreakerState.CLOSED
    pause = min(FIRST_PAUSE * 2 ** min(key.openings, 10), LONGEST_PAUSE)
    key.breaker, key.reason, key.opened_at, key.probe_at = BreakerState.OPEN, reason[:300], now, now + pause
    key.failures, key.openings = 0, key.openings + 1
    logger.error("breaker_opened", key=key.name, reason=reason, seconds=pause.total_seconds())
    if was_closed:
        enqueue(TELL_OPERATORS, fal_key=key.name)


def _locked(name: str) -> FalKey:
    FalKey.objects.get_or_create(pk=name)
    return FalKey.objects.select_for_update().get(pk=name)


def _is_older(sent_at: datetime, key: FalKey) -> bool:
    """What was sent before the breaker opened says nothing about the key as it is now."""
    return key.opened_at is not None and sent_at < key.opened_at


def _earlier_refusals(submission: Submission) -> list[datetime]:
    """When this job was refused so before with the same key, latest first."""
    others = Submission.objects.filter(generation=submission.generation_id, fal_key=submission.fal_key)
    alike = others.filter(state=SubmissionState.REFUSED, refusal__icontains=LOCK_WORDS)
    return list(alike.exclude(pk=submission.pk).order_by("-created_at").values_list("created_at", flat=True))
