"""Buying by hand: the form, Stripe's page, and coming back."""

import pytest
from django.test import Client

from billing.models import Payment, Purchase
from billing.services import balance_of, checkout
from tests.billing.stripe.desk import Buyer, Desk, make_buyer


def test_buying_a_pack_brings_its_credit(desk: Desk, buyer: Buyer) -> None:
    address = buyer.checkout("25")
    assert address.startswith(desk.url)

    back = desk.pay(address)
    assert back.status_code == 303
    assert (
        back.headers["location"]
        == f"http://testserver{buyer.home}purchases/{buyer.purchase().pk}/?from=stripe"
    )
    desk.deliver_all()

    bought = buyer.purchase()
    assert (bought.state, bought.credit, bought.gross_cents) == ("paid", 25_000_000, 2_500)
    assert bought.payment_intent
    assert bought.charge
    assert balance_of(buyer.team).available == 25_000_000
    page = buyer.browser.get(buyer.home).content.decode()
    assert "$25.00" in page
    assert bought.payment.invoice_url in page


def test_the_row_is_there_before_the_session(desk: Desk, buyer: Buyer, no_retries: None) -> None:
    desk.rule("request", "drop_after", match="POST /v1/checkout/sessions", times=1)

    response = buyer.press_buy("25")

    assert response.status_code == 503
    assert "Nothing was charged" in response.content.decode()
    assert buyer.purchase().state == "draft"


def test_an_answer_that_was_lost_is_the_same_page_the_next_time(
    desk: Desk, buyer: Buyer, no_retries: None
) -> None:
    key = buyer.form_key()
    desk.rule("request", "drop_after", match="POST /v1/checkout/sessions", times=1)
    assert buyer.press_buy("25", form_key=key).status_code == 503

    assert buyer.press_buy("25", form_key=key).status_code == 303

    assert len(desk.objects("checkout.session")) == 1
    assert Purchase.objects.count() == 1


def test_a_failure_that_stripe_keeps_does_not_stay_for_a_day(desk: Desk, buyer: Buyer) -> None:
    key = buyer.form_key()
    desk.rule("request", "error", match="POST /v1/checkout/sessions", times=3, status=500)
    assert buyer.press_buy("25", form_key=key).status_code == 503

    assert buyer.press_buy("25", form_key=key).status_code == 303
    assert Purchase.objects.count() == 1


def test_the_same_click_twice_is_one_purchase(desk: Desk, buyer: Buyer) -> None:
    key = buyer.form_key()

    first, second = (buyer.press_buy("25", form_key=key)["Location"] for _ in range(2))

    assert first == second
    assert (Purchase.objects.count(), len(desk.objects("checkout.session"))) == (1, 1)


def test_two_tabs_are_two_purchases_and_only_what_is_paid_counts(desk: Desk, buyer: Buyer) -> None:
    buyer.checkout("25")
    second = buyer.checkout("25")

    desk.pay(second)
    desk.deliver_all()

    assert Purchase.objects.count() == 2
    assert balance_of(buyer.team).available == 25_000_000


def test_another_amount_from_a_page_kept_by_the_browser_is_another_purchase(desk: Desk, buyer: Buyer) -> None:
    key = buyer.form_key()
    buyer.press_buy("25", form_key=key)

    buyer.press_buy("50", form_key=key)

    assert sorted(Purchase.objects.values_list("credit", flat=True)) == [25_000_000, 50_000_000]


def test_pressing_again_after_paying_leads_to_what_was_paid(desk: Desk, buyer: Buyer) -> None:
    key = buyer.form_key()
    desk.pay(buyer.press_buy("25", form_key=key)["Location"])
    desk.deliver_all()

    response = buyer.press_buy("25", form_key=key)

    assert response["Location"].endswith(f"/billing/purchases/{buyer.purchase().pk}/")
    assert Purchase.objects.count() == 1


def test_a_free_amount_is_bought_to_the_cent(desk: Desk, buyer: Buyer) -> None:
    response = buyer.press_buy("", amount=" $1,234.56 ")

    desk.pay(response["Location"])
    desk.deliver_all()

    assert balance_of(buyer.team).available == 1_234_560_000


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("4.99", "The smallest purchase is $5."),
        ("2000.01", "The largest purchase is $2,000."),
        ("-20", "The amount must be above zero."),
        ("0", "The amount must be above zero."),
        ("12.505", "Dollars have two decimals"),
        ("20 EUR", "Write an amount in US dollars"),
        ("€20", "Write an amount in US dollars"),
        ("NaN", "Write an amount in US dollars"),
        ("Infinity", "Write an amount in US dollars"),
        ("1e3", "Write an amount in US dollars"),
        ("٢٠", "Write an amount in US dollars"),
        ("", "Write an amount in US dollars"),
    ],
)
def test_a_wrong_amount_is_refused_with_a_sentence(
    desk: Desk, buyer: Buyer, written: str, sentence: str
) -> None:
    response = buyer.press_buy("", amount=written)

    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert not Purchase.objects.exists()
    assert not desk.objects("checkout.session")


