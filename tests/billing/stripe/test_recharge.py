"""Buying by itself: when, how much, and when to stop."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.utils import timezone

from billing import tasks
from billing.models import Notice, Purchase, Recharge, RechargeRule, StripeCustomer
from billing.services import balance_of, declines, notices, recharge, stripe_sweep
from tests.billing.books import spend
from tests.billing.stripe.desk import Buyer, Desk, make_buyer

DOLLAR = 1_000_000
AMOUNTS = {"threshold": "10", "credit": "20", "monthly_cap": "50", "agreed": "on"}


@pytest.fixture
def saver(desk: Desk, buyer: Buyer) -> Buyer:
    """Has bought $10, kept the card, and let credit be bought by itself below $10."""
    return with_rule(desk, buyer)


def with_rule(desk: Desk, buyer: Buyer, **amounts: str) -> Buyer:
    desk.pay(buyer.checkout("10", keep_card="on"))
    buyer.page_of(buyer.purchase())
    response = buyer.browser.post(f"{buyer.home}recharge/", {**AMOUNTS, **amounts})
    assert response.status_code == 302, response.content.decode()
    return buyer


def use_card(desk: Desk, buyer: Buyer, test_card: str) -> None:
    """Another card of the customer's becomes the saved one."""
    customer = StripeCustomer.objects.get(team=buyer.team)
    method = desk.client().payment_methods.attach(test_card, {"customer": customer.stripe_id})
    StripeCustomer.objects.filter(team=buyer.team).update(payment_method=method.id)


def recharge_now(buyer: Buyer, *, now: datetime | None = None) -> Recharge | None:
    """What sweep and worker do, one after the other."""
    made = recharge.start_recharge(team_id=buyer.team.pk, now=now or timezone.now())
    if made is not None:
        tasks.charge_card(recharge_id=str(made.pk))
        made.refresh_from_db()
    return made


def available(buyer: Buyer) -> int:
    return balance_of(buyer.team).available


def test_credit_is_bought_when_little_is_left(desk: Desk, saver: Buyer) -> None:
    assert recharge.low_teams(now=timezone.now(), limit=9) == []
    spend(saver.team, DOLLAR)
    assert recharge.low_teams(now=timezone.now(), limit=9) == [saver.team.pk]

    made = recharge_now(saver)

    assert made.state == "succeeded"
    assert available(saver) == 29 * DOLLAR
    assert saver.purchase().origin == "recharge"
    assert recharge_now(saver) is None
    desk.deliver_all()
    assert available(saver) == 29 * DOLLAR


def test_tax_is_added_and_reported_and_is_no_credit(desk: Desk, buyer: Buyer, settings) -> None:
    """Where the customer lives is known from the page on which the card was saved."""
    settings.STRIPE_AUTOMATIC_TAX = True
    spend(with_rule(desk, buyer).team, DOLLAR)
    desk.rule("request", "drop_after", match="POST /v1/payment_intents", times=1)  # the client asks again

    made = recharge_now(buyer)

    bought = buyer.purchase()
    assert (made.state, bought.gross_cents, bought.tax_cents) == ("succeeded", 2_400, 400)
    assert available(buyer) == 29 * DOLLAR
    assert len([each for each in desk.objects("charge") if each["amount"] == 2_400]) == 1
    reported = [each["reference"] for each in desk.objects("tax.transaction")]
    assert reported == [bought.payment_intent]


def test_a_lost_answer_about_tax_is_found_with_its_tax(
    desk: Desk, buyer: Buyer, settings, no_retries: None
) -> None:
    settings.STRIPE_AUTOMATIC_TAX = True
    spend(with_rule(desk, buyer).team, DOLLAR)
    desk.rule("request", "drop_after", match="POST /v1/payment_intents", times=1)
    made = recharge_now(buyer)
    settings.STRIPE_AUTOMATIC_TAX = False  # what was agreed then still counts

    tasks.follow_purchase(purchase_id=str(made.purchase_id))

    assert (buyer.purchase().gross_cents, buyer.purchase().tax_cents) == (2_400, 400)
    assert available(buyer) == 29 * DOLLAR


def test_without_a_place_to_tax_nothing_is_charged(desk: Desk, saver: Buyer, settings) -> None:
    """The card was saved before tax was switched on."""
    settings.STRIPE_AUTOMATIC_TAX = True
    spend(saver.team, DOLLAR)

    made = recharge_now(saver)

    assert (made.state, made.failure) == ("failed", "customer_tax_location_invalid")
    assert len(desk.objects("charge")) == 1
    assert RechargeRule.objects.get().retry_at is not None


def test_the_sweep_does_it_all(desk: Desk, saver: Buyer, django_capture_on_commit_callbacks) -> None:
    spend(saver.team, DOLLAR)

    stripe_sweep.enqueue_due(now=timezone.now())

    assert Recharge.objects.get().state == "pending"


