"""Checkout sessions and payments with a saved card. Every call raises StripeError."""

from datetime import datetime
from typing import Any, Final

from billing.stripe_gateway.connection import CURRENCY, connected, once
from billing.stripe_gateway.facts import Payment, Session, payment_of, session_of

PRODUCT: Final = "Video credits"
_PAYMENT: Final = ("latest_charge.balance_transaction",)
_SESSION: Final = ("payment_intent.latest_charge.balance_transaction", "invoice")


def create_checkout(
    *,
    purchase_id: int,
    number: int,
    cents: int,
    customer: str,
    success_url: str,
    cancel_url: str,
    ends_at: datetime,
    keep_card: bool,
    automatic_tax: bool,
) -> Session:
    """Stripe's page on which a person pays `cents`. Repeating it with the same `number` finds the same page."""
    metadata = {"purchase": str(purchase_id)}
    intent: dict[str, Any] = {"metadata": metadata, "description": PRODUCT}
    if keep_card:
        intent["setup_future_usage"] = "off_session"
    params: dict[str, Any] = {
        "mode": "payment",
        "customer": customer,
        "client_reference_id": str(purchase_id),
        "metadata": metadata,
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": CURRENCY,
                    "unit_amount": cents,
                    "tax_behavior": "exclusive",
                    "product_data": {"name": PRODUCT},
                },
            }
        ],
        "payment_intent_data": intent,
        "invoice_creation": {"enabled": True},
        "success_url": success_url,
        "cancel_url": cancel_url,
        "expires_at": int(ends_at.timestamp()),
    }
    if automatic_tax:
        params |= {"automatic_tax": {"enabled": True}, "customer_update": {"address": "auto"}}
    key = f"purchase:{purchase_id}:checkout" + (f":{number}" if number > 1 else "")
    with connected() as stripe:
        session = stripe.checkout.sessions.create(params, once(key))
        return session_of(session.to_dict())


def fetch_session(session_id: str) -> Session:
    with connected() as stripe:
        session = stripe.checkout.sessions.retrieve(session_id, {"expand": list(_SESSION)})
        return session_of(session.to_dict())


def end_session(session_id: str) -> Session:
    """Close the page, so that nobody pays there any more. Raises Refused when it is closed already."""
    with connected() as stripe:
        return session_of(stripe.checkout.sessions.expire(session_id).to_dict())


def charge_saved_card(
    *, purchase_id: int, cents: int, customer: str, payment_method: str, automatic_tax: bool
) -> Payment:
    """Take `cents`, with `automatic_tax` and the tax on them, from a saved card while nobody is there; once a purchase.

    Raises Declined, with the code `authentication_required` when the bank wants to see the owner, and Refused with
    `customer_tax_location_invalid` while Stripe does not know where the customer lives.
    """
    params: dict[str, Any] = {
        "amount": cents,
        "currency": CURRENCY,
        "customer": customer,
        "payment_method": payment_method,
        "off_session": True,
        "confirm": True,
        "error_on_requires_action": True,
        # Nobody is there to be sent to another page.
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "description": f"{PRODUCT}, bought automatically",
        "metadata": {"purchase": str(purchase_id)},
        "expand": list(_PAYMENT),
    }
    with connected() as stripe:
        if automatic_tax:
            params |= _taxed(stripe, purchase_id=purchase_id, cents=cents, customer=customer)
        intent = stripe.payment_intents.create(params, once(f"purchase:{purchase_id}:charge"))
        return payment_of(intent.to_dict())


def _taxed(stripe: Any, *, purchase_id: int, cents: int, customer: str) -> dict[str, Any]:
    """A payment knows no tax by itself: it is worked out before, and Stripe reports it when the payment succeeds."""
    calculation = stripe.tax.calculations.create(
        {
            "currency": CURRENCY,
            "customer": customer,
            "line_items": [{"amount": cents, "reference": "credits", "tax_behavior": "exclusive"}],
        },
        once(f"purchase:{purchase_id}:tax"),
    )
    return {
        "amount": calculation.amount_total,
        "hooks": {"inputs": {"tax": {"calculation": calculation.id}}},
    }


def fetch_payment(payment_intent: str) -> Payment:
    with connected() as stripe:
        intent = stripe.payment_intents.retrieve(payment_intent, {"expand": list(_PAYMENT)})
        return payment_of(intent.to_dict())


def find_payment(*, purchase_id: int, customer: str, since: datetime) -> Payment | None:
    """A charge whose answer was lost, found by the purchase it names; the settled one when there are several."""
    params = {"customer": customer, "created": {"gte": int(since.timestamp())}, "limit": 100}
    with connected() as stripe:
        listed = stripe.payment_intents.list(params)
        payments = [payment_of(intent.to_dict()) for intent in listed.auto_paging_iter()]
    own = [payment for payment in payments if payment.purchase == purchase_id]
    return next((payment for payment in own if payment.status == "succeeded"), own[0] if own else None)
