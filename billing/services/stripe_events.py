"""What each kind of event makes us fetch, and the change that follows. No event's own content is believed."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from billing import stripe_gateway
from billing.models import Purchase
from billing.models.purchases import MICROS_PER_CENT
from billing.services import customers, stripe_disputes, stripe_refunds
from billing.services.crediting import NotOurs, apply_payment, apply_session
from billing.services.platform_money import post_payout

ACTOR = "stripe"
Change = Callable[[datetime], object]
Handler = Callable[[str], Change]


def session(object_id: str) -> Change:
    found = stripe_gateway.fetch_session(object_id)
    return lambda now: apply_session(found, actor=ACTOR, now=now)


def payment(object_id: str) -> Change:
    found = stripe_gateway.fetch_payment(object_id)
    return lambda now: apply_payment(found, actor=ACTOR, now=now)


def refund(object_id: str) -> Change:
    found = stripe_gateway.fetch_refund(object_id)
    paid = _paid(found.payment_intent)

    def change(now: datetime) -> None:
        stripe_refunds.apply_refund(found, purchase=paid(now), now=now)

    return change


def refunds_of_charge(object_id: str) -> Change:
    intent = stripe_gateway.payment_of_charge(object_id)
    found = stripe_gateway.refunds_of(intent) if intent else []
    paid = _paid(intent)

    def change(now: datetime) -> None:
        purchase = paid(now)
        for each in found:
            stripe_refunds.apply_refund(each, purchase=purchase, now=now)

    return change


def dispute(object_id: str) -> Change:
    found = stripe_gateway.fetch_dispute(object_id)
    paid = _paid(found.payment_intent)

    def change(now: datetime) -> None:
        stripe_disputes.apply_dispute(found, purchase=paid(now), now=now)

    return change


def fraud_warning(object_id: str) -> Change:
    found = stripe_gateway.fetch_warning(object_id)
    paid = _paid(found.payment_intent)

    def change(now: datetime) -> None:
        stripe_disputes.note_warning(found, purchase=paid(now))

    return change


def card(object_id: str) -> Change:
    found = stripe_gateway.fetch_card(object_id)
    return lambda now: customers.note_card(card=found, now=now)


def customer_gone(object_id: str) -> Change:
    gone = not stripe_gateway.customer_exists(object_id)
    if not gone:
        raise NotOurs("The customer is still there.")
    return lambda now: customers.note_customer_gone(customer=object_id, now=now)


def payout(object_id: str) -> Change:
    status, cents = stripe_gateway.fetch_payout(object_id)
    if status != "paid" or cents <= 0:
        raise NotOurs("The payout did not arrive.")
    return lambda now: post_payout(payout=object_id, amount=cents * MICROS_PER_CENT)


def _paid(payment_intent: str) -> Callable[[datetime], Purchase]:
    """The purchase behind a payment, credited first if the news of its payment has not come yet."""
    if not payment_intent:
        raise NotOurs("It is about no payment of ours.")
    return partial(_credited, stripe_gateway.fetch_payment(payment_intent))


def _credited(found: stripe_gateway.Payment, now: datetime) -> Purchase:
    purchase = apply_payment(found, actor=ACTOR, now=now)
    purchase.refresh_from_db()
    if not purchase.is_paid:
        raise NotOurs("The purchase was not paid.")
    return purchase
