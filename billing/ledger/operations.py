"""Buying, taking back, adjusting, and the platform's own postings. Amounts are µ$."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.types.numeric import Int8

from billing.ledger.calls import digest, run


@dataclass(frozen=True, slots=True)
class Outcome:
    """A function's outcome word and the µ$ it is about."""

    word: str
    amount: int


def credit_purchase(
    *, purchase_id: int, gross_cents: int, tax_cents: int, actor: str, now: datetime
) -> Outcome:
    """Mark it paid and credit it. credited or replayed."""
    return _call(
        "billing_credit_purchase(%s::bigint, %s::bigint, %s::bigint, %s::text, %s::timestamptz)",
        [Int8(purchase_id), Int8(gross_cents), Int8(tax_cents), actor, now],
    )


def freeze_refund(*, refund_id: int, actor: str, reason: str) -> Outcome:
    """Set a requested refund's credit aside. frozen, replayed, or spent: too little of the purchase is left."""
    return _call("billing_freeze_refund(%s::bigint, %s::text, %s::text)", [Int8(refund_id), actor, reason])


def settle_refund(*, refund_id: int, succeeded: bool, actor: str, now: datetime) -> Outcome:
    """Post what became of a refund. taken, undone or replayed."""
    return _call(
        "billing_settle_refund(%s::bigint, %s::boolean, %s::text, %s::timestamptz)",
        [Int8(refund_id), succeeded, actor, now],
    )


def open_dispute(*, dispute_id: int, actor: str) -> Outcome:
    """Freeze what is left of the disputed purchase. frozen or replayed."""
    return _call("billing_open_dispute(%s::bigint, %s::text)", [Int8(dispute_id), actor])


def close_dispute(*, dispute_id: int, won: bool, actor: str, now: datetime) -> Outcome:
    """Return exactly what was frozen, or take it. restored, taken or replayed."""
    return _call(
        "billing_close_dispute(%s::bigint, %s::boolean, %s::text, %s::timestamptz)",
        [Int8(dispute_id), won, actor, now],
    )


def refund_job(*, attempt: UUID, actor: str, reason: str, now: datetime) -> Outcome:
    """Give a captured hold back. refunded, replayed, uncharged or missing."""
    return _call(
        "billing_refund_job(%s::uuid, %s::text, %s::text, %s::timestamptz)", [attempt, actor, reason, now]
    )


def adjust(*, team_id: UUID, amount: int, key: str, actor: str, reason: str, now: datetime) -> Outcome:
    """Give or take. adjusted, replayed, key_reused, or insufficient; `amount` is the balance."""
    return _call(
        "billing_adjust(%s::uuid, %s::bigint, %s::text, %s::text, %s::text, %s::text, %s::timestamptz)",
        [team_id, Int8(amount), key, actor, reason, digest("adjust", team_id, amount), now],
    )


def write_off_debt(*, debt_id: int, actor: str, reason: str) -> Outcome:
    """Forgive what is still owed. written_off or closed."""
    return _call("billing_write_off_debt(%s::bigint, %s::text, %s::text)", [Int8(debt_id), actor, reason])


def move_own(*, key: str, kind: str, debit: str, credit: str, amount: int, actor: str) -> Outcome:
    """Between two of the platform's accounts. posted, replayed or key_reused."""
    return _call(
        "billing_move_own(%s::text, %s::text, %s::text, %s::text, %s::bigint, %s::text, %s::text)",
        [key, kind, debit, credit, Int8(amount), actor, digest("own", debit, credit, amount)],
    )


def post_provider_cost(*, attempt: UUID, units: Decimal, cost_nanos: int, actor: str) -> Outcome:
    """Post the difference to what was known before. posted or replayed."""
    return _call(
        "billing_post_provider_cost(%s::uuid, %s::numeric, %s::bigint, %s::text)",
        [attempt, units, Int8(cost_nanos), actor],
    )


def _call(function: str, parameters: Sequence[Any]) -> Outcome:
    word, amount = run(f"SELECT r.outcome, r.amount FROM {function} AS r", parameters)  # noqa: S608
    return Outcome(word, amount or 0)