def test_a_form_without_its_key_is_refused(desk: Desk, buyer: Buyer) -> None:
    assert buyer.browser.post(f"{buyer.home}buy/", {"pack": "25"}).status_code == 422
    assert not Purchase.objects.exists()


def test_a_purchase_of_another_team_is_nobodys(desk: Desk, buyer: Buyer) -> None:
    buyer.checkout("25")
    other = make_buyer()

    assert other.page_of(buyer.purchase()).status_code == 404
    assert other.browser.post(f"{other.home}purchases/{buyer.purchase().pk}/pay/").status_code == 404


def test_viewers_see_no_money_and_editors_cannot_buy(desk: Desk, buyer: Buyer) -> None:
    assert make_buyer("viewer").browser.get(buyer.home).status_code == 404
    editor = make_buyer("editor")
    assert "Buy $25" not in editor.browser.get(editor.home).content.decode()
    assert editor.browser.post(f"{editor.home}buy/", {"pack": "25"}).status_code == 403


def test_whoever_comes_back_without_paying_is_told_the_truth(desk: Desk, buyer: Buyer) -> None:
    address = buyer.checkout("25")

    page = buyer.page_of(buyer.purchase(), "?from=canceled").content.decode()

    assert "You came back without paying. Nothing was charged." in page
    assert "every 2s" not in page
    again = buyer.browser.post(f"{buyer.home}purchases/{buyer.purchase().pk}/pay/")
    assert again["Location"] == address


def test_a_page_that_is_over_is_followed_by_a_new_purchase(desk: Desk, buyer: Buyer) -> None:
    key = buyer.form_key()
    first = buyer.press_buy("25", form_key=key)["Location"]
    desk.jump(13 * 3600)
    desk.wait_for("checkout.session.expired")
    desk.deliver_all()
    assert buyer.purchase().state == "expired"

    desk.jump(-13 * 3600)
    second = buyer.press_buy("25", form_key=key)["Location"]

    assert second != first
    assert Purchase.objects.count() == 2
    assert Payment.objects.values("form_key").distinct().count() == 2


def test_a_declined_card_can_be_followed_by_another_on_the_same_page(desk: Desk, buyer: Buyer) -> None:
    address = buyer.checkout("25")
    assert desk.pay(address, "pm_card_visa_chargeDeclined").status_code == 402
    desk.deliver_all()
    assert buyer.purchase().state == "open"

    desk.pay(address)
    desk.deliver_all()

    assert balance_of(buyer.team).available == 25_000_000


def test_3d_secure_on_the_page(desk: Desk, buyer: Buyer) -> None:
    desk.pay_with_challenge(buyer.checkout("10"))
    desk.deliver_all()

    assert balance_of(buyer.team).available == 10_000_000


def test_tax_is_added_by_stripe_and_is_no_credit(desk: Desk, buyer: Buyer, settings) -> None:
    settings.STRIPE_AUTOMATIC_TAX = True

    desk.pay(buyer.checkout("25"), country="DE")
    desk.deliver_all()

    bought = buyer.purchase()
    assert (bought.gross_cents, bought.tax_cents) == (3_000, 500)
    assert balance_of(buyer.team).available == 25_000_000


def test_an_installation_without_a_key_says_so(desk: Desk, buyer: Buyer, settings) -> None:
    settings.STRIPE_SECRET_KEY = ""

    assert "Cards are not accepted here yet." in buyer.browser.get(buyer.home).content.decode()


def test_another_site_cannot_press_buy(desk: Desk, buyer: Buyer) -> None:
    foreign = Client(enforce_csrf_checks=True)
    foreign.force_login(buyer.user)

    assert foreign.post(f"{buyer.home}buy/", {"pack": "25"}).status_code == 403


@pytest.mark.parametrize(
    ("written", "credit"), [("40", 40_000_000), ("$12.5", 12_500_000), ("1,000", 1_000_000_000)]
)
def test_amounts_as_people_write_them(written: str, credit: int) -> None:
    assert checkout.credit_from(written) == credit
