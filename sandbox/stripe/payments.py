"""PaymentIntents and their charges: every attempt to take money."""

from __future__ import annotations

from typing import Any

from sandbox.stripe import money, taxes
from sandbox.stripe.account import Account, Object
from sandbox.stripe.errors import StripeError
from sandbox.stripe.ids import letters, new_id
from sandbox.stripe.knobs import Rule
from sandbox.stripe.test_cards import MESSAGES, OWN_CODES, TestMethod, method_of

REPAYABLE = ("requires_payment_method", "requires_confirmation", "requires_action")


def new_intent(account: Account, *, amount: int, currency: str, **fields: Any) -> Object:
    """A PaymentIntent that nobody has tried to pay yet."""
    intent_id = new_id("payment_intent")
    status = "requires_confirmation" if fields.get("payment_method") else "requires_payment_method"
    intent = account.new(
        "payment_intent",
        **{
            "id": intent_id,
            "amount": amount,
            "amount_capturable": 0,
            "amount_details": {"tip": {}},
            "amount_received": 0,
            "capture_method": "automatic_async",
            "client_secret": f"{intent_id}_secret_{letters(25)}",
            "confirmation_method": "automatic",
            "currency": currency,
            "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
            "payment_method_types": ["card", "us_bank_account"],
            "status": status,
            **fields,
        },
    )
    account.emit("payment_intent.created", intent)
    return intent


def attempt(
    account: Account,
    intent: Object,
    payment_method: Object,
    *,
    off_session: bool = False,
    refuse_action: bool = False,
    authenticated: bool = False,
) -> StripeError | None:
    """Try to take the money; returns the refusal if there is one.

    `off_session`: the customer is not there and cannot authenticate; `refuse_action` is `error_on_requires_action`.
    Afterwards the intent is succeeded, processing, requires_action or requires_payment_method.
    """
    method = method_of(payment_method)
    account.save(intent, payment_method=payment_method["id"], next_action=None)
    subject = f"{'off' if off_session else 'on'}_session {intent['customer'] or ''}".strip()
    faults = account.knobs.strike("payment", subject)
    if not authenticated and _must_authenticate(account, method, payment_method, faults):
        if off_session or refuse_action:
            return _decline(account, intent, payment_method, "authentication_required")
        _ask_for_action(account, intent)
        return None
    if method.is_slow or "processing" in faults:
        _process(account, intent, payment_method, fails=method.decline is not None)
        return None
    code = _decline_code(method, faults)
    if code is not None:
        return _decline(account, intent, payment_method, code)
    _succeed(account, intent, _new_charge(account, intent, payment_method, "succeeded"))
    return None


def _must_authenticate(
    account: Account, method: TestMethod, payment_method: Object, faults: dict[str, Rule]
) -> bool:
    if "authenticate" in faults or method.authenticate == "always":
        return True
    return method.authenticate == "setup" and account.store.fact(f"set_up:{payment_method['id']}") is None


def _decline_code(method: TestMethod, faults: dict[str, Rule]) -> str | None:
    if "decline" in faults:
        return str(faults["decline"].options.get("code", "generic_decline"))
    return method.decline


def _ask_for_action(account: Account, intent: Object) -> None:
    url = f"{account.base_url}/authenticate/{intent['id']}"
    back = intent.get("sandbox_return_url")
    action = {"redirect_to_url": {"return_url": back, "url": url}, "type": "redirect_to_url"}
    account.save(intent, status="requires_action", next_action=action)
    account.emit("payment_intent.requires_action", intent)


def answer_challenge(account: Account, intent: Object, *, succeeds: bool) -> StripeError | None:
    """The customer has answered 3-D Secure: try again, authenticated, or give up this method."""
    payment_method = account.get("payment_method", intent["payment_method"])
    if succeeds:
        return attempt(account, intent, payment_method, authenticated=True)
    message = (
        "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new"
    )
    error = StripeError(
        f"{message} PaymentMethod to attempt to fulfill this PaymentIntent again.",
        status=402,
        code="payment_intent_authentication_failure",
        payment_method=payment_method,
    )
    account.save(
        intent,
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        last_payment_error=dict(error.error),
    )
    account.emit("payment_intent.payment_failed", intent)
    return error


