"""Stripe's news in any order, doubled and with gaps: the end is always the one that the history has."""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from billing import tasks
from billing.models import StripeReceipt, Transaction
from billing.services import balance_of, find_violations, following, stripe_receipts
from tests.billing.books import spend
from tests.billing.stripe.desk import Buyer, Desk, make_buyer, post, work_on

DOLLAR = 1_000_000
# In all, over the histories; `make soak` has 5,000.
RUNS = int(os.environ.get("PERMUTATIONS", "70"))


@dataclass(frozen=True)
class History:
    """What happens at Stripe to one purchase of $25, of which $5 are spent, and what is left by plain reckoning."""

    name: str
    happen: Callable[[Desk, str], object]
    available: int
    frozen: int = 0


def refund(desk: Desk, intent: str, cents: int, *, fails: bool = False) -> None:
    made = desk.control("POST", "refunds", payment_intent=intent, amount=cents)
    if fails:
        desk.control("POST", f"refunds/{made['id']}/end", succeeds=False)


def dispute(desk: Desk, intent: str, end: str = "") -> None:
    made = desk.control("POST", "disputes", payment_intent=intent)
    if end:
        desk.control("POST", f"disputes/{made['id']}/close", status=end)


def two_refunds(desk: Desk, intent: str) -> None:
    refund(desk, intent, 333)
    refund(desk, intent, 667)


def refund_then_dispute(desk: Desk, intent: str) -> None:
    refund(desk, intent, 1_000)
    dispute(desk, intent, "lost")


HISTORIES = [
    History("paid", lambda desk, intent: None, 20 * DOLLAR),
    History("two refunds", two_refunds, 10 * DOLLAR),
    History("refund that failed", lambda desk, intent: refund(desk, intent, 800, fails=True), 20 * DOLLAR),
    History("dispute", dispute, 0, 20 * DOLLAR),
    History("dispute won", lambda desk, intent: dispute(desk, intent, "won"), 20 * DOLLAR),
    History("dispute lost", lambda desk, intent: dispute(desk, intent, "lost"), -5 * DOLLAR),
    History("refund, then dispute lost", refund_then_dispute, -5 * DOLLAR),
]


@pytest.mark.long
@pytest.mark.parametrize("history", HISTORIES, ids=lambda history: history.name)
def test_every_order_comes_to_the_same_end(desk: Desk, history: History) -> None:
    buyer = make_buyer()
    desk.pay(buyer.checkout("25"))
    intent = desk.objects("payment_intent")[0]["id"]
    history.happen(desk, intent)
    events = [event for event in desk.events() if event["type"] in stripe_receipts.HANDLERS]
    for number in range(max(1, RUNS // len(HISTORIES))):
        seed = f"{os.environ.get('FAULT_SEED', '')}{history.name}:{number}"
        before = transaction.savepoint()
        live(desk, buyer, mixed(events, random.Random(seed)))
        check(buyer, history, seed)
        transaction.savepoint_rollback(before)


def mixed(events: list[dict], chance: random.Random) -> list[dict]:
    """Some twice, some not at all, in any order."""
    sent = [event for event in events for _ in range(chance.choice((0, 1, 1, 1, 2)))]
    chance.shuffle(sent)
    return sent


def live(desk: Desk, buyer: Buyer, sent: list[dict]) -> None:
    """Deliver, spend $5 as soon as there is credit, then let the poller and the event list fill the gaps."""
    has_spent = False
    for event in sent:
        assert post(event).status_code == 200
        work_on(event["id"])
        if not has_spent and balance_of(buyer.team).available >= 5 * DOLLAR:
            spend(buyer.team, 5 * DOLLAR)
            has_spent = True
    following.follow_purchase(purchase_id=buyer.purchase().pk, actor="system", clock=timezone.now)
    if not has_spent and balance_of(buyer.team).available >= 5 * DOLLAR:
        spend(buyer.team, 5 * DOLLAR)
    tasks.back_fill()
    for receipt in StripeReceipt.objects.filter(processed_at=None).order_by("?"):
        assert work_on(receipt.event_id).processed_at is not None, receipt.error


def check(buyer: Buyer, history: History, seed: str) -> None:
    balance = balance_of(buyer.team)
    spent = 5 * DOLLAR if Transaction.objects.filter(kind="capture", team=buyer.team).exists() else 0
    wanted = history.available + (5 * DOLLAR - spent if not history.frozen else 0)
    frozen = history.frozen + (5 * DOLLAR - spent if history.frozen else 0)
    assert (balance.available, balance.frozen) == (wanted, frozen), seed
    assert find_violations() == [], seed
    doubled = Transaction.objects.values("key").annotate(times=Count("pk")).filter(times__gt=1)
    assert not doubled.exists(), seed
    assert Transaction.objects.filter(kind="top_up").count() == 1, seed
