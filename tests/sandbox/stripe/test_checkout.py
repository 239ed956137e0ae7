"""Checkout as a customer's browser meets it: pay, be declined, authenticate, wait, expire."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

SAVE = {"payment_intent_data": {"setup_future_usage": "off_session", "metadata": {"purchase": "7"}}}


def test_a_paid_session_has_everything(shop):
    session = shop.paid(
        client_reference_id="7", metadata={"purchase": "7"}, invoice_creation={"enabled": True}, **SAVE
    )

    assert (session.status, session.payment_status, session.url) == ("complete", "paid", None)
    intent, invoice = session.payment_intent, session.invoice
    assert (intent.status, intent.amount_received, intent.metadata.to_dict()) == (
        "succeeded",
        2_500,
        {"purchase": "7"},
    )
    assert intent.latest_charge.balance_transaction.net == 2_500 - 103
    assert (invoice.status, invoice.amount_paid, invoice.customer) == ("paid", 2_500, session.customer)
    cards = shop.client.v1.customers.payment_methods.list(session.customer).data
    assert [card.id for card in cards] == [intent.payment_method]
    assert shop.charge(shop.client.v1.customers.retrieve(session.customer), cards[0]).status == "succeeded"


def test_the_customer_returns_to_the_success_page_with_the_session(shop, stand):
    session = shop.session()

    answer = stand.pay(session.id)

    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"http://127.0.0.1:9/done?session={session.id}",
    )
    assert stand.pay(session.id).headers["location"] == answer.headers["location"]  # the second click
    assert len(stand.objects("charge")) == 1


def test_two_tabs_pay_once(shop, stand):
    session = shop.session()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: stand.pay(session.id), range(4)))

    assert {answer.status_code for answer in answers} == {303}
    assert len(stand.objects("charge")) == 1
    assert shop.events("checkout") == ["checkout.session.completed"]


def test_the_page_shows_amount_product_and_the_way_back(shop, stand):
    page = stand.http().get(shop.session().url).text

    assert "$25.00" in page
    assert "Credit" in page
    assert 'href="http://127.0.0.1:9/no"' in page
    assert "will be saved" not in page


def test_the_page_says_that_the_card_is_kept(shop, stand):
    assert "will be saved" in stand.http().get(shop.session(**SAVE).url).text


def test_html_in_a_name_stays_text(shop, stand):
    price = {"currency": "usd", "unit_amount": 100, "product_data": {"name": "<script>x</script>"}}
    session = shop.session(line_items=[{"price_data": price, "quantity": 1}])

    assert "<script>" not in stand.http().get(session.url).text


def test_without_a_wish_to_keep_it_the_card_stays_unattached(shop):
    session = shop.paid()

    assert session.customer is None
    card = shop.client.v1.payment_methods.retrieve(session.payment_intent.payment_method)
    assert card.customer is None


def test_a_declined_card_can_be_tried_again(shop, stand):
    session = shop.session()

    answer = stand.pay(session.id, "pm_card_visa_chargeDeclinedInsufficientFunds")

    assert (answer.status_code, shop.again(session.id).status) == (402, "open")
    assert "Your card has insufficient funds." in answer.text
    assert stand.pay(session.id).status_code == 303
    assert shop.again(session.id).payment_status == "paid"
    assert len(stand.objects("payment_intent")) == 1


@pytest.mark.parametrize(("answer", "status"), [("complete", "complete"), ("fail", "open")])
def test_3d_secure(shop, stand, answer, status):
    session = shop.session()

    last = stand.pay(session.id, "pm_card_authenticationRequired", answer=answer)

    assert last.status_code == 303
    assert shop.again(session.id).status == status
    if answer == "fail":
        assert "could not authenticate" in stand.http().get(last.headers["location"]).text
        assert stand.pay(session.id).status_code == 303
    assert "payment_intent.requires_action" in shop.events()


def test_a_card_authenticated_once_works_without_its_owner(shop):
    session = shop.paid(method="pm_card_authenticationRequiredOnSetup", customer_creation="always", **SAVE)

    customer = shop.client.v1.customers.retrieve(session.customer)

    card = shop.client.v1.payment_methods.retrieve(session.payment_intent.payment_method)
    assert shop.charge(customer, card).status == "succeeded"


def test_a_slow_payment_completes_unpaid_and_is_paid_later(shop, stand):
    session = shop.paid(method="pm_usBankAccount", invoice_creation={"enabled": True})
    assert (session.status, session.payment_status, session.invoice) == ("complete", "unpaid", None)

    stand.jump(30)

    stand.wait(lambda: shop.again(session.id).payment_status == "paid")
    assert shop.again(session.id).invoice.status == "paid"
    assert shop.events("checkout") == [
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
    ]


def test_a_slow_payment_can_fail(shop, stand):
    session = shop.paid(method="pm_usBankAccount_insufficientFunds")

    stand.settle(session.payment_intent.id, succeeds=False)

    session = shop.again(session.id)
    assert (session.status, session.payment_status) == ("complete", "unpaid")
    assert session.payment_intent.status == "requires_payment_method"
    assert shop.events("checkout")[-1] == "checkout.session.async_payment_failed"


def test_a_session_expires_by_itself(shop, stand):
    session = shop.session(expires_at=int(time.time()) + 1_900)

    stand.jump(2_000)

    stand.wait(lambda: shop.again(session.id).status == "expired")
    assert shop.events("checkout") == ["checkout.session.expired"]
    answer = stand.pay(session.id)
    assert (answer.status_code, stand.objects("charge")) == (410, [])


def test_tax_comes_on_top_when_the_country_is_known(shop, stand):
    session = shop.session(automatic_tax={"enabled": True}, invoice_creation={"enabled": True})
    assert (session.amount_total, session.automatic_tax.status) == (2_500, "requires_location_inputs")
    assert "Pay $25.00 plus tax" in stand.http().get(session.url).text

    stand.pay(session.id, country="DE")

    session = shop.again(session.id)
    assert (session.amount_subtotal, session.amount_total) == (2_500, 3_000)
    assert session.total_details.amount_tax == 500
    assert session.automatic_tax.status == "complete"
    assert session.line_items.data[0].amount_total == 3_000
    assert session.payment_intent.amount == session.invoice.total == 3_000
    assert session.customer_details.address.country == "DE"


def test_tax_of_a_known_customer_needs_an_address(shop, refused):
    customer, _ = shop.customer(None)

    error = refused(shop.session, automatic_tax={"enabled": True}, customer=customer.id)

    assert error.code == "customer_tax_location_invalid"
    update = {"address": "auto"}
    session = shop.paid(automatic_tax={"enabled": True}, customer=customer.id, customer_update=update)
    assert session.payment_status == "paid"
    assert shop.client.v1.customers.retrieve(customer.id).address.country == "US"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"mode": "subscription"}, "mode"),
        ({"line_items": []}, "line_items"),
        ({"success_url": "/done"}, "success_url"),
        ({"client_reference_id": "x" * 201}, "client_reference_id"),
        ({"line_items": [{"price": "price_none", "quantity": 1}]}, "line_items[0][price]"),
        ({"line_items": [{"price_data": {"currency": "usd"}}]}, "line_items[0][price_data][product]"),
        ({"automatic_tax": {"enabled": "maybe"}}, "automatic_tax[enabled]"),
        ({"discounts": [{"coupon": "half"}]}, "discounts"),
        ({"customer_update": {"address": "sometimes"}}, "customer_update[address]"),
        ({"metadata": {"x" * 41: "y"}}, "metadata"),
        ({"metadata": {"x": "y" * 501}}, "metadata[x]"),
    ],
)
def test_what_a_session_refuses(shop, stand, refused, changes, param):
    error = refused(shop.session, **changes)

    assert (error.http_status, error.param) == (400, param)
    assert stand.objects("checkout.session") == []


def test_a_session_that_only_saves_a_card(shop, stand):
    client = shop.client
    session = client.v1.checkout.sessions.create(
        {"mode": "setup", "currency": "usd", "success_url": shop.success}
    )

    assert stand.pay(session.id).status_code == 303

    session = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["setup_intent"]})
    assert (session.status, session.setup_intent.status) == ("complete", "succeeded")
    assert len(client.v1.customers.payment_methods.list(session.customer).data) == 1


def test_receipt_and_invoice_open(shop, stand):
    session = shop.paid(invoice_creation={"enabled": True})
    charge, invoice = session.payment_intent.latest_charge, session.invoice

    receipt = stand.http().get(charge.receipt_url)
    page = stand.http().get(invoice.hosted_invoice_url)
    document = stand.http().get(invoice.invoice_pdf)

    assert "$25.00 paid on" in receipt.text
    assert invoice.number in page.text
    assert document.headers["content-type"] == "application/pdf"
    assert re.match(rb"%PDF-1\.4.*%%EOF\s*$", document.content, re.DOTALL)


def test_pages_of_nobody(stand):
    for path in (
        "authenticate/pi_none",
        "pay/cs_test_none",
        "receipts/ch_none",
        "invoices/in_none",
        "portal/bps_none",
    ):
        assert stand.http().get(f"{stand.url}/{path}").status_code == 404
