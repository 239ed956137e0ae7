"""Follows every job at fal by asking for its status; the one process that does so for all of them.

Rows say when a job is asked about next, so a restarted poller simply goes on. Quick at first, slower with age.
"""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from generations import fal_gateway
from generations.models import Generation, Submission, SubmissionState
from generations.services.sweep import enqueue_finish
from generations.states import Status

# A status request that was claimed but never answered (the poller died) is due again after this.
POLL_LEASE: Final = timedelta(seconds=20)
# After "completed" the media queue has this long before the job is asked about again.
FINISH_PATIENCE: Final = timedelta(seconds=20)
STEP: Final = re.compile(r"\b(\d{1,4})\s*/\s*(\d{1,4})\b")
SHOWN_LOG_LINES: Final = 8


@dataclass(frozen=True, slots=True)
class Poll:
    """One job to ask about; `age` is the seconds since it was handed to fal."""

    generation_id: UUID
    fal_key: str
    request_id: str
    status_url: str
    age: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What asking brought; `reply` is None when fal gave no evidence of anything."""

    poll: Poll
    reply: fal_gateway.StatusReply | None


@transaction.atomic
def claim_due_polls(*, now: datetime, limit: int) -> list[Poll]:
    """Up to `limit` jobs whose time has come, longest due first; their next time moves behind a lease."""
    due = Generation.objects.filter(status=Status.PROCESSING, due_at__lte=now).order_by("due_at")
    ids = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)[:limit])
    if not ids:
        return []
    Generation.objects.filter(pk__in=ids).update(due_at=now + POLL_LEASE)
    rows = Submission.objects.filter(generation__in=ids, state=SubmissionState.ACCEPTED)
    return [
        Poll(
            generation_id=row.generation_id,
            fal_key=row.fal_key,
            request_id=row.request_id or "",
            status_url=row.status_url,
            age=(now - row.created_at).total_seconds(),
        )
        for row in rows
    ]


def poll_interval(*, age: float, in_flight: int) -> timedelta:
    """One second while young, a twentieth of the age later, 15 s at most; longer if the request rate demands it."""
    wish = min(max(1.0, age / 20), 15.0)
    return timedelta(seconds=max(wish, in_flight / settings.FAL_POLLS_PER_SECOND))


@transaction.atomic
def apply_outcomes(outcomes: Sequence[Outcome], *, now: datetime) -> None:
    """Write what fal said: place and log for the page, the next time to ask, and the nudge to finish.

    One statement for all rows, and only for those that are still `processing`: a webhook may have been quicker.
    A request that fal no longer knows is finished too: asking for its result tells why.
    """
    in_flight = Generation.objects.filter(status=Status.PROCESSING).count()
    rows = [_row(outcome, now, in_flight) for outcome in outcomes]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE generations_generation AS job SET
                due_at = told.due_at,
                queue_position = CASE WHEN told.heard THEN told.place ELSE job.queue_position END,
                logs = CASE WHEN told.heard AND told.logs <> '[]' THEN told.logs ELSE job.logs END,
                progress = CASE WHEN told.heard THEN told.progress ELSE job.progress END,
                started_at = CASE WHEN told.running THEN coalesce(job.started_at, %s) ELSE job.started_at END
            FROM unnest(%s::uuid[], %s::timestamptz[], %s::int[], %s::jsonb[], %s::int[], %s::bool[], %s::bool[])
                AS told (id, due_at, place, logs, progress, heard, running)
            WHERE job.id = told.id AND job.status = 'processing'
            """,
            [now, *(list(column) for column in zip(*rows, strict=True))],
        )
    for outcome in outcomes:
        if outcome.reply is not None and outcome.reply.status in {"COMPLETED", ""}:
            enqueue_finish(outcome.poll.generation_id)


def progress_of(logs: Sequence[str], *, running: bool) -> int:
    """Percent from the last "step n/m" of fal's log; 0 while queued, 99 at most before the result is here."""
    for line in reversed(logs):
        match = STEP.search(line)
        if match and 0 < int(match[2]) >= int(match[1]):
            return min(math.floor(100 * int(match[1]) / int(match[2])), 99)
    return 1 if running else 0


def _row(
    outcome: Outcome, now: datetime, in_flight: int
) -> tuple[str, datetime, int | None, str, int, bool, bool]:
    reply, poll = outcome.reply, outcome.poll
    finished = reply is not None and reply.status in {"COMPLETED", ""}
    due_at = now + (FINISH_PATIENCE if finished else poll_interval(age=poll.age, in_flight=in_flight))
    if reply is None:
        return str(poll.generation_id), due_at, None, "[]", 0, False, False
    running = reply.status == "IN_PROGRESS"
    return (
        str(poll.generation_id),
        due_at,
        reply.queue_position,
        json.dumps(reply.logs[-SHOWN_LOG_LINES:]),
        99 if reply.status == "COMPLETED" else progress_of(reply.logs, running=running),
        True,
        running,
    )
