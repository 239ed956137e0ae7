"""A payer's bank asks for money back: freeze, then restore exactly that, or take it."""

from datetime import datetime

from django.db import transaction

from billing import ledger
from billing.ledger import KeyReused
from billing.models import AccountKind, Dispute, DisputeState, Purchase, TransactionKind
from billing.models.purchases import MICROS_PER_CENT


@transaction.atomic
def open_dispute(*, purchase: Purchase, stripe_id: str, gross_cents: int, actor: str) -> Dispute:
    """Freeze what is left of the disputed share of a purchase's credit; the same dispute once.

    Until the end, credit that returns to that purchase is frozen as well. Raises ValueError for an unpaid
    purchase, Busy. Locks the team's available row.
    """
    if not purchase.is_paid:
        raise ValueError("Nobody paid for this purchase, so nobody can dispute it.")
    dispute, _ = Dispute.objects.get_or_create(
        stripe_id=stripe_id, defaults={"purchase": purchase, "gross_cents": gross_cents}
    )
    ledger.open_dispute(dispute_id=dispute.pk, actor=actor)
    dispute.refresh_from_db()
    return dispute


@transaction.atomic
def post_dispute_cash(*, dispute: Dispute, withdrawn: bool, actor: str) -> None:
    """Stripe took the disputed cash, or gave it back: not a loss and not a win, only where the cash is."""
    cash, pending = AccountKind.CLEARING, AccountKind.DISPUTE_PENDING
    posted = ledger.move_own(
        key=f"dispute:{dispute.pk}:{'cash' if withdrawn else 'back'}",
        kind=TransactionKind.DISPUTE_CASH if withdrawn else TransactionKind.DISPUTE_BACK,
        debit=pending if withdrawn else cash,
        credit=cash if withdrawn else pending,
        amount=dispute.gross_cents * MICROS_PER_CENT,
        actor=actor,
    )
    if posted.word == "key_reused":
        raise KeyReused("This dispute's cash was posted with another amount.")


@transaction.atomic
def close_dispute(*, dispute: Dispute, won: bool, actor: str, now: datetime) -> bool:
    """The end: restore exactly what was frozen, or take it, and what was spent becomes debt.

    Returns whether this call did it. Raises Busy. Locks the team's available row.
    """
    done = ledger.close_dispute(dispute_id=dispute.pk, won=won, actor=actor, now=now)
    dispute.refresh_from_db()
    return done.word != "replayed" and dispute.state in {DisputeState.WON, DisputeState.LOST}
