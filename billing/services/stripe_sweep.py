"""What is due about payments and notices, found in the rows: the guarantee behind every lost message."""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Max

from accounts.background import enqueue
from billing.models import Account, AccountKind, Lot, LotSource, Notice, Purchase, RechargeRule, StripeReceipt
from billing.money import MICROS
from billing.services import notice_words, notices, recharge, stripe_receipts, stripe_refunds
from billing.services.following import FOLLOW, take_due_looks

BATCH: Final = 100
SEND_REFUND: Final = "billing.tasks.send_refund"
EXPIRY_NOTICE: Final = timedelta(days=7)
# Stripe's own list goes back thirty days.
BACK_FILL_MAX: Final = timedelta(days=29)
BACK_FILL_OVERLAP: Final = timedelta(hours=1)


def enqueue_due(*, now: datetime) -> int:
    """Nudge the tasks of everything that is due; returns how many nudges."""
    nudged = 0
    for purchase_id in take_due_looks(now=now, limit=BATCH):
        enqueue(FOLLOW, purchase_id=str(purchase_id))
        nudged += 1
    for receipt_id in stripe_receipts.due_receipts(now=now, limit=BATCH):
        enqueue(stripe_receipts.PROCESS, receipt_id=str(receipt_id))
        nudged += 1
    for refund_id in stripe_refunds.undecided_refunds(now=now, limit=BATCH):
        enqueue(SEND_REFUND, refund_id=str(refund_id))
        nudged += 1
    for team_id in recharge.low_teams(now=now, limit=BATCH):
        nudged += recharge.start_recharge(team_id=team_id, now=now) is not None
    note_low_balances(now=now)
    note_expiring(now=now)
    for notice_id in notices.unsent(now=now, limit=BATCH):
        enqueue(notices.SEND, notice_id=str(notice_id))
        nudged += 1
    return nudged


def note_low_balances(*, now: datetime) -> None:
    """Teams that bought credit and have little left hear of it, once for each purchase they use up."""
    low = Account.objects.filter(kind=AccountKind.AVAILABLE, balance__lt=settings.LOW_BALANCE * MICROS)
    bought = low.filter(team__purchases__state="paid").annotate(last=Max("team__purchases__paid_at"))
    served = RechargeRule.objects.filter(active=True, paused="").values("pk")
    recent = bought.filter(last__gte=now - timedelta(days=90)).exclude(team__in=served)
    told = set(
        Notice.objects.filter(
            kind=notice_words.LOW_BALANCE, created_at__gte=now - timedelta(days=91)
        ).values_list("subject", flat=True)
    )
    for account in recent.select_related("team")[: BATCH * 10]:
        assert account.team is not None  # noqa: S101 - for the type checker: wallets have one
        last: datetime = account.last
        subject = f"team:{account.team_id}:{last.isoformat()}"
        if subject not in told:
            notices.note(
                kind=notice_words.LOW_BALANCE, subject=subject, team=account.team, available=account.balance
            )


def note_expiring(*, now: datetime) -> None:
    """Credit that ends within a week, once for each lot."""
    ending = Lot.objects.filter(spendable=True, expires_at__gt=now, expires_at__lte=now + EXPIRY_NOTICE)
    for lot in ending.exclude(source=LotSource.ADJUSTMENT).select_related("team")[:BATCH]:
        notices.note(
            kind=notice_words.EXPIRING,
            subject=f"lot:{lot.pk}",
            team=lot.team,
            remaining=lot.remaining,
            on=f"{lot.expires_at:%-d %B %Y}",
        )


def back_fill_since(*, now: datetime) -> datetime | None:
    """From when on Stripe's events are to be compared with ours; None before anybody bought anything."""
    if not Purchase.objects.exists():
        return None
    newest = StripeReceipt.objects.aggregate(at=Max("received_at"))["at"]
    first = newest - BACK_FILL_OVERLAP if newest else now - BACK_FILL_MAX
    return max(first, now - BACK_FILL_MAX)
