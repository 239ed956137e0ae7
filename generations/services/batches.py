"""Clips ordered together: one price, all held or none; each clip then goes its own way."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, OuterRef, Subquery, Sum
from django.utils import timezone

from accounts.actors import Actor
from accounts.errors import DomainError, FieldErrors, RowErrors
from accounts.models import Project
from billing.services import Hold, Quote, check_holds, quote_all
from generations.models import Batch, BatchKind, Generation, Image
from generations.parameters import ClipParams
from generations.services import lines
from generations.services.cancellation import CancelOutcome, cancel_generation
from generations.services.submission import (
    KeyReused,
    Order,
    accept_rows,
    fingerprint,
    hash_of,
    hold_price,
    new_row,
    prices_of,
    with_project,
    with_quote,
)
from generations.states import TERMINAL, Status

NO_PICTURE = "There is no picture with this id in this team."


class BatchNotFound(DomainError):
    code = "not_found"


@dataclass(frozen=True, slots=True)
class BatchResult:
    batch: Batch
    replayed: bool


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """How many clips are in which state, and what became of the credits (µ$)."""

    counts: Mapping[str, int] = field(default_factory=dict)
    held: int = 0
    captured: int = 0
    released: int = 0

    @property
    def size(self) -> int:
        return sum(self.counts.values())

    @property
    def ended(self) -> int:
        return sum(self.counts.get(status, 0) for status in TERMINAL)

    @property
    def ready(self) -> int:
        return self.counts.get(Status.SUCCEEDED, 0)

    @property
    def is_finished(self) -> bool:
        return self.ended == self.size


def quote_batch(clips: Sequence[ClipParams], *, now: datetime | None = None) -> list[Quote]:
    """The price of each clip. Raises FieldErrors for none or too many."""
    _check_size(len(clips))
    return quote_all([params.priced for params in clips], now=now)


@transaction.atomic
def submit_batch(
    *,
    actor: Actor,
    kind: BatchKind,
    orders: Sequence[Order],
    idempotency_key: str,
    name: str = "",
    request_hash: str = "",
    start_within: int | None = None,
    quote_id: UUID | None = None,
    project: Project | None = None,
    now: datetime | None = None,
) -> BatchResult:
    """Put all clips in line and hold each one's price; all of it happens or none of it.

    A repeated key returns the first batch. `start_within` (seconds) is each clip's start deadline. The prices are
    today's, or what the quote `quote_id` promised for all of them; the clips count for `project`. Raises KeyReused,
    FieldErrors for none or too many clips, RowErrors for pictures of others, billing.QuoteExpired and QuoteMismatch,
    and what `check_holds` raises: its amounts are those of the whole. Inserts the clips, then locks the wallet.
    """
    now = now or timezone.now()
    request_hash = with_quote(
        request_hash
        or hash_of([kind.value, name, [fingerprint(order.image_id, order.params) for order in orders]]),
        quote_id,
    )
    request_hash = with_project(request_hash, actor, project)
    earlier = replay_of_batch(actor, idempotency_key, request_hash)
    if earlier is not None:
        return earlier
    _check_size(len(orders))
    _check_pictures(actor, orders)
    prices = prices_of(actor, [order.params for order in orders], quote_id=quote_id, now=now)
    batch = Batch(
        team=actor.team,
        created_by=actor.user,
        api_key=actor.key,
        project=project,
        kind=kind,
        name=name,
        idempotency_key=idempotency_key,
        request_hash=request_hash,
        size=len(orders),
        price=sum(price.amount for price in prices),
        created_at=now,
    )
    twin = _insert_or_twin(actor, batch)
    if twin is not None:
        return twin
    rows = _rows(actor, batch, orders, prices, now, start_within)
    accept_rows(actor, rows, now=now)
    check_holds(actor=actor, quotes=prices, project_id=project.pk if project else None)
    for row, price in zip(rows, prices, strict=True):
        hold_price(actor, row, price)
    lines.wake(rows[0], now=now)  # last: it locks the lines
    return BatchResult(batch, replayed=False)


def _insert_or_twin(actor: Actor, batch: Batch) -> BatchResult | None:
    """None once `batch` is inserted; else the one with its key that was committed between our look and our insert."""
    try:
        with transaction.atomic():
            batch.save(force_insert=True)
    except IntegrityError:
        twin = replay_of_batch(actor, batch.idempotency_key, batch.request_hash)
        if twin is None:
            raise
        return twin
    return None


def replay_of_batch(actor: Actor, key: str, request_hash: str) -> BatchResult | None:
    """The batch that this key has made already; raises KeyReused when it was made by another request."""
    earlier = Batch.objects.for_team(actor.team).filter(idempotency_key=key).first()
    if earlier is None:
        return None
    if earlier.request_hash != request_hash:
        raise KeyReused(
            "This idempotency key already belongs to another batch. Use a new key for a new batch."
        )
    return BatchResult(earlier, replayed=True)


def cancel_batch(*, actor: Actor, batch_id: UUID) -> Counter[CancelOutcome]:
    """Take back every clip of a batch that has not ended; says how often each outcome came about.

    Each clip is canceled in a transaction of its own, as if by itself. Raises BatchNotFound.
    """
    batch = Batch.objects.for_team(actor.team).filter(pk=batch_id).first()
    if batch is None:
        raise BatchNotFound("There is no such batch in this team.")
    # From the end of the line: otherwise each free place would be taken by the next one to be canceled.
    running = batch.generations.exclude(status__in=TERMINAL).order_by("-batch_place")
    ids = list(running.values_list("pk", flat=True))
    return Counter(cancel_generation(actor=actor, generation_id=pk) for pk in ids)


def progress_of(batches: Iterable[Batch]) -> dict[UUID, BatchProgress]:
    """How far each batch is, in one query for all of them."""
    ids = [batch.pk for batch in batches]
    holds = Hold.objects.filter(attempt=OuterRef("hold_attempt"))
    rows = (
        Generation.objects.filter(batch__in=ids)
        .annotate(
            held_now=Subquery(holds.filter(state="open").values("amount")),
            paid=Subquery(holds.values("captured")),
            returned=Subquery(holds.values("released")),
        )
        .order_by()
        .values("batch_id", "status")
        .annotate(clips=Count("pk"), held=Sum("held_now"), captured=Sum("paid"), released=Sum("returned"))
    )
    found: dict[UUID, list[dict[str, object]]] = {pk: [] for pk in ids}
    for row in rows:
        found[row["batch_id"]].append(row)
    return {pk: _progress(of_batch) for pk, of_batch in found.items()}


def _progress(rows: list[dict[str, object]]) -> BatchProgress:
    def total(name: str) -> int:
        return sum(int(str(row[name] or 0)) for row in rows)

    return BatchProgress(
        counts={str(row["status"]): int(str(row["clips"])) for row in rows},
        held=total("held"),
        captured=total("captured"),
        released=total("released"),
    )


def _check_size(clips: int) -> None:
    if not clips:
        raise FieldErrors({"": ["A batch needs at least one clip."]})
    if clips > settings.BATCH_MAX:
        raise FieldErrors({"": [f"A batch has at most {settings.BATCH_MAX} clips; this one has {clips}."]})


def _check_pictures(actor: Actor, orders: Sequence[Order]) -> None:
    wanted = {order.image_id for order in orders}
    found = set(Image.objects.for_team(actor.team).filter(pk__in=wanted).values_list("pk", flat=True))
    wrong = [place for place, order in enumerate(orders) if order.image_id not in found]
    if wrong:
        raise RowErrors([(place, "image", NO_PICTURE) for place in wrong])


def _rows(
    actor: Actor,
    batch: Batch,
    orders: Sequence[Order],
    prices: Sequence[Quote],
    now: datetime,
    start_within: int | None,
) -> list[Generation]:
    first = int(now.timestamp() * 1_000_000)
    return [
        new_row(
            actor,
            order,
            price,
            key=f"batch-{batch.pk}-{place}",
            now=now,
            start_within=start_within,
            project=batch.project,
            batch=batch,
            batch_place=place,
            line_order=first + place,  # in the order they were given
        )
        for place, (order, price) in enumerate(zip(orders, prices, strict=True))
    ]
