"""Refunds: at once, after a while, or failing later, asked for by the API or made in the dashboard."""

from __future__ import annotations

from sandbox.stripe import money
from sandbox.stripe.account import Account, Object
from sandbox.stripe.errors import BadRequest, StripeError
from sandbox.stripe.operations import Call, Operation, listing, retrieve, update
from sandbox.stripe.test_cards import method_of


def refund(account: Account, charge: Object, amount: int | None, **fields: object) -> Object:
    """Refund a charge, whole or in part; the card and the rules decide how it goes. Raises StripeError."""
    open_amount = charge["amount"] - charge["amount_refunded"]
    wanted = open_amount if amount is None else amount
    _check(account, charge, wanted, open_amount)
    item = account.new(
        "refund",
        amount=wanted,
        charge=charge["id"],
        currency=charge["currency"],
        destination_details={"card": {"reference_status": "pending", "type": "refund"}, "type": "card"},
        payment_intent=charge["payment_intent"],
        payment_method=charge["payment_method"],
        status="pending",
        **fields,
    )
    faults = account.knobs.strike("refund", charge["id"])
    course = (
        next(iter(faults), None) or method_of(account.get("payment_method", charge["payment_method"])).refund
    )
    _count(account, charge)
    if course in ("succeed", "fail_late"):
        _succeed(account, item)
    account.emit("refund.created", item)
    account.emit("charge.refunded", charge)
    if course != "succeed":
        fails = course in ("fail", "fail_late")
        account.later("end_refund", item["id"], account.knobs.refund_seconds, succeeds=not fails)
    return item


def _check(account: Account, charge: Object, wanted: int, open_amount: int) -> None:
    if charge["status"] != "succeeded":
        message = f"Charge {charge['id']} has not succeeded, so it cannot be refunded."
        raise StripeError(message, code="charge_not_refundable", param="charge")
    if open_amount <= 0:
        raise StripeError(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if any(one["status"] != "won" for one in _chargebacks(account, charge)):
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise StripeError(message, code="charge_disputed")
    if wanted <= 0:
        raise BadRequest("Invalid positive integer", param="amount", code="parameter_invalid_integer")
    if wanted > open_amount:
        asked, left = (money.shown(value, charge["currency"]) for value in (wanted, open_amount))
        message = f"Refund amount ({asked}) is greater than unrefunded amount on charge ({left})"
        raise StripeError(message, param="amount")


def _chargebacks(account: Account, charge: Object) -> list[Object]:
    found = account.store.find("dispute", {"charge": charge["id"]})
    return [one for one in found if not one["status"].startswith("warning")]


def _count(account: Account, charge: Object) -> None:
    """What counts as refunded includes pending refunds, and no longer those that failed."""
    found = account.store.find("refund", {"charge": charge["id"]})
    total = sum(one["amount"] for one in found if one["status"] in ("succeeded", "pending"))
    account.save(charge, amount_refunded=total, refunded=total == charge["amount"])


def _succeed(account: Account, item: Object) -> None:
    booked = money.record(account, "refund", -item["amount"], item, available_now=True)
    account.save(item, status="succeeded", balance_transaction=booked["id"])


def end(account: Account, item: Object, *, succeeds: bool) -> bool:
    """A pending refund arrives, or a refund fails, also one that had succeeded; False when it is over."""
    if item["status"] not in ("pending", "succeeded") or (succeeds and item["status"] == "succeeded"):
        return False
    charge = account.get("charge", item["charge"])
    previous = {"status": item["status"]}
    if succeeds:
        _succeed(account, item)
    else:
        changes: Object = {"status": "failed", "failure_reason": "expired_or_canceled_card"}
        if item["status"] == "succeeded":
            back = money.record(account, "refund_failure", item["amount"], item, available_now=True)
            changes["failure_balance_transaction"] = back["id"]
        account.save(item, **changes)
        _count(account, charge)
        account.emit("refund.failed", item)
        account.emit("charge.updated", charge)
    account.emit("refund.updated", item, previous)
    account.emit("charge.refund.updated", item, previous)
    return True


def charge_of(account: Account, params: Object) -> Object:
    """The charge that `charge` or `payment_intent` names. Raises StripeError."""
    if "charge" in params:
        return account.get("charge", params["charge"], param="charge")
    if "payment_intent" not in params:
        message = "One of the following params should be provided for this request: payment_intent or charge."
        raise BadRequest(message)
    intent = account.get("payment_intent", params["payment_intent"], param="payment_intent")
    if intent["latest_charge"] is None:
        message = f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
        raise StripeError(message, param="payment_intent")
    return account.get("charge", intent["latest_charge"])


def _create(call: Call) -> Object:
    charge = charge_of(call.account, call.params)
    fields = call.pick("reason", "instructions_email")
    return refund(call.account, charge, call.params.get("amount"), metadata=call.metadata(), **fields)


OPERATIONS = [
    Operation("POST", "/refunds", "RefundCreateParams", _create),
    listing("/refunds", "refund", "RefundListParams", charge="charge", payment_intent="payment_intent"),
    retrieve("/refunds", "refund", "RefundRetrieveParams"),
    update("/refunds", "refund", "RefundUpdateParams", "refund.updated"),
]
