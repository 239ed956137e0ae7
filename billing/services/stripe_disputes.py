"""Disputes and fraud warnings as Stripe tells them. Where the cash is and who won are two things."""

from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from billing import stripe_gateway
from billing.models import Dispute, DisputeState, FraudWarning, Purchase
from billing.models.purchases import MICROS_PER_CENT
from billing.services import notice_words
from billing.services.crediting import Mismatch
from billing.services.disputes import close_dispute, open_dispute, post_dispute_cash
from billing.services.notices import note
from billing.services.platform_money import post_stripe_fee

WON: Final = frozenset({"won", "warning_closed", "prevented"})


@transaction.atomic
def apply_dispute(found: stripe_gateway.Dispute, *, purchase: Purchase, now: datetime) -> Dispute:
    """Bring a dispute to what Stripe says: frozen, its cash moved, over. Repeating it changes nothing.

    Cash that Stripe takes is not a loss yet. Raises Mismatch for another currency, Busy.
    """
    if found.currency != stripe_gateway.CURRENCY:
        raise Mismatch(f"A dispute in {found.currency.upper()}.", purchase=purchase, stripe_id=found.id)
    actor = "stripe"
    dispute = open_dispute(purchase=purchase, stripe_id=found.id, gross_cents=found.cents, actor=actor)
    note(
        kind=notice_words.DISPUTE,
        subject=f"dispute:{dispute.pk}",
        team=purchase.team,
        purchase=purchase.pk,
        cents=found.cents,
        frozen=dispute.frozen,
    )
    if found.withdrawn:
        post_dispute_cash(dispute=dispute, withdrawn=True, actor=actor)
    if found.reinstated:
        post_dispute_cash(dispute=dispute, withdrawn=False, actor=actor)
    for fee in found.fees:
        post_stripe_fee(balance_transaction=fee.balance_transaction, amount=fee.cents * MICROS_PER_CENT)
    if (found.status in WON or found.status == "lost") and dispute.state == DisputeState.OPEN:
        _close(dispute, won=found.status in WON, now=now)
    return dispute


@transaction.atomic
def note_warning(found: stripe_gateway.Warning, *, purchase: Purchase) -> None:
    """Keep an early fraud warning and tell the operators, once."""
    FraudWarning.objects.update_or_create(
        stripe_id=found.id,
        defaults={"actionable": found.actionable},
        create_defaults={
            "purchase": purchase,
            "fraud_type": found.fraud_type[:100],
            "actionable": found.actionable,
        },
    )
    note(
        kind=notice_words.FRAUD_WARNING,
        subject=found.id,
        team=purchase.team,
        purchase=purchase.pk,
        type=found.fraud_type.replace("_", " "),
    )


def mark_reviewed(*, warnings: QuerySet[FraudWarning], by: str) -> int:
    """Note who looked at them; those that somebody looked at before keep that name."""
    return FraudWarning.objects.filter(pk__in=warnings.values("pk"), reviewed_by="").update(reviewed_by=by)


def _close(dispute: Dispute, *, won: bool, now: datetime) -> None:
    close_dispute(dispute=dispute, won=won, actor="stripe", now=now)
    note(
        kind=notice_words.DISPUTE_CLOSED,
        subject=f"dispute:{dispute.pk}",
        team=dispute.purchase.team,
        purchase=dispute.purchase_id,
        won=won,
        cents=dispute.gross_cents,
        credit=dispute.posted,
    )
