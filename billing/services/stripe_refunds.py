"""Refunds between us and Stripe: those that staff ask for here, and those made there."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from billing import stripe_gateway
from billing.models import Purchase, Refund, RefundState
from billing.services import notice_words
from billing.services.crediting import Mismatch
from billing.services.customers import PaymentsUnavailable
from billing.services.notices import note
from billing.services.refunds import note_stripe_refund, request_refund, settle_refund

PATIENCE: Final = timedelta(minutes=1)


def refund_purchase(
    *, purchase: Purchase, gross_cents: int, actor: str, reason: str, now: datetime
) -> Refund:
    """Give money back: freeze the credit, ask Stripe, and post its answer when there is one at once.

    Raises ValueError and CreditSpent like `request_refund`; PaymentsUnavailable when Stripe did not answer: the
    credit stays frozen and the sweep asks again. Calls Stripe, so not inside a transaction.
    """
    refund = request_refund(purchase=purchase, gross_cents=gross_cents, actor=actor, reason=reason)
    return send_refund(refund=refund, now=now)


def send_refund(*, refund: Refund, now: datetime) -> Refund:
    """Have Stripe know a refund of ours, and post what it says of it. Asking again finds the first.

    It is looked for before it is made: Stripe forgets our idempotency key after a day, but not the refund.
    """
    purchase = refund.purchase
    intent = str(purchase.payment_intent)
    try:
        known = (each for each in stripe_gateway.refunds_of(intent) if each.refund == refund.pk)
        found = next(known, None) or stripe_gateway.create_refund(
            refund_id=refund.pk, payment_intent=intent, cents=refund.gross_cents
        )
    except stripe_gateway.Refused as error:
        settle_refund(refund=refund, succeeded=False, actor="stripe", now=now)
        raise PaymentsUnavailable(f"Stripe refused the refund: {error.message}") from error
    except stripe_gateway.StripeError as error:
        raise PaymentsUnavailable(
            "Stripe does not answer right now. The credit is set aside, and the refund is sent as soon as it does."
        ) from error
    apply_refund(found, purchase=purchase, now=now)
    refund.refresh_from_db()
    return refund


@transaction.atomic
def apply_refund(found: stripe_gateway.Refund, *, purchase: Purchase, now: datetime) -> None:
    """Bring our row of a refund to what Stripe says, and the books with it. Repeating it changes nothing.

    A refund that is pending at Stripe moves nothing yet. Raises Mismatch for another currency, Busy.
    """
    if found.currency != stripe_gateway.CURRENCY:
        raise Mismatch(f"A refund in {found.currency.upper()}.", purchase=purchase, stripe_id=found.id)
    refund = _row_of(found, purchase)
    before = refund.posted
    if found.status == "succeeded":
        if settle_refund(refund=refund, succeeded=True, actor="stripe", now=now):
            note(
                kind=notice_words.REFUND,
                subject=f"refund:{refund.pk}",
                team=purchase.team,
                purchase=purchase.pk,
                cents=refund.gross_cents,
                credit=refund.posted - before,
            )
    elif found.status in {"failed", "canceled"}:
        if found.booked and refund.state == RefundState.REQUESTED:
            # The cash left and came back before we looked: both are in Stripe's balance, so both are in the books.
            settle_refund(refund=refund, succeeded=True, actor="stripe", now=now)
        settle_refund(refund=refund, succeeded=False, actor="stripe", now=now)


def undecided_refunds(*, now: datetime, limit: int) -> list[int]:
    """Refunds of ours that Stripe may not have heard of, or has not decided."""
    waiting = Refund.objects.filter(state=RefundState.REQUESTED, created_at__lte=now - PATIENCE)
    return list(waiting.exclude(actor="stripe").order_by("pk").values_list("pk", flat=True)[:limit])


def _row_of(found: stripe_gateway.Refund, purchase: Purchase) -> Refund:
    ours = Refund.objects.filter(pk=found.refund, purchase=purchase, gross_cents=found.cents)
    if found.refund and ours.filter(stripe_id=None).update(stripe_id=found.id):
        return ours.get()
    return note_stripe_refund(purchase=purchase, stripe_id=found.id, gross_cents=found.cents)
