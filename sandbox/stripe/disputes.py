"""Disputes, which only banks open, and early fraud warnings."""

from __future__ import annotations

from sandbox.stripe import money
from sandbox.stripe.account import Account, Object
from sandbox.stripe.errors import StripeError
from sandbox.stripe.operations import Call, Operation, listing, retrieve

ANSWER_SECONDS = 9 * 86_400
OPEN = ("needs_response", "under_review", "warning_needs_response", "warning_under_review")


def open_dispute(
    account: Account,
    charge: Object,
    *,
    amount: int | None = None,
    reason: str = "fraudulent",
    inquiry: bool = False,
    withdraw: bool = True,
) -> Object:
    """A bank disputes a charge. The money goes at once unless it only inquires or `withdraw` is false."""
    if charge["status"] != "succeeded":
        raise StripeError(
            f"Charge {charge['id']} has not succeeded, so nobody can dispute it.", param="charge"
        )
    prefix = "warning_" if inquiry else ""
    dispute = account.new(
        "dispute",
        amount=charge["amount"] - charge["amount_refunded"] if amount is None else amount,
        balance_transactions=[],
        charge=charge["id"],
        currency=charge["currency"],
        enhanced_eligibility_types=[],
        evidence={},
        evidence_details={
            "due_by": account.now() + ANSWER_SECONDS,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        is_charge_refundable=inquiry,
        network_reason_code="10.4",
        payment_intent=charge["payment_intent"],
        payment_method_details={
            "card": {
                "brand": "visa",
                "case_type": "inquiry" if inquiry else "chargeback",
                "network_reason_code": "10",
            },
            "type": "card",
        },
        reason=reason,
        status=f"{prefix}needs_response",
    )
    account.save(charge, disputed=True)
    account.emit("charge.dispute.created", dispute)
    if withdraw and not inquiry:
        withdraw_funds(account, dispute)
    return dispute


def withdraw_funds(account: Account, dispute: Object) -> None:
    """Take the disputed money and the fee from the balance; once."""
    if not dispute["balance_transactions"]:
        _book(account, dispute, -dispute["amount"], "dispute", money.DISPUTE_FEE)
        account.emit("charge.dispute.funds_withdrawn", dispute)


def reinstate_funds(account: Account, dispute: Object) -> None:
    """Give the money back, not the fee; once, and only what was taken."""
    if len(dispute["balance_transactions"]) == 1:
        _book(account, dispute, dispute["amount"], "dispute_reversal", 0)
        account.emit("charge.dispute.funds_reinstated", dispute)


def _book(account: Account, dispute: Object, amount: int, category: str, fee: int) -> None:
    what = "withdrawal" if amount < 0 else "reversal"
    booked = money.record(
        account,
        "adjustment",
        amount,
        dispute,
        fee=fee,
        category=category,
        description=f"Chargeback {what} for {dispute['charge']}",
        available_now=True,
    )
    account.save(dispute, balance_transactions=[*dispute["balance_transactions"], booked])


def close_dispute(account: Account, dispute: Object, status: str, *, reinstate: bool = True) -> None:
    """The bank decides: won, lost or, for an inquiry, warning_closed. Raises StripeError."""
    if dispute["status"] not in OPEN:
        raise StripeError("This dispute is already closed", code="dispute_already_closed")
    if status not in ("won", "lost", "warning_closed"):
        raise StripeError("A dispute ends won, lost or warning_closed.", param="status")
    if status == "won" and reinstate:
        reinstate_funds(account, dispute)
    previous = account.save(dispute, status=status)
    if status != "lost":
        account.save(account.get("charge", dispute["charge"]), disputed=status == "won")
    account.emit("charge.dispute.updated", dispute, previous)
    account.emit("charge.dispute.closed", dispute)


def warn(account: Account, charge: Object, fraud_type: str = "misc") -> Object:
    """The issuer reports the charge as fraud, before any dispute."""
    warning = account.new(
        "radar.early_fraud_warning",
        actionable=not charge["refunded"] and not charge["disputed"],
        charge=charge["id"],
        fraud_type=fraud_type,
        payment_intent=charge["payment_intent"],
    )
    account.emit("radar.early_fraud_warning.created", warning)
    return warning


def _update(call: Call) -> Object:
    dispute = call.account.get("dispute", call.id)
    if dispute["status"] not in OPEN and "evidence" in call.params:
        raise StripeError("This dispute is already closed", code="dispute_already_closed")
    changes: Object = {}
    if "metadata" in call.params:
        changes["metadata"] = call.metadata(dispute["metadata"])
    if "evidence" in call.params:
        changes["evidence"] = {**dispute["evidence"], **call.params["evidence"]}
        details = {**dispute["evidence_details"], "has_evidence": True}
        if call.params.get("submit", True):
            details["submission_count"] += 1
            changes["status"] = dispute["status"].replace("needs_response", "under_review")
        changes["evidence_details"] = details
    previous = call.account.save(dispute, **changes)
    if previous:
        call.account.emit("charge.dispute.updated", dispute, previous)
    return dispute


def _close(call: Call) -> Object:
    """Accept a dispute: it is lost."""
    dispute = call.account.get("dispute", call.id)
    close_dispute(call.account, dispute, "lost")
    return dispute


WARNINGS = "/radar/early_fraud_warnings"
OPERATIONS = [
    listing("/disputes", "dispute", "DisputeListParams", charge="charge", payment_intent="payment_intent"),
    retrieve("/disputes", "dispute", "DisputeRetrieveParams"),
    Operation("POST", "/disputes/{id}", "DisputeUpdateParams", _update),
    Operation("POST", "/disputes/{id}/close", "DisputeCloseParams", _close),
    listing(
        WARNINGS,
        "radar.early_fraud_warning",
        "radar.EarlyFraudWarningListParams",
        charge="charge",
        payment_intent="payment_intent",
    ),
    retrieve(WARNINGS, "radar.early_fraud_warning", "radar.EarlyFraudWarningRetrieveParams"),
]
