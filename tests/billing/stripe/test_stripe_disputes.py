"""A payer's bank asks for its money back: where the cash is, and who wins."""

import pytest
from django.core import mail
from django.utils import timezone

from billing.models import Account, Dispute, Entry, FraudWarning, Notice, Purchase
from billing.services import balance_of, find_violations, notices
from tests.billing.books import spend
from tests.billing.stripe.desk import Buyer, Desk

DOLLAR = 1_000_000


@pytest.fixture
def bought(desk: Desk, buyer: Buyer) -> Purchase:
    desk.pay(buyer.checkout("25"))
    buyer.page_of(buyer.purchase())
    return buyer.purchase()


def dispute(desk: Desk, purchase: Purchase, **options: object) -> str:
    return str(desk.control("POST", "disputes", payment_intent=purchase.payment_intent, **options)["id"])


def step(desk: Desk, claim: str, name: str, **body: object) -> None:
    desk.control("POST", f"disputes/{claim}/{name}", **body)
    desk.deliver_all()


def wallet(buyer: Buyer) -> tuple[int, int]:
    balance = balance_of(buyer.team)
    return balance.available, balance.frozen


def pending_cash() -> int:
    account = Account.objects.get(kind="dispute_pending")
    return sum(Entry.objects.filter(account=account).values_list("amount", flat=True))


def test_a_dispute_freezes_what_is_left(desk: Desk, buyer: Buyer, bought: Purchase) -> None:
    spend(buyer.team, 5 * DOLLAR)
    dispute(desk, bought, withdraw=False)
    desk.deliver_all()

    assert wallet(buyer) == (0, 20 * DOLLAR)
    assert pending_cash() == 0
    assert "is disputed" in buyer.browser.get(buyer.home).content.decode()


def test_cash_that_stripe_takes_is_no_loss_yet(desk: Desk, buyer: Buyer, bought: Purchase) -> None:
    claim = dispute(desk, bought, withdraw=False)
    step(desk, claim, "withdraw")

    assert Dispute.objects.get().state == "open"
    assert wallet(buyer) == (0, 25 * DOLLAR)
    assert pending_cash() == -25 * DOLLAR


def test_a_dispute_that_is_won_gives_exactly_that_back(desk: Desk, buyer: Buyer, bought: Purchase) -> None:
    spend(buyer.team, 5 * DOLLAR)
    claim = dispute(desk, bought)
    desk.deliver_all()

    step(desk, claim, "close", status="won")

    assert wallet(buyer) == (20 * DOLLAR, 0)
    assert pending_cash() == 0
    assert find_violations() == []


def test_a_dispute_that_is_lost_takes_the_credit_and_what_was_spent_is_owed(
    desk: Desk, buyer: Buyer, bought: Purchase
) -> None:
    spend(buyer.team, 5 * DOLLAR)
    claim = dispute(desk, bought)
    desk.deliver_all()

    step(desk, claim, "close", status="lost")

    assert wallet(buyer) == (-5 * DOLLAR, 0)
    assert pending_cash() == 0
    assert find_violations() == []
    told = Notice.objects.get(kind="dispute_closed")
    notices.send_notice(notice_id=told.pk, now=timezone.now())
    assert "The bank took $25.00 back" in mail.outbox[0].body


def test_the_end_of_a_dispute_may_be_all_that_is_ever_told(
    desk: Desk, buyer: Buyer, bought: Purchase
) -> None:
    claim = dispute(desk, bought)
    desk.control("POST", f"disputes/{claim}/close", status="lost")

    desk.deliver(desk.events("charge.dispute.closed"))

    assert wallet(buyer) == (0, 0)
    assert pending_cash() == 0


def test_cash_that_returns_later_than_the_verdict(desk: Desk, buyer: Buyer, bought: Purchase) -> None:
    claim = dispute(desk, bought)
    step(desk, claim, "close", status="won", reinstate=False)
    assert wallet(buyer) == (25 * DOLLAR, 0)
    assert pending_cash() == -25 * DOLLAR

    step(desk, claim, "reinstate")

    assert pending_cash() == 0


def test_an_inquiry_that_is_closed_leaves_everything_as_it_was(
    desk: Desk, buyer: Buyer, bought: Purchase
) -> None:
    claim = dispute(desk, bought, inquiry=True)
    desk.deliver_all()
    assert wallet(buyer) == (0, 25 * DOLLAR)

    step(desk, claim, "close", status="warning_closed")

    assert wallet(buyer) == (25 * DOLLAR, 0)


def test_credit_bought_before_and_after_is_not_touched(desk: Desk, buyer: Buyer, bought: Purchase) -> None:
    desk.pay(buyer.checkout("50"))
    desk.deliver_all()
    dispute(desk, bought)
    desk.deliver_all()

    assert wallet(buyer) == (50 * DOLLAR, 25 * DOLLAR)


def test_stripes_dispute_fee_is_in_the_books(desk: Desk, buyer: Buyer, bought: Purchase) -> None:
    dispute(desk, bought)
    desk.deliver_all()

    fees = sum(row["fee"] for row in desk.objects("balance_transaction"))
    posted = Entry.objects.filter(account__kind="stripe_fee").values_list("amount", flat=True)
    assert -sum(posted) == fees * 10_000


def test_an_early_fraud_warning_is_for_the_operators(
    desk: Desk, buyer: Buyer, bought: Purchase, settings
) -> None:
    settings.ADMINS = [("Operator", "operator@example.com")]
    desk.control("POST", "fraud_warnings", payment_intent=bought.payment_intent, fraud_type="misc")
    desk.deliver_all()
    desk.deliver_all()

    assert FraudWarning.objects.get().purchase == bought
    notices.send_notice(notice_id=Notice.objects.get(kind="fraud_warning").pk, now=timezone.now())
    assert mail.outbox[0].to == ["operator@example.com"]
    assert "fraud" not in buyer.browser.get(buyer.home).content.decode().lower()
    assert wallet(buyer) == (25 * DOLLAR, 0)


def test_a_payout_is_in_the_books(desk: Desk, buyer: Buyer, bought: Purchase) -> None:
    desk.jump(3 * 86_400)
    paid_out = desk.control("POST", "payouts")["amount"]
    desk.jump(3600)
    desk.wait_for("payout.paid")
    desk.deliver_all()

    bank = Entry.objects.get(account__kind="bank")
    assert -bank.amount == paid_out * 10_000
