"""What people do with clips that wait: pause, resume, move within their own line, and what time does: expire."""

from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.actors import Actor
from accounts.background import enqueue
from accounts.errors import DomainError
from accounts.permissions import GENERATIONS_MANAGE
from generations.models import Generation
from generations.services import breaker, eta, lines
from generations.services.cancellation import GenerationNotFound
from generations.services.states import DISPATCH_NEXT, advance
from generations.states import IN_FLIGHT, Status

# Room that is left between neighbours in a line, in the units of `line_order` (µs).
SPACING: Final = 1_000_000
EXPIRED_AT_ONCE: Final = 50
# Where a clip waits in line, or may come back to it from.
MAY_WAIT: Final = frozenset({Status.IN_REVIEW, Status.QUEUED}) | IN_FLIGHT
# Seconds after which a client may ask again while nothing is sent.
PAUSED_RETRY_AFTER: Final = 60


class LeftTheLine(DomainError):
    code: ClassVar[str] = "state_conflict"


class NotYours(DomainError):
    code: ClassVar[str] = "forbidden"


class OtherLine(DomainError):
    """Clips are put in order only among those of one member."""

    code: ClassVar[str] = "state_conflict"


class UpstreamPaused(DomainError):
    code: ClassVar[str] = "upstream_paused"
    retryable: ClassVar[bool] = True


@transaction.atomic
def pause_generation(*, actor: Actor, generation_id: UUID) -> Generation:
    """Keep a waiting clip from being sent. It keeps its place, its price and its start deadline.

    Repeating is harmless. Raises GenerationNotFound, NotYours, and LeftTheLine once it was sent. Locks it.
    """
    generation = lock_waiting(actor, generation_id)
    if generation.paused_at is None:
        generation.paused_at = timezone.now()
        eta.withdraw(generation)
        generation.save(update_fields=["paused_at", *eta.COLUMNS])
    return generation


@transaction.atomic
def resume_generation(*, actor: Actor, generation_id: UUID) -> Generation:
    """Let a paused clip be sent when its turn comes. Raises as `pause_generation`. Locks it, then its lines."""
    generation = lock_waiting(actor, generation_id)
    if generation.paused_at is not None:
        generation.paused_at = None
        generation.save(update_fields=["paused_at"])
        lines.wake(generation, now=timezone.now())
        enqueue(DISPATCH_NEXT)
    return generation


@transaction.atomic
def run_next(*, actor: Actor, generation_id: UUID) -> Generation:
    """Put a clip at the front of its member's line, also before clips at fal, should fal send one of them back.

    Raises as `pause_generation`. Locks that line's order.
    """
    _lock_order(actor, generation_id)
    generation = lock_waiting(actor, generation_id)
    first = _others(generation, in_states=MAY_WAIT).first()
    if first is not None and (first.line_order, first.pk) < (generation.line_order, generation.pk):
        _place(generation, first.line_order - SPACING)
    return generation


@transaction.atomic
def move_generation(
    *, actor: Actor, generation_id: UUID, before: UUID | None = None, after: UUID | None = None
) -> Generation:
    """Put a clip directly before or after another one of the same member's line.

    Raises as `pause_generation` for either clip, OtherLine when they belong to different members, and ValueError
    unless exactly one neighbour is named. Locks that line's order.
    """
    neighbour_id = before or after
    if neighbour_id is None or (before and after):
        raise ValueError("Name the clip before which, or the one after which.")
    _lock_order(actor, generation_id)
    generation = lock_waiting(actor, generation_id)
    if neighbour_id == generation.pk:
        return generation
    neighbour = lock_waiting(actor, neighbour_id)
    if neighbour.created_by_id != generation.created_by_id:
        raise OtherLine("Both clips must belong to the same person's line.")
    order = _order_beside(generation, neighbour.pk, after=before is None)
    if order is None:
        _spread(generation)
        order = _order_beside(generation, neighbour.pk, after=before is None)
    _place(generation, order if order is not None else generation.line_order)
    return generation


def expire_due(*, now: datetime) -> int:
    """End waiting jobs whose start deadline has passed, paused ones too; nothing is charged. Returns how many.

    Each in a transaction of its own, at most EXPIRED_AT_ONCE at once.
    """
    late = Generation.objects.filter(status=Status.QUEUED, start_deadline__lte=now).order_by("start_deadline")
    ended = [
        advance(generation_id=pk, to=Status.EXPIRED, now=now, failure_code="start_deadline")
        for pk in late.values_list("pk", flat=True)[:EXPIRED_AT_ONCE]
    ]
    return len([generation for generation in ended if generation is not None])


def refuse_when_full(*, coming: int = 1) -> None:
    """Raise UpstreamPaused while nothing is sent and `coming` more jobs would make the line longer than QUEUE_MAX."""
    if not breaker.is_paused():
        return
    if Generation.objects.filter(status=Status.QUEUED).count() + coming > settings.QUEUE_MAX:
        raise UpstreamPaused(
            "Rendering is paused and the line is full. Clips in line keep their place and price. "
            "Try again in a few minutes.",
            retry_after=PAUSED_RETRY_AFTER,
        )


def lock_waiting(actor: Actor, generation_id: UUID) -> Generation:
    """The actor's waiting clip, locked. Raises GenerationNotFound, NotYours and LeftTheLine."""
    own = Generation.objects.for_team(actor.team)
    generation = own.select_for_update(of=("self",)).filter(pk=generation_id).first()
    if generation is None:
        raise GenerationNotFound("There is no such clip in this team.")
    if not may_change(actor, generation):
        raise NotYours("Only its maker, an admin or the owner may change a waiting clip.")
    if generation.status != Status.QUEUED:
        raise LeftTheLine("This clip has left the line and can no longer be changed.")
    return generation


def may_change(actor: Actor, generation: Generation) -> bool:
    """Members change what they made; admins and owners every waiting clip of the team."""
    is_own = actor.user is not None and generation.created_by_id == actor.user.pk
    return is_own or actor.may(GENERATIONS_MANAGE)


def _lock_order(actor: Actor, generation_id: UUID) -> None:
    """One change of order at a time in a team; taken before any row, so that such changes cannot block each other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"order:{actor.team.pk}"])


def _others(
    generation: Generation, in_states: frozenset[Status] = frozenset({Status.QUEUED})
) -> QuerySet[Generation]:
    """The member's other clips in these states, in their order; those that wait, unless told otherwise."""
    line = Generation.objects.filter(
        team=generation.team_id, created_by=generation.created_by_id, status__in=in_states
    )
    return line.exclude(pk=generation.pk).order_by("line_order", "id")


def _order_beside(generation: Generation, neighbour: UUID, *, after: bool) -> int | None:
    """A number between the neighbour and the clip on its other side; None when there is no room."""
    line = list(_others(generation).values_list("pk", "line_order"))
    place = [pk for pk, _ in line].index(neighbour) + after
    if place == len(line):
        return line[-1][1] + 1
    if place == 0:
        return line[0][1] - SPACING
    low, high = line[place - 1][1], line[place][1]
    return low + (high - low) // 2 if high - low > 1 else None


def _spread(generation: Generation) -> None:
    """Make room between the member's waiting clips; the last keeps its number, so that new clips stay behind it."""
    rows = list(_others(generation).select_for_update(of=("self",)))
    for back, row in enumerate(reversed(rows)):
        row.line_order = rows[-1].line_order - back * SPACING
    Generation.objects.bulk_update(rows, ["line_order"])


def _place(generation: Generation, order: int) -> None:
    generation.line_order = order
    generation.save(update_fields=["line_order"])
