"""What the billing pages show of purchases: read only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.models import Team
from billing.models import (
    Debt,
    Dispute,
    DisputeState,
    Lot,
    Notice,
    Purchase,
    PurchaseState,
    RechargeRule,
    Refund,
    StripeCustomer,
)
from billing.services.balances import Balance, balance_of
from billing.services.lots import lots_of
from billing.services.notice_words import Words
from billing.services.notices import recent_notices
from billing.services.recharge import bought_this_month

SHOWN: int = 12


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything the billing home shows. Amounts are µ$."""

    balance: Balance
    owed: int
    lots: Sequence[Lot]
    purchases: Sequence[Purchase]
    notices: Sequence[tuple[Notice, Words]]
    customer: StripeCustomer | None
    rule: RechargeRule | None
    bought_this_month: int

    @property
    def card(self) -> str:
        """The saved card as people know it, or nothing."""
        return self.customer.card if self.customer and self.customer.payment_method else ""


def overview_of(*, team: Team, now: datetime) -> Overview:
    rule = RechargeRule.objects.filter(team=team, active=True).first()
    return Overview(
        balance=balance_of(team),
        owed=sum(debt.open_amount for debt in Debt.objects.filter(team=team)),
        lots=lots_of(team),
        purchases=recent_purchases(team),
        notices=recent_notices(team=team, now=now),
        customer=StripeCustomer.objects.filter(team=team).first(),
        rule=rule,
        bought_this_month=bought_this_month(team, now=now) if rule else 0,
    )


def recent_purchases(team: Team, *, last: int = SHOWN) -> list[Purchase]:
    """Newest first; those that nobody ever paid only while they can still be."""
    kept = Purchase.objects.filter(team=team).exclude(state__in=[PurchaseState.EXPIRED, PurchaseState.DRAFT])
    return list(kept.select_related("payment").order_by("-id")[:last])


def history_of(purchase: Purchase) -> tuple[list[Refund], list[Dispute]]:
    """What was given back of a purchase, and who disputes it."""
    refunds = list(Refund.objects.filter(purchase=purchase).order_by("pk"))
    disputes = Dispute.objects.filter(purchase=purchase).exclude(state=DisputeState.NEW)
    return refunds, list(disputes.order_by("pk"))
