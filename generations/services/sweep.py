"""Finds rows that are due and nudges the right task: the guarantee behind every lost message."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts.background import enqueue
from billing.services import overdue_holds
from generations.models import Generation
from generations.services import breaker, lines, windows
from generations.services.queueing import expire_due
from generations.services.states import DISPATCH_NEXT
from generations.states import Status

BATCH: Final = 100
# A nudged row is left alone for this long, so that a busy queue is not filled with copies.
PATIENCE: Final = timedelta(seconds=15)
# Each dispatching task sends job after job, so a few nudges fill every free place.
DISPATCHERS: Final = 2
FINISH: Final = "generations.tasks.finish_generation"
RECOVER: Final = "generations.tasks.recover_dispatch"
DRAW_PREVIEWS: Final = "generations.tasks.draw_previews"
CANCEL: Final = "generations.tasks.cancel_at_fal"
ASK_OVERDUE: Final = "generations.tasks.ask_about_overdue"


def enqueue_due(*, now: datetime) -> int:
    """Enqueue what is due: saving, unanswered submissions, and dispatching when a job and a place wait.

    Takes jobs whose start deadline has passed out of the line, paused ones too. Returns the number of nudges. Jobs
    that are rendering belong to the poller.
    """
    expire_due(now=now)
    nudged = 0
    for pk in _take_due(Status.FINALIZING, now, BATCH):
        enqueue_finish(pk)
        nudged += 1
    for pk in _take_due(Status.SUCCEEDED, now, BATCH):
        enqueue(DRAW_PREVIEWS, queue="media", generation_id=str(pk))
        nudged += 1
    for pk in _take_due(Status.DISPATCHING, now, BATCH):
        enqueue(RECOVER, generation_id=str(pk))
        nudged += 1
    free = sum(windows.free_places(now=now).values())
    for _ in _take_due(Status.QUEUED, now, min(free, DISPATCHERS)):
        enqueue(DISPATCH_NEXT)
        nudged += 1
    return nudged


def enqueue_rare(*, now: datetime) -> None:
    """What needs a look only now and then.

    Lines that sleep, cancellations that fal has not heard, holds that are overdue, operators who do not know.
    """
    lines.mend(now=now)
    canceling = Generation.objects.filter(status=Status.PROCESSING, cancel_requested_at__lte=now - PATIENCE)
    submissions = canceling.filter(submissions__state="accepted").values_list("submissions", flat=True)
    for submission_id in submissions[:BATCH]:
        enqueue(CANCEL, submission_id=str(submission_id))
    for attempt in overdue_holds(now=now, limit=BATCH):
        enqueue(ASK_OVERDUE, attempt=str(attempt))
    for name in breaker.untold_keys():
        enqueue(breaker.TELL_OPERATORS, fal_key=name)


def enqueue_finish(generation_id: UUID) -> None:
    """Have the media queue bring a generation to its end."""
    enqueue(FINISH, queue="media", generation_id=str(generation_id))


@transaction.atomic
def _take_due(status: Status, now: datetime, limit: int) -> list[UUID]:
    not_just_nudged = Q(nudged_at=None) | Q(nudged_at__lte=now - PATIENCE)
    due = Generation.objects.filter(not_just_nudged, status=status, due_at__lte=now, paused_at=None)
    chosen = due.order_by("due_at").select_for_update(skip_locked=True)
    ids = list(chosen.values_list("pk", flat=True)[:limit])
    Generation.objects.filter(pk__in=ids).update(nudged_at=now)
    return ids
