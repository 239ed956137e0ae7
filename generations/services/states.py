"""The one function that changes a generation's state."""

from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction

from accounts.background import enqueue
from billing.services import hold_of, settle_hold
from billing.services.pricing import price_of
from generations.models import Generation, GenerationEvent
from generations.services import clip_news, lines
from generations.states import IN_FLIGHT, RELEASING, TERMINAL, TRANSITIONS, Status

logger = structlog.get_logger(__name__)

DISPATCH_NEXT = "generations.tasks.dispatch_next"


@transaction.atomic(savepoint=False)
def advance(
    *, generation_id: UUID, to: Status, now: datetime, actor: str = "system", note: str = "", **changes: Any
) -> Generation | None:
    """Move the generation to `to` and settle what that means for its hold; None when the row has moved on.

    Locks the generation, re-reads it and looks the move up in the transition table: evidence that comes late or
    twice changes nothing. `changes` are columns to set with it. Releases, or captures for `changes["frames"]`
    delivered, in the same transaction. Inside the caller's one an error here undoes all of it. A job that comes back
    to the line wakes it, unless it was called off.
    """
    source = _locked_status(generation_id)  # most evidence comes late and needs no more
    if to not in TRANSITIONS[source]:
        logger.info("move_refused", generation=str(generation_id), source=source, to=to)
        return None
    generation = Generation.objects.get(pk=generation_id)
    _set(
        generation,
        {
            "status": to,
            "attempts": 0,
            "due_at": now if to == Status.QUEUED else None,
            "ended_at": now if to in TERMINAL else None,
            **changes,
        },
    )
    record_event(generation, source=source, actor=actor, note=note, now=now)
    if to in RELEASING:
        settle_hold(generation_id=generation.hold_attempt, used=0)
    elif to == Status.SUCCEEDED:
        settle_hold(generation_id=generation.hold_attempt, used=_price_of_delivered(generation))
    if to in TERMINAL:
        clip_news.note_end(generation)
    if to == Status.QUEUED and generation.cancel_requested_at is None:
        lines.wake(generation, now=now)
    if to == Status.QUEUED or (source in IN_FLIGHT and to not in IN_FLIGHT):
        enqueue(DISPATCH_NEXT)  # a job is waiting, or a slot at fal is free again
    return generation


def record_event(
    generation: Generation, *, source: Status | None, now: datetime, actor: str = "system", note: str = ""
) -> None:
    """Append the change to the generation's timeline."""
    GenerationEvent.objects.create(
        generation=generation,
        from_status=source or "",
        to_status=generation.status,
        actor=actor,
        note=note[:200],
        created_at=now,
    )


def _locked_status(generation_id: UUID) -> Status:
    """Plain SQL: every delivery and every poll asks, and building this with the ORM takes longer than running it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT status FROM generations_generation WHERE id = %s FOR UPDATE", [generation_id])
        row = cursor.fetchone()
    if row is None:
        raise Generation.DoesNotExist(f"There is no generation {generation_id}.")
    return Status(row[0])


def _set(generation: Generation, changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        setattr(generation, name, value)
    generation.save(update_fields=list(changes))


def _price_of_delivered(generation: Generation) -> int:
    """µ$ for the frames that arrived, by the price that was held; never more than the hold."""
    hold = hold_of(generation.hold_attempt)
    if hold is None:
        raise LookupError(f"Generation {generation.pk} has no hold.")
    requested = generation.params["num_frames"]
    if generation.frames >= requested:
        return hold.amount
    return price_of(rate_nanos=hold.rate_nanos, num_frames=generation.frames, passes=hold.passes)