def test_one_charge_however_often_the_task_runs(desk: Desk, saver: Buyer) -> None:
    spend(saver.team, DOLLAR)
    made = recharge_now(saver)

    for _ in range(3):
        tasks.charge_card(recharge_id=str(made.pk))
    Recharge.objects.update(state="pending")
    tasks.charge_card(recharge_id=str(made.pk))

    assert len([each for each in desk.objects("charge") if each["amount"] == 2_000]) == 1
    assert available(saver) == 29 * DOLLAR


def test_a_lost_answer_charges_nobody_twice(desk: Desk, saver: Buyer, no_retries: None) -> None:
    spend(saver.team, DOLLAR)
    desk.rule("request", "drop_after", match="POST /v1/payment_intents", times=1)
    made = recharge_now(saver)
    assert made.state == "pending"
    assert recharge_now(saver) is None

    tasks.follow_purchase(purchase_id=str(made.purchase_id))

    made.refresh_from_db()
    assert made.state == "succeeded"
    assert len([each for each in desk.objects("charge") if each["amount"] == 2_000]) == 1
    assert available(saver) == 29 * DOLLAR


def test_a_request_that_never_arrived_is_sent_again_and_given_up_in_the_end(
    desk: Desk, saver: Buyer, no_retries: None
) -> None:
    spend(saver.team, DOLLAR)
    desk.rule("request", "drop_before", match="POST /v1/payment_intents", times=2)
    made = recharge_now(saver)
    tasks.follow_purchase(purchase_id=str(made.purchase_id))
    made.refresh_from_db()
    assert made.state == "pending"

    Recharge.objects.update(created_at=timezone.now() - recharge.SURELY_ABSENT)
    tasks.follow_purchase(purchase_id=str(made.purchase_id))

    made.refresh_from_db()
    assert (made.state, made.failure) == ("failed", "unanswered")
    assert saver.purchase().state == "failed"


def test_a_task_that_got_lost_is_made_good(desk: Desk, saver: Buyer) -> None:
    spend(saver.team, DOLLAR)
    made = recharge.start_recharge(team_id=saver.team.pk, now=timezone.now())

    tasks.follow_purchase(purchase_id=str(made.purchase_id))

    assert available(saver) == 29 * DOLLAR


def test_the_database_allows_one_pending_recharge(desk: Desk, saver: Buyer) -> None:
    spend(saver.team, DOLLAR)
    made = recharge.start_recharge(team_id=saver.team.pk, now=timezone.now())
    assert recharge.start_recharge(team_id=saver.team.pk, now=timezone.now()) is None

    other = Purchase.objects.exclude(pk=made.purchase_id).first()
    with pytest.raises(IntegrityError, match="recharge_one_pending"), transaction.atomic():
        Recharge.objects.create(team=saver.team, purchase=other, created_at=timezone.now())


def test_what_somebody_is_just_paying_counts_as_balance(desk: Desk, saver: Buyer) -> None:
    spend(saver.team, DOLLAR)
    saver.checkout("25")

    assert recharge_now(saver) is None
    assert recharge_now(saver, now=timezone.now() + timedelta(hours=2)) is not None


def test_the_months_limit(desk: Desk, buyer: Buyer) -> None:
    saver = with_rule(desk, buyer, threshold="100")
    june = datetime(2026, 6, 30, 23, 59, tzinfo=UTC)

    assert recharge_now(saver, now=june)
    assert recharge_now(saver, now=june)
    assert recharge_now(saver, now=june) is None
    assert recharge.bought_this_month(saver.team, now=june) == 40 * DOLLAR
    assert recharge_now(saver, now=june + timedelta(minutes=1))


def test_a_decline_rests_for_an_hour_and_is_told(desk: Desk, saver: Buyer) -> None:
    use_card(desk, saver, "pm_card_chargeCustomerFail")
    spend(saver.team, DOLLAR)

    made = recharge_now(saver)

    assert (made.state, made.failure) == ("failed", "generic_decline")
    assert available(saver) == 9 * DOLLAR
    assert recharge.low_teams(now=timezone.now(), limit=9) == []
    assert recharge_now(saver) is None
    later = timezone.now() + declines.BACK_OFF
    assert recharge.low_teams(now=later, limit=9) == [saver.team.pk]
    notice = Notice.objects.get()
    notices.send_notice(notice_id=notice.pk, now=timezone.now())
    assert "failed" in mail.outbox[0].subject
    assert "We will not try the card again for an hour." in mail.outbox[0].body
    desk.deliver_all()
    assert Notice.objects.count() == 1


def test_a_bank_that_wants_its_customer_pauses_the_rule_and_gets_them(
    desk: Desk, saver: Buyer, settings
) -> None:
    settings.PUBLIC_URL = "https://clips.example"
    use_card(desk, saver, "pm_card_authenticationRequired")
    spend(saver.team, DOLLAR)

    made = recharge_now(saver)

    assert (made.state, made.failure) == ("failed", "authentication_required")
    assert RechargeRule.objects.get().paused == "authentication"
    assert recharge_now(saver, now=timezone.now() + timedelta(days=1)) is None
    notices.send_notice(notice_id=Notice.objects.get().pk, now=timezone.now())
    link = f"https://clips.example{saver.home}purchases/{made.purchase_id}/"
    assert link in mail.outbox[0].body
    assert "Paused" in saver.browser.get(saver.home).content.decode()

    page = saver.page_of(made.purchase).content.decode()
    assert "Pay $20.00" in page
    address = saver.browser.post(f"{saver.home}purchases/{made.purchase_id}/pay/")["Location"]
    desk.pay_with_challenge(address)
    desk.deliver_all()

    assert available(saver) == 29 * DOLLAR
    assert RechargeRule.objects.get().paused == ""


