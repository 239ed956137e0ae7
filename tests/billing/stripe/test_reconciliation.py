"""`billing_reconcile --stripe`: every movement of Stripe's balance is in the books once, and nothing else is."""

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from billing import services, tasks
from billing.models import StripeReceipt
from billing.services import stripe_receipts, stripe_refunds
from billing.services.reconciliation import compare_with_stripe
from tests.billing.books import spend
from tests.billing.stripe.desk import Buyer, Desk, make_buyer, post, work_on

DOLLAR = 1_000_000


def since():
    return timezone.now() - timedelta(hours=1)


def reconcile(*options: str) -> tuple[int, str]:
    told = io.StringIO()
    try:
        call_command("billing_reconcile", "--stripe", *options, stdout=told)
    except SystemExit as ended:
        return int(ended.code), told.getvalue()
    return 0, told.getvalue()


def a_full_life(desk: Desk, buyer: Buyer) -> None:
    """Purchases, refunds, disputes won and lost, and a payout."""
    intents = []
    for pack in ("10", "25", "50", "100"):
        desk.pay(buyer.checkout(pack))
        buyer.page_of(buyer.purchase())
        intents.append(buyer.purchase().payment_intent)
    spend(buyer.team, 30 * DOLLAR)
    stripe_refunds.refund_purchase(
        purchase=buyer.purchase(), gross_cents=700, actor="staff:1", reason="Asked", now=timezone.now()
    )
    made = desk.control("POST", "refunds", payment_intent=intents[1], amount=300)
    desk.control("POST", f"refunds/{made['id']}/end", succeeds=False)
    lost = desk.control("POST", "disputes", payment_intent=intents[0])["id"]
    desk.control("POST", f"disputes/{lost}/close", status="lost")
    won = desk.control("POST", "disputes", payment_intent=intents[2])["id"]
    desk.control("POST", f"disputes/{won}/close", status="won")


def test_a_full_life_without_faults_reconciles(desk: Desk, buyer: Buyer) -> None:
    a_full_life(desk, buyer)
    desk.deliver_all()

    code, told = reconcile()

    assert told.endswith("0 differences.\n"), told
    assert code == 0
    assert services.find_violations() == []


def test_what_the_books_lack_is_named(desk: Desk, buyer: Buyer) -> None:
    desk.pay(buyer.checkout("25"))

    code, told = reconcile()

    assert code == 1
    assert "for something that is not in the books." in told
    assert "Stripe: 1 compared" in told


def test_what_only_the_books_have_is_named(desk: Desk, buyer: Buyer) -> None:
    purchase = services.start_purchase(team=buyer.team, credit=25 * DOLLAR, actor="test")
    services.credit_purchase(purchase=purchase, actor="test", now=timezone.now())

    code, told = reconcile()

    assert code == 1
    assert f"purchase:{purchase.pk}:credit: The books have $25.00 that Stripe does not know of." in told


def test_another_amount_is_named(desk: Desk, buyer: Buyer) -> None:
    services.post_payout(payout="po_1", amount=DOLLAR)
    desk.pay(buyer.checkout("25"))
    buyer.page_of(buyer.purchase())
    fee = desk.objects("balance_transaction")[0]

    found = compare_with_stripe(since=since())

    assert [difference.subject for difference in found.differences] == ["payout:po_1"]
    assert fee["fee"] > 0


def test_a_refund_that_nobody_told_us_of(desk: Desk, buyer: Buyer) -> None:
    desk.pay(buyer.checkout("25"))
    buyer.page_of(buyer.purchase())
    desk.control("POST", "refunds", payment_intent=buyer.purchase().payment_intent, amount=100)

    assert reconcile()[0] == 1
    tasks.back_fill()
    for receipt in StripeReceipt.objects.filter(processed_at=None):
        work_on(receipt.event_id)
    assert reconcile()[0] == 0


def test_stripe_out_of_reach_is_no_difference(desk: Desk) -> None:
    desk.rule("request", "error", match="GET /v1/balance_transactions", status=500)

    with pytest.raises(CommandError, match="Nothing was compared"):
        call_command("billing_reconcile", "--stripe")


@pytest.mark.parametrize(
    "option", ["--since=2026-01-01", "--since=2026-01-01T12:00", "--since=2026-01-01T12:00+02:00"]
)
def test_since_when(desk: Desk, option: str) -> None:
    assert reconcile(option)[0] == 0


def test_nonsense_is_no_time(desk: Desk) -> None:
    with pytest.raises(CommandError, match="write a date"):
        call_command("billing_reconcile", "--stripe", "--since=yesterday")


def test_with_every_fault_on_the_difference_is_nothing(desk: Desk) -> None:
    """Answers get lost, deliveries are doubled, withheld, unsigned and out of order; then the sweep has its turn."""
    faults = ("drop_after", "error", "error_after")
    for number, fault in enumerate(faults):
        desk.rule("request", fault, match="POST *", after=number, times=3, status=500)
        desk.rule("request", fault, match="GET *", after=2 * number, times=3, status=503)
    buyers = [make_buyer() for _ in range(2)]
    for buyer in buyers:
        for _ in range(3):
            for _try in range(8):
                key = buyer.form_key()
                response = buyer.press_buy("25", form_key=key)
                if response.status_code == 303:
                    desk.pay(response["Location"])
                    break
    events = desk.events()
    for number, event in enumerate(reversed(events)):
        if number % 3 == 0:
            continue  # withheld
        post(event, secret="whsec_wrong")
        post(event)
        post(event)
        work_on(event["id"])
    for _ in range(4):
        later = timezone.now() + timedelta(hours=2)
        for receipt_id in stripe_receipts.due_receipts(now=later, limit=1000):
            StripeReceipt.objects.filter(pk=receipt_id).update(due_at=timezone.now())
            stripe_receipts.process_receipt(receipt_id=receipt_id, clock=timezone.now)
        stripe_receipts.back_fill(since=since(), clock=timezone.now)

    code, told = reconcile()

    assert code == 0, told
    assert sum(services.balance_of(buyer.team).available for buyer in buyers) == 150 * DOLLAR
