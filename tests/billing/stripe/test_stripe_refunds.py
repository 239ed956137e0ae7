"""Money going back: asked for by staff here, or made at Stripe."""

from datetime import timedelta

import pytest
from django.utils import timezone

from billing import tasks
from billing.models import Notice, Purchase, Refund, Transaction
from billing.services import CreditSpent, balance_of, find_violations, stripe_refunds
from billing.services.customers import PaymentsUnavailable
from tests.billing.books import spend
from tests.billing.stripe.desk import Buyer, Desk

DOLLAR = 1_000_000


@pytest.fixture
def bought(desk: Desk, buyer: Buyer) -> Purchase:
    return buy_with(desk, buyer, "pm_card_visa")


def buy_with(desk: Desk, buyer: Buyer, card: str) -> Purchase:
    desk.pay(buyer.checkout("25"), card)
    buyer.page_of(buyer.purchase())
    assert buyer.purchase().is_paid
    return buyer.purchase()


def ask_back(purchase: Purchase, cents: int) -> Refund:
    return stripe_refunds.refund_purchase(
        purchase=purchase, gross_cents=cents, actor="staff:1", reason="Asked for", now=timezone.now()
    )


def wallet(buyer: Buyer) -> tuple[int, int]:
    balance = balance_of(buyer.team)
    return balance.available, balance.frozen


def test_staff_give_money_back(desk: Desk, buyer: Buyer, bought: Purchase) -> None:
    refund = ask_back(bought, 1_000)

    assert (refund.state, refund.posted) == ("succeeded", 10 * DOLLAR)
    assert wallet(buyer) == (15 * DOLLAR, 0)
    desk.deliver_all()
    assert wallet(buyer) == (15 * DOLLAR, 0)
    assert Refund.objects.count() == 1
    assert "$10.00 was refunded" in buyer.browser.get(buyer.home).content.decode()
    assert "Refunded" in buyer.page_of(bought).content.decode()


def test_what_was_spent_cannot_be_given_back_from_here(desk: Desk, buyer: Buyer, bought: Purchase) -> None:
    spend(buyer.team, 20 * DOLLAR)

    with pytest.raises(CreditSpent):
        ask_back(bought, 1_000)

    assert not desk.objects("refund")
    assert wallet(buyer) == (5 * DOLLAR, 0)


def test_credit_stays_frozen_while_stripe_decides(desk: Desk, buyer: Buyer) -> None:
    desk.control("PUT", "knobs", refund_seconds=1_000_000)
    bought = buy_with(desk, buyer, "pm_card_pendingRefund")

    refund = ask_back(bought, 1_000)
    assert (refund.state, wallet(buyer)) == ("requested", (15 * DOLLAR, 10 * DOLLAR))

    desk.control("POST", f"refunds/{refund.stripe_id}/end", succeeds=True)
    desk.deliver_all()
    assert wallet(buyer) == (15 * DOLLAR, 0)


def test_a_refund_that_fails_gives_the_credit_back(desk: Desk, buyer: Buyer) -> None:
    desk.control("PUT", "knobs", refund_seconds=1_000_000)
    refund = ask_back(buy_with(desk, buyer, "pm_card_pendingRefund"), 1_000)

    desk.control("POST", f"refunds/{refund.stripe_id}/end", succeeds=False)
    desk.deliver_all()

    refund.refresh_from_db()
    assert (refund.state, wallet(buyer)) == ("failed", (25 * DOLLAR, 0))


def test_a_refund_that_fails_after_it_succeeded_is_undone(desk: Desk, buyer: Buyer, bought: Purchase) -> None:
    refund = ask_back(bought, 1_000)
    assert wallet(buyer) == (15 * DOLLAR, 0)

    desk.control("POST", f"refunds/{refund.stripe_id}/end", succeeds=False)
    desk.deliver_all()

    assert wallet(buyer) == (25 * DOLLAR, 0)
    assert find_violations() == []


