"""Money going back for a purchase, and the credit that goes with it."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.errors import DomainError
from billing import ledger
from billing.models import Purchase, Refund
from billing.models.purchases import MICROS_PER_CENT
from billing.money import format_balance
from billing.services.staff_labels import behind


class CreditSpent(DomainError):
    """There is less credit left than would have to be taken back."""

    code = "credit_spent"


@transaction.atomic
def request_refund(*, purchase: Purchase, gross_cents: int, actor: str, reason: str) -> Refund:
    """Ask for a refund of ours: its share of the purchase's credit is frozen until Stripe has answered.

    Raises ValueError for an unpaid purchase, an amount beyond what was paid or a missing reason; CreditSpent
    when too little of the purchase's own credit is left; Busy. Locks the team's available row.
    """
    if not purchase.is_paid or not 0 < gross_cents <= purchase.gross_cents:
        raise ValueError("Only what was paid can be refunded.")
    if not reason.strip():
        raise ValueError("A refund needs a reason.")
    refund = Refund.objects.create(purchase=purchase, gross_cents=gross_cents, actor=actor, reason=reason)
    frozen = ledger.freeze_refund(refund_id=refund.pk, actor=actor, reason=reason)
    if frozen.word == "spent":
        raise CreditSpent("Too little of this purchase's credit is left to refund that much.")
    record(
        "purchase.refunded",
        by=behind(actor, purchase.team),
        team=purchase.team,
        about=purchase,
        name=format_balance(gross_cents * MICROS_PER_CENT),
        new={"reason": reason},
    )
    refund.refresh_from_db()
    return refund


def note_stripe_refund(*, purchase: Purchase, stripe_id: str, gross_cents: int) -> Refund:
    """The row of a refund that was made at Stripe; the same row each time it is reported."""
    refund, _ = Refund.objects.get_or_create(
        stripe_id=stripe_id, defaults={"purchase": purchase, "gross_cents": gross_cents, "actor": "stripe"}
    )
    return refund


@transaction.atomic
def settle_refund(*, refund: Refund, succeeded: bool, actor: str, now: datetime) -> bool:
    """Post what Stripe says became of a refund; returns whether anything moved. Repeating it moves nothing.

    Success takes the credit back, up to floor(credit x refunded / gross) over all refunds of the purchase:
    first what was frozen for it, then what is left; the rest becomes debt. A failure returns the frozen
    credit, also after a success. Raises Busy. Locks the team's available row.
    """
    done = ledger.settle_refund(refund_id=refund.pk, succeeded=succeeded, actor=actor, now=now)
    refund.refresh_from_db()
    return done.word != "replayed"