def _new_charge(account: Account, intent: Object, payment_method: Object, status: str) -> Object:
    succeeded = status == "succeeded"
    charge_id = new_id("charge")
    kind = payment_method["type"]
    charge = account.new(
        "charge",
        id=charge_id,
        amount=intent["amount"],
        amount_captured=intent["amount"] if succeeded else 0,
        amount_refunded=0,
        billing_details=payment_method["billing_details"],
        calculated_statement_descriptor="SANDBOX",
        captured=succeeded,
        currency=intent["currency"],
        customer=intent["customer"],
        description=intent["description"],
        disputed=False,
        fraud_details={},
        metadata=intent["metadata"],
        outcome=_outcome(status),
        paid=succeeded,
        payment_intent=intent["id"],
        payment_method=payment_method["id"],
        payment_method_details={kind: payment_method[kind], "type": kind},
        radar_options={},
        receipt_email=intent["receipt_email"],
        receipt_url=f"{account.base_url}/receipts/{charge_id}" if status != "failed" else None,
        refunded=False,
        status=status,
    )
    account.save(intent, latest_charge=charge["id"])
    return charge


def _outcome(status: str) -> Object:
    good = status != "failed"
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network" if good else "declined_by_network",
        "reason": None,
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": "Payment complete." if good else "The bank did not return any further details.",
        "type": "authorized" if good else "issuer_declined",
    }


def _decline(account: Account, intent: Object, payment_method: Object, code: str) -> StripeError:
    """Keep the failed charge and answer what Stripe answers: 402, with the intent inside."""
    charge = _new_charge(account, intent, payment_method, "failed")
    return _fail(account, intent, charge, payment_method, code)


def _fail(account: Account, intent: Object, charge: Object, payment_method: Object, code: str) -> StripeError:
    message = MESSAGES.get(code, MESSAGES["generic_decline"])
    error_code = code if code in OWN_CODES else "card_declined"
    account.save(charge, status="failed", failure_code=error_code, failure_message=message)
    fields = {"charge": charge["id"], "decline_code": code, "payment_method": payment_method}
    error = StripeError(message, status=402, type="card_error", code=error_code, committed=True, **fields)
    account.save(
        intent, status="requires_payment_method", payment_method=None, last_payment_error=dict(error.error)
    )
    account.emit("charge.failed", charge)
    account.emit("payment_intent.payment_failed", intent)
    error.error["payment_intent"] = intent
    return error


def _process(account: Account, intent: Object, payment_method: Object, *, fails: bool) -> None:
    charge = _new_charge(account, intent, payment_method, "pending")
    account.save(intent, status="processing")
    account.emit("charge.pending", charge)
    account.emit("payment_intent.processing", intent)
    account.later("settle_payment", intent["id"], account.knobs.processing_seconds, succeeds=not fails)


def _succeed(account: Account, intent: Object, charge: Object) -> None:
    account.save(
        intent,
        status="succeeded",
        amount_received=intent["amount"],
        last_payment_error=None,
        next_action=None,
    )
    taxes.report(account, intent)
    account.emit("charge.succeeded", charge)
    account.emit("payment_intent.succeeded", intent)
    # Money is captured after the answer: the balance transaction comes with a charge.updated.
    if account.knobs.balance_seconds:
        account.later("book_charge", charge["id"], account.knobs.balance_seconds)
    else:
        book_charge(account, charge)
    payment_method = account.get("payment_method", charge["payment_method"])
    _remember_for_later(account, intent, payment_method)
    method = method_of(payment_method)
    if method.dispute:
        account.later("dispute", charge["id"], 0, reason=method.dispute)
    if method.warning:
        account.later("fraud_warning", charge["id"], 0)


def book_charge(account: Account, charge: Object) -> None:
    """Give a charge its balance transaction, with the fee."""
    if charge["balance_transaction"] is not None:
        return
    amount = charge["amount"]
    booked = money.record(account, "charge", amount, charge, fee=money.stripe_fee(amount))
    previous = account.save(charge, balance_transaction=booked["id"])
    account.emit("charge.updated", charge, previous)


def settle(account: Account, intent: Object, *, succeeds: bool) -> bool:
    """End a payment that was processing; False when it no longer is."""
    if intent["status"] != "processing":
        return False
    charge = account.get("charge", intent["latest_charge"])
    payment_method = account.get("payment_method", charge["payment_method"])
    if succeeds:
        account.save(charge, status="succeeded", paid=True, captured=True, amount_captured=charge["amount"])
        _succeed(account, intent, charge)
    else:
        _fail(account, intent, charge, payment_method, "insufficient_funds")
    return True


def _remember_for_later(account: Account, intent: Object, payment_method: Object) -> None:
    """After a success with `setup_future_usage`: attach the method, authenticated for off-session use."""
    if intent["setup_future_usage"] is None:
        return
    account.store.set_fact(f"set_up:{payment_method['id']}", intent["setup_future_usage"])
    if intent["customer"] and payment_method["customer"] is None:
        account.save(payment_method, customer=intent["customer"])
        account.emit("payment_method.attached", payment_method)