def test_three_declines_in_ten_minutes_alarm_the_operators(desk: Desk, settings) -> None:
    settings.ADMINS = [("Operator", "operator@example.com")]
    for number in range(3):
        saver = with_rule(desk, make_buyer())
        use_card(desk, saver, "pm_card_chargeCustomerFail")
        spend(saver.team, DOLLAR)
        recharge_now(saver)
        assert Notice.objects.filter(kind="declines").count() == (number == 2)

    notices.send_notice(notice_id=Notice.objects.get(kind="declines").pk, now=timezone.now())
    assert mail.outbox[0].to == ["operator@example.com"]
    assert "3 automatic purchases were declined" in mail.outbox[0].subject


def test_a_card_removed_at_stripe_pauses_the_rule(desk: Desk, saver: Buyer) -> None:
    desk.client().payment_methods.detach(StripeCustomer.objects.get().payment_method)

    desk.deliver(desk.events("payment_method.detached"))

    assert StripeCustomer.objects.get().payment_method == ""
    assert RechargeRule.objects.get().paused == "card_gone"
    assert Notice.objects.get().kind == "recharge_paused"
    spend(saver.team, DOLLAR)
    assert recharge_now(saver) is None


def test_a_customer_deleted_at_stripe_pauses_the_rule_and_can_buy_again(desk: Desk, saver: Buyer) -> None:
    desk.client().customers.delete(StripeCustomer.objects.get().stripe_id)

    desk.deliver_all()

    assert RechargeRule.objects.get().paused == "customer_gone"
    desk.pay(saver.checkout("10"))
    desk.deliver_all()
    assert available(saver) == 20 * DOLLAR


def test_a_deletion_that_nobody_told_is_found_when_somebody_buys(desk: Desk, saver: Buyer) -> None:
    desk.client().customers.delete(StripeCustomer.objects.get().stripe_id)
    key = saver.form_key()

    assert saver.press_buy("10", form_key=key).status_code == 503
    desk.pay(saver.press_buy("10", form_key=key)["Location"])
    saver.page_of(saver.purchase())

    assert available(saver) == 20 * DOLLAR
    assert RechargeRule.objects.get().paused == "customer_gone"


@pytest.mark.parametrize(
    ("amounts", "said"),
    [
        ({"credit": "4"}, "Each purchase must be between $5.00 and $2,000.00."),
        ({"credit": "2001", "monthly_cap": "5000"}, "Each purchase must be between"),
        ({"threshold": "0"}, "The balance to buy at must be above zero"),
        ({"monthly_cap": "19"}, "must cover at least one purchase"),
        ({"credit": "20.005"}, "Dollars have two decimals."),
        ({"credit": "-20"}, "Write an amount in US dollars"),
        ({"credit": "20 EUR"}, "Write an amount in US dollars"),
        ({"agreed": ""}, "without your agreement nothing is bought"),
    ],
)
def test_wrong_rules_are_refused_with_a_sentence(
    desk: Desk, buyer: Buyer, amounts: dict[str, str], said: str
) -> None:
    desk.pay(buyer.checkout("10", keep_card="on"))
    buyer.page_of(buyer.purchase())

    response = buyer.browser.post(f"{buyer.home}recharge/", {**AMOUNTS, **amounts})

    assert response.status_code == 422
    assert said in response.content.decode()
    assert not RechargeRule.objects.exists()


def test_without_a_saved_card_nothing_can_be_switched_on(desk: Desk, buyer: Buyer) -> None:
    response = buyer.browser.post(f"{buyer.home}recharge/", AMOUNTS)

    assert response.status_code == 422
    assert "There is no saved card." in response.content.decode()


def test_switching_off_stops_it(desk: Desk, saver: Buyer) -> None:
    saver.browser.post(f"{saver.home}recharge/stop/")
    spend(saver.team, DOLLAR)

    assert recharge_now(saver) is None
    assert "Switch on" in saver.browser.get(saver.home).content.decode()


def test_stripes_own_page_opens_for_whoever_may_buy(desk: Desk, saver: Buyer) -> None:
    response = saver.browser.post(f"{saver.home}portal/")

    assert response.status_code == 303
    assert response["Location"].startswith(desk.url)


def test_there_is_no_such_page_before_the_first_purchase(desk: Desk, buyer: Buyer) -> None:
    response = buyer.browser.post(f"{buyer.home}portal/", follow=True)

    assert "after the first purchase" in response.content.decode()
