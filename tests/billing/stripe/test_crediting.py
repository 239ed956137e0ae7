"""What counts as a payment for a purchase, and what does not."""

from dataclasses import replace

import pytest
from django.core import mail
from django.utils import timezone

from billing import stripe_gateway
from billing.models import Entry, Notice, Purchase, StripeCustomer, StripeReceipt
from billing.services import balance_of, crediting, notices
from tests.billing.stripe.desk import Buyer, Desk


def unpaid(desk: Desk, buyer: Buyer, method: str) -> None:
    """A page that was completed with a way to pay that takes days."""
    desk.control("PUT", "knobs", processing_seconds=1_000_000)
    desk.pay(buyer.checkout("25"), method)


def test_a_completed_page_is_not_a_payment(desk: Desk, buyer: Buyer) -> None:
    unpaid(desk, buyer, "pm_usBankAccount")

    desk.deliver_all()

    assert balance_of(buyer.team).available == 0
    assert (buyer.purchase().state, buyer.purchase().payment.is_processing) == ("open", True)
    page = buyer.page_of(buyer.purchase(), "?from=stripe").content.decode()
    assert "Your bank is processing the payment." in page


def test_a_slow_payment_counts_when_it_arrives(desk: Desk, buyer: Buyer) -> None:
    unpaid(desk, buyer, "pm_usBankAccount")
    desk.deliver_all()

    intent = desk.objects("payment_intent")[0]["id"]
    desk.control("POST", f"payment_intents/{intent}/settle", succeeds=True)
    desk.deliver_all()

    assert balance_of(buyer.team).available == 25_000_000
    assert not buyer.purchase().payment.is_processing


def test_a_slow_payment_that_fails_is_told_and_can_be_made_again(desk: Desk, buyer: Buyer) -> None:
    unpaid(desk, buyer, "pm_usBankAccount_insufficientFunds")
    intent = desk.objects("payment_intent")[0]["id"]
    desk.control("POST", f"payment_intents/{intent}/settle", succeeds=False)
    desk.deliver_all()

    assert buyer.purchase().state == "failed"
    assert balance_of(buyer.team).available == 0
    notice = Notice.objects.get(kind="payment_failed")
    notices.send_notice(notice_id=notice.pk, now=timezone.now())
    assert "failed" in mail.outbox[0].subject
    again = buyer.browser.post(f"{buyer.home}purchases/{buyer.purchase().pk}/pay/")["Location"]
    desk.pay(again)
    desk.deliver_all()
    assert balance_of(buyer.team).available == 25_000_000
    assert Purchase.objects.count() == 1


def facts_of(desk: Desk, buyer: Buyer) -> stripe_gateway.Session:
    desk.pay(buyer.checkout("25"))
    return stripe_gateway.fetch_session(buyer.purchase().checkout_session)


def changed(facts, **changes):
    payment = {name.removeprefix("payment_"): changes.pop(name) for name in list(changes) if name in PAYMENT}
    return replace(facts, payment=replace(facts.payment, **payment), **changes)


PAYMENT = {
    "payment_id",
    "payment_currency",
    "payment_customer",
    "payment_received",
    "payment_status",
    "payment_purchase",
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"payment_currency": "eur"}, "It was paid in EUR."),
        ({"payment_customer": "cus_other"}, "Another customer paid for it."),
        ({"total": 2_400, "payment_received": 2_400}, "2400 cents were paid"),
        ({"total": 2_600, "payment_received": 2_600}, "2600 cents were paid"),
        ({"total": 2_600, "tax": 100, "payment_received": 2_600}, "100 of them tax"),
        ({"payment_received": 2_400}, "the payment does not"),
        ({"payment_status": "processing"}, "the payment does not"),
        ({"payment_purchase": 7}, "names another purchase"),
    ],
)
def test_money_that_does_not_fit_is_no_credit(desk: Desk, buyer: Buyer, changes: dict, said: str) -> None:
    facts = facts_of(desk, buyer)

    with pytest.raises(crediting.Mismatch) as caught:
        crediting.apply_session(changed(facts, **changes), actor="test", now=timezone.now())

    assert said in caught.value.reason
    assert balance_of(buyer.team).available == 0


def test_operators_hear_of_money_that_does_not_fit(desk: Desk, buyer: Buyer, settings) -> None:
    settings.ADMINS = [("Operator", "operator@example.com")]
    desk.pay(buyer.checkout("25"))
    StripeCustomer.objects.update(stripe_id="cus_other")

    desk.deliver_all()

    assert balance_of(buyer.team).available == 0
    receipt = StripeReceipt.objects.filter(kind="checkout.session.completed").get()
    assert receipt.processed_at is None
    assert receipt.error == "Another customer paid for it."
    notices.send_notice(notice_id=Notice.objects.get().pk, now=timezone.now())
    assert mail.outbox[0].to == ["operator@example.com"]
    assert "does not fit purchase" in mail.outbox[0].subject


def test_paying_twice_for_one_purchase_is_credited_once_and_told(desk: Desk, buyer: Buyer) -> None:
    facts = facts_of(desk, buyer)
    assert facts.payment is not None
    crediting.apply_session(facts, actor="test", now=timezone.now())
    other = changed(facts, payment_id="pi_second")
    with pytest.raises(crediting.Mismatch, match="paid already"):
        crediting.apply_session(other, actor="test", now=timezone.now())

    assert balance_of(buyer.team).available == 25_000_000


def test_stripes_fee_is_in_the_books(desk: Desk, buyer: Buyer) -> None:
    desk.pay(buyer.checkout("25"))
    desk.deliver_all()

    fee = next(row["fee"] for row in desk.objects("balance_transaction"))
    posted = Entry.objects.get(transaction__kind="stripe_fee", account__kind="stripe_fee")
    assert -posted.amount == fee * 10_000
    assert buyer.purchase().payment.look_at is None


def test_the_card_is_kept_only_with_consent(desk: Desk, buyer: Buyer) -> None:
    desk.pay(buyer.checkout("25"))
    desk.deliver_all()
    assert StripeCustomer.objects.get().payment_method == ""

    desk.pay(buyer.checkout("25", keep_card="on"))
    desk.deliver_all()

    customer = StripeCustomer.objects.get()
    assert (customer.payment_method[:3], customer.card) == ("pm_", "Visa 4242")


def test_old_news_does_not_undo_new(desk: Desk, buyer: Buyer) -> None:
    facts = facts_of(desk, buyer)
    crediting.apply_session(facts, actor="test", now=timezone.now())
    stale = replace(facts, status="expired", payment_status="unpaid", payment=None)
    crediting.apply_session(stale, actor="test", now=timezone.now())

    assert buyer.purchase().state == "paid"
