"""Stripe's balance against our account of it, one movement to one posting. Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Sum

from billing import stripe_gateway
from billing.models import AccountKind, Dispute, Entry, Purchase, Refund
from billing.models.purchases import MICROS_PER_CENT
from billing.money import format_exact

# A posting may follow its movement by days, when Stripe could not reach us.
LATEST: Final = timedelta(days=4)
_CHARGES: Final = frozenset({"charge", "payment"})
_REFUNDS: Final = frozenset({"refund", "payment_refund"})
_FAILED_REFUNDS: Final = frozenset({"refund_failure", "payment_failure_refund"})


@dataclass(frozen=True, slots=True)
class Difference:
    """What does not fit: which movement or posting, and how, in plain words."""

    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many movements were compared, and what did not fit."""

    compared: int
    differences: list[Difference]


def compare_with_stripe(*, since: datetime) -> Comparison:
    """Every movement at Stripe since then is posted once with its amount, and nothing else is.

    Raises StripeError. Calls Stripe, so not inside a transaction.
    """
    movements = list(stripe_gateway.movements(since=since - LATEST))
    expected = _postings_of(movements)
    posted = _posted(since=since - LATEST - LATEST)
    differences = [*_unknown(movements, since)]
    for key, (amount, movement) in expected.items():
        found = posted.pop(key, None)
        if found is None and movement.created >= since:
            what = f"{movement.kind} of {format_exact(amount)}"
            differences.append(Difference(movement.id, f"Stripe has a {what}, and the books have no {key}."))
        elif found is not None and found[0] != amount:
            wrong = f"{format_exact(found[0])} in the books, {format_exact(amount)} at Stripe"
            differences.append(Difference(key, f"The amounts differ: {wrong}."))
    differences += [
        Difference(key, f"The books have {format_exact(amount)} that Stripe does not know of.")
        for key, (amount, at) in posted.items()
        if at >= since
    ]
    return Comparison(sum(movement.created >= since for movement in movements), differences)


def _posted(*, since: datetime) -> dict[str, tuple[int, datetime]]:
    """Key -> µ$ that came to Stripe (below zero: left it), and when it was written down."""
    entries = Entry.objects.filter(account__kind=AccountKind.CLEARING, transaction__created_at__gte=since)
    rows = entries.values_list("transaction__key", "transaction__created_at").annotate(total=Sum("amount"))
    return {key: (-total, at) for key, at, total in rows}


def _postings_of(
    movements: Iterable[stripe_gateway.Movement],
) -> dict[str, tuple[int, stripe_gateway.Movement]]:
    """The key and the µ$ of everything that the books should have."""
    keys = _keys(movements)
    expected: dict[str, tuple[int, stripe_gateway.Movement]] = {}
    for movement in movements:
        key = keys.get(movement.id)
        if key is not None:
            expected[key] = (movement.cents * MICROS_PER_CENT, movement)
        if movement.fee_cents:
            expected[f"btxn:{movement.id}:fee"] = (-movement.fee_cents * MICROS_PER_CENT, movement)
    return expected


def _unknown(movements: Iterable[stripe_gateway.Movement], since: datetime) -> list[Difference]:
    keys = _keys(movements)
    return [
        Difference(
            movement.id,
            f"Stripe moved {format_exact(movement.cents * MICROS_PER_CENT)} ({movement.kind}"
            f" {movement.source}) for something that is not in the books.",
        )
        for movement in movements
        if movement.created >= since and movement.id not in keys
    ]


def _keys(movements: Iterable[stripe_gateway.Movement]) -> dict[str, str]:
    """The ledger key of each movement whose subject we know."""
    sources = {movement.source for movement in movements}
    purchases = dict(Purchase.objects.filter(charge__in=sources).values_list("charge", "pk"))
    known = Refund.objects.filter(stripe_id__in=sources).values_list("stripe_id", "pk", "actor")
    refunds = {stripe_id: (pk, actor) for stripe_id, pk, actor in known}
    disputes = dict(Dispute.objects.filter(stripe_id__in=sources).values_list("stripe_id", "pk"))
    found: dict[str, str] = {}
    for movement in movements:
        source = movement.source
        if movement.kind in _CHARGES and source in purchases:
            found[movement.id] = f"purchase:{purchases[source]}:credit"
        elif movement.kind in _REFUNDS and source in refunds:
            pk, actor = refunds[source]
            found[movement.id] = f"refund:{pk}:{'claw' if actor == 'stripe' else 'done'}"
        elif movement.kind in _FAILED_REFUNDS and source in refunds:
            found[movement.id] = f"refund:{refunds[source][0]}:undo"
        elif movement.kind == "adjustment" and source in disputes:
            found[movement.id] = f"dispute:{disputes[source]}:{'cash' if movement.cents < 0 else 'back'}"
        elif movement.kind == "payout":
            found[movement.id] = f"payout:{source}"
    return found
