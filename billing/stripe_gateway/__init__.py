"""Stripe over HTTP: the only home of its client and of its words.

Calls refuse to run inside a transaction, which would hold locks while Stripe thinks. Those that make something
carry our row's own idempotency key, so that sending them again is safe for a day.
"""

from billing.stripe_gateway.connection import API_VERSION, CURRENCY
from billing.stripe_gateway.customers import (
    SavedCard,
    create_customer,
    customer_exists,
    default_card,
    fetch_card,
    open_portal,
)
from billing.stripe_gateway.deliveries import Delivery, events_since, read_delivery
from billing.stripe_gateway.errors import BadSignature, Declined, Missing, Refused, StripeError, Unanswered
from billing.stripe_gateway.facts import Dispute, Fee, Movement, Payment, Refund, Session, Warning
from billing.stripe_gateway.paying import (
    charge_saved_card,
    create_checkout,
    end_session,
    fetch_payment,
    fetch_session,
    find_payment,
)
from billing.stripe_gateway.taking_back import (
    create_refund,
    disputes_of,
    fetch_dispute,
    fetch_payout,
    fetch_refund,
    fetch_warning,
    movements,
    payment_of_charge,
    refunds_of,
)

__all__ = [
    "API_VERSION",
    "CURRENCY",
    "BadSignature",
    "Declined",
    "Delivery",
    "Dispute",
    "Fee",
    "Missing",
    "Movement",
    "Payment",
    "Refund",
    "Refused",
    "SavedCard",
    "Session",
    "StripeError",
    "Unanswered",
    "Warning",
    "charge_saved_card",
    "create_checkout",
    "create_customer",
    "create_refund",
    "customer_exists",
    "default_card",
    "disputes_of",
    "end_session",
    "events_since",
    "fetch_card",
    "fetch_dispute",
    "fetch_payment",
    "fetch_payout",
    "fetch_refund",
    "fetch_session",
    "fetch_warning",
    "find_payment",
    "movements",
    "open_portal",
    "payment_of_charge",
    "read_delivery",
    "refunds_of",
]
