"""Finds rows that are due and nudges the right task: the guarantee behind every lost message."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts.background import enqueue
from generations.models import Generation
from generations.services.states import DISPATCH_NEXT
from generations.states import IN_FLIGHT, Status

BATCH: Final = 100
# A nudged row is left alone for this long, so that a busy queue is not filled with copies.
PATIENCE: Final = timedelta(seconds=15)
FINISH: Final = "generations.tasks.finish_generation"
RECOVER: Final = "generations.tasks.recover_dispatch"


def enqueue_due(*, now: datetime) -> int:
    """Enqueue what is due: saving, unanswered submissions, and one dispatch for each free slot with work waiting.

    Returns the number of nudges. Jobs that are rendering belong to the poller.
    """
    in_flight = Generation.objects.filter(status__in=IN_FLIGHT).count()
    free = max(settings.FAL_MAX_IN_FLIGHT - in_flight, 0)
    nudged = 0
    for pk in _take_due(Status.FINALIZING, now, BATCH):
        enqueue_finish(pk)
        nudged += 1
    for pk in _take_due(Status.DISPATCHING, now, BATCH):
        enqueue(RECOVER, generation_id=str(pk))
        nudged += 1
    for _ in _take_due(Status.QUEUED, now, min(free, BATCH)):
        enqueue(DISPATCH_NEXT)
        nudged += 1
    return nudged


def enqueue_finish(generation_id: UUID) -> None:
    """Have the media queue bring a generation to its end."""
    enqueue(FINISH, queue="media", generation_id=str(generation_id))


@transaction.atomic
def _take_due(status: Status, now: datetime, limit: int) -> list[UUID]:
    not_just_nudged = Q(nudged_at=None) | Q(nudged_at__lte=now - PATIENCE)
    due = Generation.objects.filter(not_just_nudged, status=status, due_at__lte=now).order_by("due_at")
    ids = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)[:limit])
    Generation.objects.filter(pk__in=ids).update(nudged_at=now)
    return ids
