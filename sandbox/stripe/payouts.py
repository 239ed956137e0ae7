"""Payouts from the balance to the bank."""

from __future__ import annotations

from sandbox.stripe import money
from sandbox.stripe.account import Account, Object
from sandbox.stripe.errors import BadRequest, StripeError
from sandbox.stripe.operations import Call, Operation, listing, retrieve, update


def pay_out(
    account: Account, amount: int, currency: str, *, automatic: bool = False, **fields: object
) -> Object:
    """Send available money to the bank; it arrives after `payout_seconds`."""
    payout = account.new(
        "payout",
        amount=amount,
        arrival_date=account.now() + int(account.knobs.payout_seconds),
        automatic=automatic,
        currency=currency,
        method="standard",
        reconciliation_status="in_progress" if automatic else "not_applicable",
        source_type="card",
        status="pending",
        type="bank_account",
        **fields,
    )
    booked = money.record(account, "payout", -amount, payout, available_now=True)
    account.save(payout, balance_transaction=booked["id"])
    account.emit("payout.created", payout)
    account.later("payout_arrives", payout["id"], account.knobs.payout_seconds)
    return payout


def pay_out_everything(account: Account, currency: str) -> Object | None:
    """An automatic payout: all available money, and every transaction knows its payout. None without money."""
    money.totals(account)
    where = {"currency": currency, "status": "available", "sandbox_payout": None}
    pending = account.store.find("balance_transaction", where)
    total = sum(one["net"] for one in pending)
    if total <= 0:
        return None
    payout = pay_out(account, total, currency, automatic=True)
    for one in [*pending, account.get("balance_transaction", payout["balance_transaction"])]:
        account.save(one, sandbox_payout=payout["id"])
    return payout


def arrive(account: Account, payout: Object) -> None:
    if payout["status"] != "pending":
        return
    done = "completed" if payout["automatic"] else "not_applicable"
    previous = account.save(payout, status="paid", reconciliation_status=done)
    account.emit("payout.updated", payout, previous)
    account.emit("payout.paid", payout)
    if payout["automatic"]:
        account.emit("payout.reconciliation_completed", payout)


def _create(call: Call) -> Object:
    currency = money.check_currency(call.params["currency"])
    amount = call.params["amount"]
    if amount <= 0:
        raise BadRequest("Invalid positive integer", param="amount", code="parameter_invalid_integer")
    if amount > money.totals(call.account)["available"].get(currency, 0):
        message = "You have insufficient available funds in your Stripe account."
        raise StripeError(message, code="balance_insufficient")
    fields = call.pick("description", "statement_descriptor")
    return pay_out(call.account, amount, currency, metadata=call.metadata(), **fields)


OPERATIONS = [
    Operation("POST", "/payouts", "PayoutCreateParams", _create),
    listing("/payouts", "payout", "PayoutListParams", status="status"),
    retrieve("/payouts", "payout", "PayoutRetrieveParams"),
    update("/payouts", "payout", "PayoutUpdateParams", "payout.updated"),
]