def test_a_lost_answer_refunds_once(desk: Desk, buyer: Buyer, bought: Purchase, no_retries: None) -> None:
    desk.rule("request", "drop_after", match="POST /v1/refunds", times=1)
    with pytest.raises(PaymentsUnavailable, match="set aside"):
        ask_back(bought, 1_000)
    assert wallet(buyer) == (15 * DOLLAR, 10 * DOLLAR)

    tasks.send_refund(refund_id=str(Refund.objects.get().pk))

    assert Refund.objects.get().state == "succeeded"
    assert len(desk.objects("refund")) == 1
    assert wallet(buyer) == (15 * DOLLAR, 0)


def test_a_refund_that_stripe_forgot_the_key_of_is_still_one(
    desk: Desk, buyer: Buyer, bought: Purchase, no_retries: None
) -> None:
    desk.rule("request", "drop_after", match="POST /v1/refunds", times=1)
    with pytest.raises(PaymentsUnavailable):
        ask_back(bought, 1_000)
    desk.jump(25 * 3600)

    tasks.send_refund(refund_id=str(Refund.objects.get().pk))

    assert len(desk.objects("refund")) == 1
    assert Refund.objects.get().state == "succeeded"


def test_a_refund_that_stripe_refuses_gives_the_credit_back(
    desk: Desk, buyer: Buyer, bought: Purchase
) -> None:
    desk.control("POST", "refunds", payment_intent=bought.payment_intent, amount=2_000)

    with pytest.raises(PaymentsUnavailable, match="Stripe refused the refund"):
        ask_back(bought, 1_000)

    assert Refund.objects.get(actor="staff:1").state == "failed"
    assert wallet(buyer) == (25 * DOLLAR, 0)


def test_a_refund_made_at_stripe_takes_its_credit(desk: Desk, buyer: Buyer, bought: Purchase) -> None:
    desk.control("POST", "refunds", payment_intent=bought.payment_intent, amount=1_000)
    desk.deliver_all()

    assert wallet(buyer) == (15 * DOLLAR, 0)
    assert Refund.objects.get().actor == "stripe"
    assert Notice.objects.filter(kind="refund").count() == 1


def test_refunds_made_at_stripe_after_the_credit_was_spent_are_owed(
    desk: Desk, buyer: Buyer, bought: Purchase
) -> None:
    spend(buyer.team, 20 * DOLLAR)
    desk.control("POST", "refunds", payment_intent=bought.payment_intent)
    desk.deliver_all()

    assert wallet(buyer) == (-20 * DOLLAR, 0)
    assert "Owed" in buyer.browser.get(buyer.home).content.decode()

    desk.pay(buyer.checkout("50"))
    desk.deliver_all()
    assert wallet(buyer) == (30 * DOLLAR, 0)


def test_parts_add_up_to_the_share_of_all_of_them(desk: Desk, buyer: Buyer, settings) -> None:
    settings.STRIPE_AUTOMATIC_TAX = True
    desk.pay(buyer.checkout("25"), country="DE")
    buyer.page_of(buyer.purchase())
    bought = buyer.purchase()
    assert bought.gross_cents == 3_000

    for cents in (333, 334, 1_000):
        desk.control("POST", "refunds", payment_intent=bought.payment_intent, amount=cents)
        desk.deliver_all()

    # floor(25,000,000 x 1,667 / 3,000)
    assert wallet(buyer) == (25 * DOLLAR - 13_891_666, 0)


def test_a_refund_that_is_told_before_the_payment(desk: Desk, buyer: Buyer) -> None:
    desk.pay(buyer.checkout("25"))
    intent = desk.objects("payment_intent")[0]["id"]
    desk.control("POST", "refunds", payment_intent=intent, amount=1_000)

    desk.deliver(desk.events("refund.created"))

    assert wallet(buyer) == (15 * DOLLAR, 0)
    desk.deliver_all()
    assert wallet(buyer) == (15 * DOLLAR, 0)
    assert Transaction.objects.filter(kind="clawback").count() == 1


def test_undecided_refunds_are_asked_about(desk: Desk, buyer: Buyer, bought: Purchase) -> None:
    desk.rule("request", "error", match="*/refunds*", times=9, status=503)
    with pytest.raises(PaymentsUnavailable):
        ask_back(bought, 1_000)

    now = timezone.now()
    assert stripe_refunds.undecided_refunds(now=now, limit=9) == []
    later = now + timedelta(minutes=2)
    assert stripe_refunds.undecided_refunds(now=later, limit=9) == [Refund.objects.get().pk]
