"""What happens at Stripe or at a bank without a call of the API: refunds from the dashboard, disputes, payouts."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from sandbox.stripe import checkout_payment, disputes, payments, payouts, refunds
from sandbox.stripe.account import Account, Object, public
from sandbox.stripe.control_api import control
from sandbox.stripe.knobs import BadControl


def _settle(request: Request, account: Account, data: Any) -> Object:
    """End a payment that is processing now: `{"succeeds": false}` lets it fail."""
    intent = account.get("payment_intent", request.path_params["id"])
    if payments.settle(account, intent, succeeds=bool(data.get("succeeds", True))):
        checkout_payment.settled(account, intent)
    return _shown(intent)


def _refund(request: Request, account: Account, data: Any) -> Object:
    """`{"charge" or "payment_intent", "amount", "reason"}`: a refund made in the dashboard."""
    fields = {"reason": data["reason"]} if "reason" in data else {}
    charge = refunds.charge_of(account, data)
    return _shown(refunds.refund(account, charge, data.get("amount"), **fields))


def _end_refund(request: Request, account: Account, data: Any) -> Object:
    """End a pending refund now, or let one fail that had succeeded."""
    item = account.get("refund", request.path_params["id"])
    if not refunds.end(account, item, succeeds=bool(data.get("succeeds", True))):
        raise BadControl(f"The refund is {item['status']}.")
    return _shown(item)


def _dispute(request: Request, account: Account, data: Any) -> Object:
    """`{"charge" or "payment_intent", "amount", "reason", "inquiry", "withdraw"}`: a bank disputes a charge."""
    charge = refunds.charge_of(account, data)
    names = ("amount", "reason", "inquiry", "withdraw")
    options = {name: data[name] for name in names if name in data}
    return _shown(disputes.open_dispute(account, charge, **options))


def _dispute_step(request: Request, account: Account, data: Any) -> Object:
    """`withdraw` or `reinstate` the money; `close` with `{"status": "won", "reinstate": false}`."""
    dispute = account.get("dispute", request.path_params["id"])
    match request.path_params["step"]:
        case "withdraw":
            disputes.withdraw_funds(account, dispute)
        case "reinstate":
            disputes.reinstate_funds(account, dispute)
        case "close":
            disputes.close_dispute(
                account, dispute, data["status"], reinstate=bool(data.get("reinstate", True))
            )
        case step:
            raise BadControl(f"A dispute can withdraw, reinstate or close, not {step}.")
    return _shown(dispute)


def _fraud_warning(request: Request, account: Account, data: Any) -> Object:
    """`{"charge" or "payment_intent", "fraud_type"}`: the issuer warns."""
    charge = refunds.charge_of(account, data)
    return _shown(disputes.warn(account, charge, data.get("fraud_type", "misc")))


def _payout(request: Request, account: Account, data: Any) -> Object:
    """`{"currency": "usd"}`: the automatic payout of everything available."""
    payout = payouts.pay_out_everything(account, data.get("currency", "usd"))
    if payout is None:
        raise BadControl("No money is available; jump forward to the day when it is.")
    return _shown(payout)


def _shown(item: Object) -> Object:
    shown: Object = public(item)
    return shown


def routes() -> list[Route]:
    return [
        Route("/control/payment_intents/{id}/settle", control(_settle), methods=["POST"]),
        Route("/control/refunds", control(_refund), methods=["POST"]),
        Route("/control/refunds/{id}/end", control(_end_refund), methods=["POST"]),
        Route("/control/disputes", control(_dispute), methods=["POST"]),
        Route("/control/disputes/{id}/{step}", control(_dispute_step), methods=["POST"]),
        Route("/control/fraud_warnings", control(_fraud_warning), methods=["POST"]),
        Route("/control/payouts", control(_payout), methods=["POST"]),
    ]
