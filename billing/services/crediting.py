"""The one way from a payment at Stripe to credit here: webhook, landing page, sweep and staff all come through it."""

from datetime import datetime
from typing import Final

from django.db import transaction

from billing import stripe_gateway
from billing.models import (
    Payment,
    Purchase,
    PurchaseOrigin,
    PurchaseState,
    Recharge,
    RechargeRule,
    RechargeState,
    StripeCustomer,
)
from billing.models.purchases import MICROS_PER_CENT
from billing.services import declines, notice_words
from billing.services.notices import note
from billing.services.platform_money import post_stripe_fee
from billing.services.purchases import credit_purchase

STILL_PAYABLE: Final = (PurchaseState.DRAFT, PurchaseState.OPEN, PurchaseState.FAILED)


class NotOurs(Exception):
    """Stripe's account is shared, and this belongs to something else."""


class Mismatch(Exception):
    """Money came that does not fit the purchase it names; nothing was credited, and the operators are told."""

    def __init__(self, reason: str, *, purchase: Purchase, stripe_id: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.purchase = purchase
        self.stripe_id = stripe_id


@transaction.atomic
def apply_session(session: stripe_gateway.Session, *, actor: str, now: datetime) -> Purchase:
    """Bring a purchase to what its Checkout session says. Repeating it changes nothing.

    Raises NotOurs, Mismatch (the caller reports it with `report_mismatch`) and Busy. Locks the purchase.
    """
    purchase, payment = _locked(session.purchase)
    if session.is_paid and session.payment is not None:
        _credit(purchase, payment, session.payment, tax=session.tax, paid=session.total, actor=actor, now=now)
        _keep(payment, invoice_url=session.invoice_url)
    elif purchase.checkout_session in {None, session.id}:
        _note_progress(purchase, payment, session, now=now)
    return purchase


@transaction.atomic
def apply_payment(found: stripe_gateway.Payment, *, actor: str, now: datetime) -> Purchase:
    """The same for a payment by itself: an automatic purchase, or one whose session nobody told us about."""
    purchase, payment = _locked(found.purchase)
    if found.status == "succeeded":
        cents = purchase.credit // MICROS_PER_CENT
        tax = found.received - cents if payment.automatic_tax else 0
        _credit(purchase, payment, found, tax=tax, paid=found.received, actor=actor, now=now)
    elif purchase.origin == PurchaseOrigin.RECHARGE and purchase.state != PurchaseState.PAID:
        if found.status == "processing":
            _keep(payment, is_processing=True)
        elif found.status in {"requires_payment_method", "canceled", "requires_action"}:
            declines.note_decline(
                purchase=purchase, code=found.failure_code or found.status, reason=found.failure, now=now
            )
    return purchase


def report_mismatch(error: Mismatch) -> None:
    """Tell the operators, once for each payment."""
    note(
        kind=notice_words.MISMATCH,
        subject=error.stripe_id,
        team=error.purchase.team,
        purchase=error.purchase.pk,
        stripe_id=error.stripe_id,
        reason=error.reason,
    )


def _locked(purchase_id: int) -> tuple[Purchase, Payment]:
    purchases = Purchase.objects.select_for_update(of=("self",), no_key=True).select_related("team")
    purchase = purchases.filter(pk=purchase_id).first()
    payment = Payment.objects.filter(purchase_id=purchase_id).first()
    if purchase is None or payment is None:
        raise NotOurs("It names no purchase of this platform.")
    return purchase, payment


def _credit(
    purchase: Purchase,
    payment: Payment,
    found: stripe_gateway.Payment,
    *,
    tax: int,
    paid: int,
    actor: str,
    now: datetime,
) -> None:
    """The amount is our row's; what Stripe says must fit it."""
    _check(purchase, payment, found, tax=tax, paid=paid)
    Purchase.objects.filter(pk=purchase.pk).update(payment_intent=found.id, charge=found.charge or None)
    credit_purchase(purchase=purchase, actor=actor, now=now, tax_cents=tax)
    Recharge.objects.filter(purchase=purchase, state=RechargeState.PENDING).update(
        state=RechargeState.SUCCEEDED, ended_at=now
    )
    _keep(payment, is_processing=False, failure="", error="", receipt_url=found.receipt_url)
    if payment.keep_card and found.keeps_card and found.payment_method:
        StripeCustomer.objects.filter(team=purchase.team_id).update(
            payment_method=found.payment_method, card=found.card
        )
    if purchase.origin == PurchaseOrigin.RECHARGE:
        # Its owner has confirmed it by hand.
        asked = RechargeRule.objects.filter(team=purchase.team_id, paused=RechargeRule.Pause.AUTHENTICATION)
        asked.update(paused="")
    # Stripe may book its fee a moment later; until then the sweep keeps looking.
    if found.fee is not None:
        fee = found.fee
        post_stripe_fee(balance_transaction=fee.balance_transaction, amount=fee.cents * MICROS_PER_CENT)
        _keep(payment, look_at=None)


def _check(
    purchase: Purchase, payment: Payment, found: stripe_gateway.Payment, *, tax: int, paid: int
) -> None:
    cents = purchase.credit // MICROS_PER_CENT
    customer = (
        StripeCustomer.objects.filter(team=purchase.team_id).values_list("stripe_id", flat=True).first()
    )
    reason = ""
    if purchase.is_paid and purchase.payment_intent != found.id:
        reason = "It was paid already, by another payment."
    elif found.purchase != purchase.pk:
        reason = "The payment names another purchase."
    elif found.currency != stripe_gateway.CURRENCY:
        reason = f"It was paid in {found.currency.upper() or 'another currency'}."
    elif found.customer != customer:
        reason = "Another customer paid for it."
    elif found.status != "succeeded" or found.received != paid:
        reason = "Checkout says that it was paid, the payment does not."
    elif paid - tax != cents or tax < 0 or (tax and not payment.automatic_tax):
        reason = f"{paid} cents were paid, {tax} of them tax, for credit of {cents} cents."
    if reason:
        raise Mismatch(reason, purchase=purchase, stripe_id=found.id)


def _note_progress(
    purchase: Purchase, payment: Payment, session: stripe_gateway.Session, *, now: datetime
) -> None:
    """A session that is not paid: still open, given up, waiting for the bank, or refused by it."""
    changes = {"checkout_session": session.id}
    attempt = session.payment
    if purchase.state not in STILL_PAYABLE or (
        purchase.state == PurchaseState.FAILED and purchase.checkout_session == session.id
    ):
        return
    if session.status == "expired":
        if purchase.state != PurchaseState.FAILED:
            changes["state"] = PurchaseState.EXPIRED
        _keep(payment, look_at=None, checkout_url="")
    elif session.status == "complete" and attempt is not None:
        if attempt.status in {"requires_payment_method", "canceled"}:
            changes["state"] = PurchaseState.FAILED
            _keep(payment, look_at=None, is_processing=False, checkout_url="", failure=attempt.failure[:200])
            note(
                kind=notice_words.PAYMENT_FAILED,
                subject=attempt.id,
                team=purchase.team,
                purchase=purchase.pk,
                credit=purchase.credit,
                reason=attempt.failure,
            )
        else:
            changes["state"] = PurchaseState.OPEN
            _keep(payment, is_processing=True, checkout_url="")
    elif purchase.state == PurchaseState.DRAFT:
        changes["state"] = PurchaseState.OPEN
    Purchase.objects.filter(pk=purchase.pk).update(**changes)
    purchase.refresh_from_db()


def _keep(payment: Payment, **values: object) -> None:
    """Write what is known now; an empty address does not replace one that is known."""
    kept = {name: value for name, value in values.items() if value != "" or not name.endswith("_url")}
    if "checkout_url" in values:
        kept["checkout_url"] = values["checkout_url"]
    for name, value in kept.items():
        setattr(payment, name, value)
    payment.save(update_fields=list(kept))
