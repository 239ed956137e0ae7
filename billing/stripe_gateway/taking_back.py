"""Refunds, disputes, fraud warnings, and Stripe's own balance. Every call raises StripeError."""

from collections.abc import Iterator
from datetime import datetime

from billing.stripe_gateway.connection import connected, once
from billing.stripe_gateway.facts import (
    Dispute,
    Movement,
    Refund,
    Warning,
    dispute_of,
    movement_of,
    refund_of,
    warning_of,
)


def create_refund(*, refund_id: int, payment_intent: str, cents: int) -> Refund:
    """Give `cents` of a payment back; once per refund of ours."""
    params = {
        "payment_intent": payment_intent,
        "amount": cents,
        "metadata": {"refund": str(refund_id)},
    }
    with connected() as stripe:
        return refund_of(stripe.refunds.create(params, once(f"refund:{refund_id}")).to_dict())


def fetch_refund(refund: str) -> Refund:
    with connected() as stripe:
        return refund_of(stripe.refunds.retrieve(refund).to_dict())


def refunds_of(payment_intent: str) -> list[Refund]:
    """All refunds of a payment, whoever made them."""
    with connected() as stripe:
        listed = stripe.refunds.list({"payment_intent": payment_intent, "limit": 100})
        return [refund_of(refund.to_dict()) for refund in listed.auto_paging_iter()]


def payment_of_charge(charge: str) -> str:
    """The payment that a charge belongs to."""
    with connected() as stripe:
        found = stripe.charges.retrieve(charge).to_dict()
    return str(found.get("payment_intent") or "")


def fetch_dispute(dispute: str) -> Dispute:
    with connected() as stripe:
        return dispute_of(stripe.disputes.retrieve(dispute).to_dict())


def disputes_of(payment_intent: str) -> list[Dispute]:
    with connected() as stripe:
        listed = stripe.disputes.list({"payment_intent": payment_intent, "limit": 100})
        return [dispute_of(dispute.to_dict()) for dispute in listed.auto_paging_iter()]


def fetch_warning(warning: str) -> Warning:
    with connected() as stripe:
        return warning_of(stripe.radar.early_fraud_warnings.retrieve(warning).to_dict())


def fetch_payout(payout: str) -> tuple[str, int]:
    """Its status and its cents."""
    with connected() as stripe:
        found = stripe.payouts.retrieve(payout).to_dict()
    return str(found.get("status") or ""), int(found["amount"])


def movements(*, since: datetime) -> Iterator[Movement]:
    """Every movement of Stripe's balance since then, newest first."""
    with connected() as stripe:
        params = {"created": {"gte": int(since.timestamp())}, "limit": 100}
        for each in stripe.balance_transactions.list(params).auto_paging_iter():
            yield movement_of(each.to_dict())
