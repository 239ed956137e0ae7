"""Everything the rest of the platform may ask of billing."""

from billing.ledger import Busy, KeyReused
from billing.models import Hold, StoredQuote
from billing.services.adjustments import SecondPersonNeeded, adjust_credits, refund_job, write_off_debt
from billing.services.balances import Balance, balance_of
from billing.services.disputes import close_dispute, open_dispute, post_dispute_cash
from billing.services.grants import grant_promo
from billing.services.holds import (
    UsedMoreThanHeld,
    check_holds,
    extend_hold,
    hold_credits,
    hold_of,
    overdue_holds,
    settle_hold,
)
from billing.services.limits import lift_limit, raise_limit, set_limit, suspend_team
from billing.services.lots import expire_overdue_lots, lots_of
from billing.services.platform_money import post_payout, post_provider_cost, post_stripe_fee
from billing.services.pricing import (
    DEFAULT_FRAMES,
    Clip,
    Quote,
    default_clip_price,
    formula_of,
    quote,
    quote_all,
    steps_of,
)
from billing.services.purchases import credit_purchase, start_purchase
from billing.services.quotes import (
    QuoteExpired,
    QuoteMismatch,
    forget_quotes,
    publish_price,
    quote_for_15_minutes,
    redeem_quote,
)
from billing.services.refunds import CreditSpent, note_stripe_refund, request_refund, settle_refund
from billing.services.refusals import BudgetExceeded, DebtOpen, InsufficientCredits, TeamFrozen
from billing.services.statements import Statement, statement_of
from billing.services.verification import Violation, book_counts, find_violations

__all__ = [
    "DEFAULT_FRAMES",
    "Balance",
    "BudgetExceeded",
    "Busy",
    "Clip",
    "CreditSpent",
    "DebtOpen",
    "Hold",
    "InsufficientCredits",
    "KeyReused",
    "Quote",
    "QuoteExpired",
    "QuoteMismatch",
    "SecondPersonNeeded",
    "Statement",
    "StoredQuote",
    "TeamFrozen",
    "UsedMoreThanHeld",
    "Violation",
    "adjust_credits",
    "balance_of",
    "book_counts",
    "check_holds",
    "close_dispute",
    "credit_purchase",
    "default_clip_price",
    "expire_overdue_lots",
    "extend_hold",
    "find_violations",
    "forget_quotes",
    "formula_of",
    "grant_promo",
    "hold_credits",
    "hold_of",
    "lift_limit",
    "lots_of",
    "note_stripe_refund",
    "open_dispute",
    "overdue_holds",
    "post_dispute_cash",
    "post_payout",
    "post_provider_cost",
    "post_stripe_fee",
    "publish_price",
    "quote",
    "quote_all",
    "quote_for_15_minutes",
    "raise_limit",
    "redeem_quote",
    "refund_job",
    "request_refund",
    "set_limit",
    "settle_hold",
    "settle_refund",
    "start_purchase",
    "statement_of",
    "steps_of",
    "suspend_team",
    "write_off_debt",
]
