"""Everything the rest of the platform may ask of billing."""

from billing.ledger import Busy, KeyReused
from billing.models import Hold
from billing.services.balances import Balance, balance_of
from billing.services.grants import grant_promo
from billing.services.holds import (
    InsufficientCredits,
    UsedMoreThanHeld,
    hold_credits,
    hold_of,
    settle_hold,
)
from billing.services.lots import expire_overdue_lots, lots_of
from billing.services.pricing import Quote, default_clip_price, quote
from billing.services.verification import Violation, book_counts, find_violations

__all__ = [
    "Balance",
    "Busy",
    "Hold",
    "InsufficientCredits",
    "KeyReused",
    "Quote",
    "UsedMoreThanHeld",
    "Violation",
    "balance_of",
    "book_counts",
    "default_clip_price",
    "expire_overdue_lots",
    "find_violations",
    "grant_promo",
    "hold_credits",
    "hold_of",
    "lots_of",
    "quote",
    "settle_hold",
]
