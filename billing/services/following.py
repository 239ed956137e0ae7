"""Asks Stripe what became of purchases: when somebody waits at our page, when staff ask, and by ourselves.

A lost webhook therefore costs nothing but a little time.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Q

from billing import stripe_gateway
from billing.models import Payment, Purchase, PurchaseOrigin, PurchaseState, StripeCustomer
from billing.services.crediting import Mismatch, NotOurs, apply_payment, apply_session, report_mismatch
from billing.services.recharge import charge_again

FOLLOW: Final = "billing.tasks.follow_purchase"
# People who wait at a page have it ask for them, but not more often than this.
PATIENCE: Final = timedelta(seconds=3)
LONGEST_PAUSE: Final = timedelta(hours=1)

Clock = Callable[[], datetime]


def follow_purchase(*, purchase_id: int, actor: str, clock: Clock) -> Purchase:
    """Ask Stripe about a purchase and bring it to what is true there; returns it as it is then.

    What Stripe does not answer stays for the next look, and is noted. Raises Purchase.DoesNotExist. Calls
    Stripe, so not inside a transaction.
    """
    purchase = Purchase.objects.select_related("team", "payment").get(pk=purchase_id)
    try:
        if purchase.checkout_session:
            session = stripe_gateway.fetch_session(purchase.checkout_session)
            apply_session(session, actor=actor, now=clock())
        elif purchase.origin == PurchaseOrigin.RECHARGE:
            _follow_charge(purchase, actor=actor, clock=clock)
        else:
            _give_up_unopened(purchase, now=clock())
    except Mismatch as error:
        report_mismatch(error)
        Payment.objects.filter(pk=purchase_id).update(error=error.reason[:300], look_at=None)
    except (stripe_gateway.StripeError, NotOurs) as error:
        Payment.objects.filter(pk=purchase_id).update(error=str(error)[:300])
    purchase.refresh_from_db()
    purchase.payment.refresh_from_db()
    return purchase


def follow_for_visitor(*, purchase: Purchase, actor: str, clock: Clock) -> Purchase:
    """The same for somebody who waits at the purchase's page, at most every three seconds for all of them."""
    if purchase.state not in {PurchaseState.DRAFT, PurchaseState.OPEN}:
        return purchase
    now = clock()
    rested = Q(looked_at=None) | Q(looked_at__lte=now - PATIENCE)
    if not Payment.objects.filter(rested, pk=purchase.pk).update(looked_at=now):
        return purchase
    return follow_purchase(purchase_id=purchase.pk, actor=actor, clock=clock)


@transaction.atomic
def take_due_looks(*, now: datetime, limit: int) -> list[int]:
    """Purchases to ask Stripe about now; each is asked about half as often as the time before."""
    due = Payment.objects.filter(look_at__lte=now).order_by("look_at")
    taken = list(due.select_for_update(of=("self",), skip_locked=True)[:limit])
    for payment in taken:
        pause = min(timedelta(minutes=2) * 2 ** min(payment.looks, 10), LONGEST_PAUSE)
        Payment.objects.filter(pk=payment.pk).update(look_at=now + pause, looks=F("looks") + 1)
    return [payment.pk for payment in taken]


def _follow_charge(purchase: Purchase, *, actor: str, clock: Clock) -> None:
    """An automatic purchase whose answer was lost is found by the id it carries."""
    if purchase.payment_intent:
        found: stripe_gateway.Payment | None = stripe_gateway.fetch_payment(purchase.payment_intent)
    else:
        customer = (
            StripeCustomer.objects.filter(team=purchase.team).values_list("stripe_id", flat=True).first()
        )
        found = stripe_gateway.find_payment(
            purchase_id=purchase.pk, customer=customer or "", since=purchase.created_at - timedelta(hours=1)
        )
        if found is not None:
            found = stripe_gateway.fetch_payment(found.id)
    if found is not None:
        apply_payment(found, actor=actor, now=clock())
    else:
        charge_again(purchase=purchase, clock=clock)


def _give_up_unopened(purchase: Purchase, *, now: datetime) -> None:
    """Stripe never told us of a page, so nobody can have paid there."""
    ends = purchase.payment.checkout_ends_at
    if ends is None or ends <= now:
        unopened = Purchase.objects.filter(pk=purchase.pk, state=PurchaseState.DRAFT)
        unopened.update(state=PurchaseState.EXPIRED)
        Payment.objects.filter(pk=purchase.pk).update(look_at=None)
