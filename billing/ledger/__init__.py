"""The only module that makes the database write money: one call, one round trip, per operation.

The rules live in functions and triggers that migrations install (docs/decisions/0003-ledger-in-postgresql.md).
Each function locks the team's available row before it reads anything it decides on.
"""

from billing.ledger.calls import Busy, KeyReused
from billing.ledger.holds import Answer, check_holds, expire, grant_promo, hold, settle, wait_for_wallet
from billing.ledger.operations import (
    Outcome,
    adjust,
    close_dispute,
    credit_purchase,
    freeze_refund,
    move_own,
    open_dispute,
    post_provider_cost,
    refund_job,
    settle_refund,
    write_off_debt,
)

__all__ = [
    "Answer",
    "Busy",
    "KeyReused",
    "Outcome",
    "adjust",
    "check_holds",
    "close_dispute",
    "credit_purchase",
    "expire",
    "freeze_refund",
    "grant_promo",
    "hold",
    "move_own",
    "open_dispute",
    "post_provider_cost",
    "refund_job",
    "settle",
    "settle_refund",
    "wait_for_wallet",
    "write_off_debt",
]
