"""From the raw inputs of a batch to clips in line: checks, pictures by address, then all at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.actors import Actor
from accounts.errors import DomainError, RowErrors
from accounts.models import Project, Team
from billing.services import Quote, StoredQuote, quote_for_15_minutes
from generations.batch_rows import BatchInput, Row, clean_rows
from generations.models import BatchKind, Image
from generations.parameters import ClipParams
from generations.services.batches import BatchResult, quote_batch, replay_of_batch, submit_batch
from generations.services.eta import Eta, expected
from generations.services.picture_import import import_pictures
from generations.services.submission import Order, hash_of, with_project, with_quote


@dataclass(frozen=True, slots=True)
class BatchPrice:
    """Each clip's price, and when the last of them should be ready; None while nothing is sent to fal."""

    prices: Sequence[Quote]
    eta: Eta | None

    @property
    def amount(self) -> int:
        """µ$ of all clips together."""
        return sum(price.amount for price in self.prices)


def promise_batch(*, team: Team, rows: Sequence[Row], now: datetime) -> tuple[BatchPrice, StoredQuote]:
    """What a batch of these inputs costs for the next fifteen minutes. Raises FieldErrors and RowErrors."""
    clips = [each.params for each in clean_rows(rows)]
    price = price_clips(team=team, clips=clips)
    return price, quote_for_15_minutes(team=team, clips=[params.priced for params in clips], now=now)


def price_clips(*, team: Team, clips: Sequence[ClipParams]) -> BatchPrice:
    """What clips would cost now, without a promise. Raises FieldErrors for none or too many."""
    return BatchPrice(quote_batch(clips), expected(team, clips[-1], behind=len(clips) - 1))


def order_batch(
    *,
    actor: Actor,
    kind: BatchKind,
    rows: Sequence[Row],
    idempotency_key: str,
    name: str = "",
    start_within: int | None = None,
    quote_id: UUID | None = None,
    project: Project | None = None,
) -> BatchResult:
    """Check all inputs, fetch pictures by address, and submit the clips together.

    A repeated key returns the first batch and fetches nothing. Raises RowErrors and FieldErrors for what must be
    corrected first, and what `submit_batch` raises; RuntimeError inside a transaction.
    """
    request_hash = hash_of([kind.value, name, [dict(row) for row in rows]])
    known_as = with_project(with_quote(request_hash, quote_id), actor, project)
    earlier = replay_of_batch(actor, idempotency_key, known_as)
    if earlier is not None:
        return earlier
    inputs = clean_rows(rows)
    quote_batch([each.params for each in inputs])  # too many are refused before anything is fetched
    pictures = _fetch(actor, inputs)
    orders = [
        Order(pictures[each.picture].pk if isinstance(each.picture, str) else each.picture, each.params)
        for each in inputs
    ]
    return submit_batch(
        actor=actor,
        kind=kind,
        orders=orders,
        idempotency_key=idempotency_key,
        name=name,
        request_hash=request_hash,
        start_within=start_within,
        quote_id=quote_id,
        project=project,
    )


def _fetch(actor: Actor, inputs: Sequence[BatchInput]) -> dict[str, Image]:
    """Each address once. Raises RowErrors at every row whose picture could not be had."""
    addresses = list(dict.fromkeys(each.picture for each in inputs if isinstance(each.picture, str)))
    outcomes = dict(zip(addresses, import_pictures(actor=actor, addresses=addresses), strict=True))
    failed = {address: why.message for address, why in outcomes.items() if isinstance(why, DomainError)}
    if failed:
        raise RowErrors(
            [
                (number, "image_url", failed[each.picture])
                for number, each in enumerate(inputs)
                if isinstance(each.picture, str) and each.picture in failed
            ]
        )
    return {address: outcome for address, outcome in outcomes.items() if isinstance(outcome, Image)}
