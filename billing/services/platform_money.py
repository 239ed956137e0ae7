"""The platform's own money: fees, payouts, and what the provider takes. No team's credit moves."""

from decimal import Decimal
from uuid import UUID

from django.db import transaction

from billing import ledger
from billing.ledger import KeyReused
from billing.models import AccountKind, TransactionKind


@transaction.atomic
def post_stripe_fee(*, balance_transaction: str, amount: int) -> None:
    """Stripe kept `amount` µ$ of what it collected; once per balance transaction. Raises KeyReused."""
    _move(
        f"btxn:{balance_transaction}:fee",
        TransactionKind.STRIPE_FEE,
        AccountKind.STRIPE_FEE,
        AccountKind.CLEARING,
        amount,
    )


@transaction.atomic
def post_payout(*, payout: str, amount: int) -> None:
    """Stripe paid `amount` µ$ to the bank; once per payout. Raises KeyReused."""
    _move(f"payout:{payout}", TransactionKind.PAYOUT, AccountKind.BANK, AccountKind.CLEARING, amount)


@transaction.atomic
def post_provider_cost(*, generation_id: UUID, units: Decimal, cost_nanos: int) -> bool:
    """What the provider takes for a job, in n$, as far as it is known now: only the difference is posted.

    Returns whether anything was. Locks the job's charge.
    """
    if cost_nanos < 0:
        raise ValueError("A cost is not below zero.")
    done = ledger.post_provider_cost(
        attempt=generation_id, units=units, cost_nanos=cost_nanos, actor="system"
    )
    return done.word == "posted"


def _move(key: str, kind: str, debit: str, credit: str, amount: int) -> None:
    if amount <= 0:
        raise ValueError("An amount is above zero.")
    done = ledger.move_own(key=key, kind=kind, debit=debit, credit=credit, amount=amount, actor="stripe")
    if done.word == "key_reused":
        raise KeyReused("This was posted with another amount.")
