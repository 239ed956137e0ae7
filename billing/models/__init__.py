"""The books, and what they are about.

Rows are written by database functions that `billing.ledger` calls; triggers refuse every other way of
changing them (docs/decisions/0003-ledger-in-postgresql.md). Amounts are µ$ unless a name says otherwise.
"""

from billing.models.books import (
    PLATFORM_KINDS,
    TEAM_KINDS,
    Account,
    AccountKind,
    Entry,
    Transaction,
    TransactionKind,
)
from billing.models.budgets import Budget, HoldBudget, Limit, Notice, Period
from billing.models.holds import Hold, HoldState
from billing.models.lots import Bucket, Lot, LotMove, LotSource
from billing.models.payments import (
    FraudWarning,
    Payment,
    Recharge,
    RechargeRule,
    RechargeState,
    StripeCustomer,
    StripeReceipt,
)
from billing.models.prices import PriceVersion, StoredQuote
from billing.models.purchases import (
    Debt,
    Dispute,
    DisputeState,
    ProviderCharge,
    Purchase,
    PurchaseOrigin,
    PurchaseState,
    Refund,
    RefundState,
)
from billing.models.raise_requests import RaiseRequest, RequestState
from billing.models.usage import UsageDay

__all__ = [
    "PLATFORM_KINDS",
    "TEAM_KINDS",
    "Account",
    "AccountKind",
    "Bucket",
    "Budget",
    "Debt",
    "Dispute",
    "DisputeState",
    "Entry",
    "FraudWarning",
    "Hold",
    "HoldBudget",
    "HoldState",
    "Limit",
    "Lot",
    "LotMove",
    "LotSource",
    "Notice",
    "Payment",
    "Period",
    "PriceVersion",
    "ProviderCharge",
    "Purchase",
    "PurchaseOrigin",
    "PurchaseState",
    "RaiseRequest",
    "Recharge",
    "RechargeRule",
    "RechargeState",
    "Refund",
    "RefundState",
    "RequestState",
    "StoredQuote",
    "StripeCustomer",
    "StripeReceipt",
    "Transaction",
    "TransactionKind",
    "UsageDay",
]
