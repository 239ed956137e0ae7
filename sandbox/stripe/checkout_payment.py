"""What a customer does on the hosted page: pay, authenticate, wait, or save a card."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.stripe import invoices, money, payments
from sandbox.stripe.account import Account, Object
from sandbox.stripe.customers import new_customer
from sandbox.stripe.errors import StripeError
from sandbox.stripe.expansion import line_items_of
from sandbox.stripe.payment_methods import NOBODY, attach_to, new_method
from sandbox.stripe.setup_intents import finish_setup, new_setup
from sandbox.stripe.test_cards import TestMethod

ADDRESS = {"city": None, "line1": None, "line2": None, "postal_code": "10001", "state": None}


@dataclass(frozen=True, slots=True)
class Payer:
    """What was typed on the page."""

    method: TestMethod
    email: str | None
    country: str


def pay(account: Account, session: Object, payer: Payer) -> StripeError | None:
    """Pay an open session; a refusal leaves it open for another try."""
    _apply_tax(account, session, payer.country)
    email = payer.email or (session["customer_details"] or {}).get("email")
    address = {**ADDRESS, "country": payer.country}
    billing = {**NOBODY, "email": email, "address": address}
    method = new_method(account, payer.method, billing_details=billing)
    _remember_details(account, session, email, address)
    if session["mode"] == "setup":
        return _save_card(account, session, method)
    intent = _intent(account, session)
    return _after(account, session, intent, payments.attempt(account, intent, method))


def is_challenged(account: Account, session: Object) -> bool:
    """Whether the customer's bank waits for an answer."""
    intent = session["payment_intent"] and account.get("payment_intent", session["payment_intent"])
    return bool(intent and intent["status"] == "requires_action")


def authenticate(account: Account, session: Object, *, succeeds: bool) -> StripeError | None:
    """Answer the 3-D Secure challenge of a session."""
    if not is_challenged(account, session):
        return None
    intent = account.get("payment_intent", session["payment_intent"])
    return _after(account, session, intent, payments.answer_challenge(account, intent, succeeds=succeeds))


def settled(account: Account, intent: Object) -> None:
    """A slow payment has ended: tell its session."""
    for session in account.store.find("checkout.session", {"payment_intent": intent["id"]}):
        if intent["status"] == "succeeded":
            account.save(session, payment_status="paid")
            _finish(account, session, intent)
            account.emit("checkout.session.async_payment_succeeded", session)
        else:
            account.emit("checkout.session.async_payment_failed", session)


def _after(
    account: Account, session: Object, intent: Object, refusal: StripeError | None
) -> StripeError | None:
    if refusal is None and intent["status"] in ("succeeded", "processing"):
        paid = intent["status"] == "succeeded"
        account.save(session, status="complete", url=None, payment_status="paid" if paid else "unpaid")
        if paid:
            _finish(account, session, intent)
        account.emit("checkout.session.completed", session)
    return refusal


def _finish(account: Account, session: Object, intent: Object) -> None:
    """Money has come: write the invoice."""
    charge = account.get("charge", intent["latest_charge"])
    if session["invoice_creation"]["enabled"]:
        invoice = invoices.for_session(account, session, intent, charge)
        account.save(session, invoice=invoice["id"])


def _intent(account: Account, session: Object) -> Object:
    """The session's PaymentIntent, made at the first try."""
    customer = _customer(account, session)
    if session["payment_intent"]:
        intent = account.get("payment_intent", session["payment_intent"])
        account.save(intent, amount=session["amount_total"], customer=customer)
        return intent
    data = session["sandbox_payment_intent_data"]
    intent = payments.new_intent(
        account,
        amount=session["amount_total"],
        currency=session["currency"],
        customer=customer,
        description=data.get("description"),
        metadata=data.get("metadata", {}),
        receipt_email=data.get("receipt_email"),
        setup_future_usage=data.get("setup_future_usage"),
        statement_descriptor=data.get("statement_descriptor"),
        statement_descriptor_suffix=data.get("statement_descriptor_suffix"),
    )
    account.save(session, payment_intent=intent["id"])
    return intent


def _customer(account: Account, session: Object) -> str | None:
    """The session's customer; a new one where something has to be kept for later."""
    if session["customer"] is None and session["customer_creation"] == "always":
        details = session["customer_details"]
        created = new_customer(account, email=details["email"], address=details["address"])
        account.save(session, customer=created["id"])
    customer: str | None = session["customer"]
    return customer


def _remember_details(account: Account, session: Object, email: str | None, address: Object) -> None:
    old = session["customer_details"] or {}
    names = ("business_name", "individual_name", "name", "phone", "tax_ids")
    details = {**dict.fromkeys(names), "tax_exempt": "none", **old, "email": email, "address": address}
    account.save(session, customer_details=details)
    if session["customer"] and session["sandbox_customer_update"].get("address") == "auto":
        customer = account.get("customer", session["customer"])
        previous = account.save(customer, address=address)
        if previous:
            account.emit("customer.updated", customer, previous)


def _apply_tax(account: Account, session: Object, country: str) -> None:
    """Automatic tax, once the page knows the country: on top of prices, or part of inclusive ones."""
    if not session["automatic_tax"]["enabled"]:
        return
    percent = account.knobs.tax_percent
    tax = added = 0
    for item in line_items_of(account, session)["data"]:
        if item["price"]["tax_behavior"] == "inclusive":
            part = money.included(item["amount_subtotal"], percent)
        else:
            part = money.percentage(item["amount_subtotal"], percent)
            added += part
        on_top = part if item["price"]["tax_behavior"] != "inclusive" else 0
        total = item["amount_subtotal"] + on_top
        account.store.put(
            {**item, "amount_tax": part, "amount_total": total, "sandbox_session": session["id"]}
        )
        tax += part
    account.save(
        session,
        amount_total=session["amount_subtotal"] + added,
        automatic_tax={**session["automatic_tax"], "status": "complete"},
        total_details={**session["total_details"], "amount_tax": tax},
    )


def _save_card(account: Account, session: Object, method: Object) -> StripeError | None:
    customer = _customer(account, session)
    data = session["sandbox_setup_intent_data"]
    setup = new_setup(account, customer=customer, metadata=data.get("metadata", {}))
    account.save(session, setup_intent=setup["id"])
    refusal = finish_setup(account, setup, method)
    if refusal is None:
        if customer:
            attach_to(account, method, customer)
        account.save(session, status="complete", url=None)
        account.emit("checkout.session.completed", session)
    return refusal
