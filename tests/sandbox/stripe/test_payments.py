"""PaymentIntents, cards, setup and taxes beyond the contract."""

import pytest


def test_declines_can_be_switched_on_for_a_saved_card(shop, stand, refused):
    customer, card = shop.customer()
    stand.rule("payment", "decline", f"off_session {customer.id}", code="insufficient_funds", times=1)

    error = refused(shop.charge, customer, card)

    assert (error.code, error.error.decline_code) == ("card_declined", "insufficient_funds")
    assert shop.charge(customer, card).status == "succeeded"
    assert shop.events("charge.failed", "payment_intent.payment_failed") == [
        *("charge.failed", "payment_intent.payment_failed"),
    ]


def test_authentication_can_be_switched_on_for_a_saved_card(shop, stand, refused):
    customer, card = shop.customer()
    stand.rule("payment", "authenticate", "off_session*")

    assert refused(shop.charge, customer, card).code == "authentication_required"


def test_a_payment_can_take_a_while(shop, stand):
    customer, card = shop.customer()
    stand.rule("payment", "processing")
    intent = shop.charge(customer, card)
    assert intent.status == "processing"

    stand.settle(intent.id)

    assert shop.client.v1.payment_intents.retrieve(intent.id).status == "succeeded"
    assert shop.events("payment_intent") == [
        *("payment_intent.created", "payment_intent.processing", "payment_intent.succeeded"),
    ]


def test_a_declined_intent_is_confirmed_again_with_another_card(shop, stand, refused):
    customer, card = shop.customer("pm_card_chargeCustomerFail")
    failed = refused(shop.charge, customer, card).error.payment_intent
    better = shop.client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})

    intent = shop.client.v1.payment_intents.confirm(
        failed["id"], {"payment_method": better.id, "off_session": True}
    )

    assert (intent.status, intent.last_payment_error) == ("succeeded", None)
    assert [one["status"] for one in stand.objects("charge")] == ["succeeded", "failed"]
    error = refused(shop.client.v1.payment_intents.confirm, intent.id, {"payment_method": better.id})
    assert error.code == "payment_intent_unexpected_state"


@pytest.mark.parametrize(("said", "outcome"), [("complete", "succeeded"), ("fail", "failed")])
def test_a_customer_who_is_there_is_asked_to_authenticate(shop, stand, said, outcome):
    customer, card = shop.customer("pm_card_authenticationRequired")
    intent = shop.client.v1.payment_intents.create(
        {
            "amount": 2_000,
            "currency": "usd",
            "customer": customer.id,
            "payment_method": card.id,
            "confirm": True,
            "return_url": "http://127.0.0.1:9/back",
        }
    )

    assert (intent.status, intent.next_action.type) == ("requires_action", "redirect_to_url")
    answer = stand.http().post(intent.next_action.redirect_to_url.url, data={"answer": said})
    assert answer.headers["location"].startswith(f"http://127.0.0.1:9/back?payment_intent={intent.id}&")
    assert answer.headers["location"].endswith(f"redirect_status={outcome}")
    status = shop.client.v1.payment_intents.retrieve(intent.id).status
    assert status == ("succeeded" if outcome == "succeeded" else "requires_payment_method")


def test_an_unfinished_intent_is_canceled_once(shop, refused):
    intent = shop.client.v1.payment_intents.create({"amount": 2_000, "currency": "usd"})

    assert shop.client.v1.payment_intents.cancel(intent.id).status == "canceled"
    error = refused(shop.client.v1.payment_intents.cancel, intent.id)
    assert error.code == "payment_intent_unexpected_state"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"confirm": False}, "off_session"),
        ({"currency": "xyz"}, "currency"),
        ({"amount": 100_000_000}, "amount"),
        ({"amount": -5}, "amount"),
        ({"capture_method": "manual"}, "capture_method"),
        ({"setup_future_usage": "always"}, "setup_future_usage"),
        ({"payment_method": "pm_none"}, "payment_method"),
        ({"automatic_tax": {"enabled": True}}, "automatic_tax"),
    ],
)
def test_what_an_intent_refuses(shop, stand, refused, changes, param):
    customer, card = shop.customer()

    error = refused(shop.charge, customer, card, **changes)

    assert (error.http_status, error.param) == (400, param)
    assert stand.objects("payment_intent") == []


@pytest.mark.parametrize(("said", "status"), [("complete", "succeeded"), ("fail", "requires_payment_method")])
def test_a_setup_intent_can_be_declined_and_authenticated(shop, stand, refused, said, status):
    client = shop.client
    customer, _ = shop.customer(None)
    params = {"customer": customer.id, "confirm": True, "payment_method": "pm_card_visa_chargeDeclined"}

    assert refused(client.v1.setup_intents.create, params).code == "card_declined"
    asked = client.v1.setup_intents.create(params | {"payment_method": "pm_card_authenticationRequired"})
    assert (asked.status, asked.next_action.type) == ("requires_action", "redirect_to_url")
    stand.http().post(asked.next_action.redirect_to_url.url, data={"answer": said})
    assert client.v1.setup_intents.retrieve(asked.id).status == status
    assert len(client.v1.customers.payment_methods.list(customer.id).data) == (status == "succeeded")


def test_a_card_that_can_be_saved_but_not_charged(shop, refused):
    customer, card = shop.customer("pm_card_chargeCustomerFail")

    assert refused(shop.charge, customer, card).code == "card_declined"


def test_a_calculation_of_tax_and_its_transactions(shop, refused):
    tax = shop.client.v1.tax
    address = {"country": "DE", "postal_code": "10115"}
    calculation = tax.calculations.create(
        {
            "currency": "usd",
            "line_items": [{"amount": 2_000, "reference": "credit", "tax_behavior": "exclusive"}],
            "customer_details": {"address": address, "address_source": "billing"},
            "expand": ["line_items"],
        }
    )
    assert (calculation.amount_total, calculation.tax_amount_exclusive) == (2_400, 400)
    assert calculation.line_items.data[0].amount_tax == 400

    params = {"calculation": calculation.id, "reference": "purchase-7"}
    made = tax.transactions.create_from_calculation(params)
    assert refused(tax.transactions.create_from_calculation, params).param == "reference"
    back = tax.transactions.create_reversal(
        {"mode": "full", "original_transaction": made.id, "reference": "refund-7"}
    )

    assert (made.type, back.type) == ("transaction", "reversal")
    assert [line.amount_tax for line in back.line_items.data] == [-400]


def test_a_payment_reports_the_tax_it_is_linked_to(shop, stand, refused):
    customer, card = shop.customer()
    calculation = shop.client.v1.tax.calculations.create(
        {
            "currency": "usd",
            "line_items": [{"amount": 2_000, "reference": "credit", "tax_behavior": "exclusive"}],
            "customer_details": {"address": {"country": "DE"}, "address_source": "billing"},
        }
    )
    hooks = {"inputs": {"tax": {"calculation": calculation.id}}}

    refusal = refused(shop.charge, customer, card, amount=2_000, hooks=hooks)
    assert refusal.param == "hooks[inputs][tax][calculation]"
    assert stand.objects("tax.transaction") == []

    intent = shop.charge(customer, card, amount=2_400, hooks=hooks)
    (reported,) = stand.objects("tax.transaction")
    assert (intent.status, reported["reference"], reported["type"]) == ("succeeded", intent.id, "transaction")


def test_tax_needs_to_know_where(shop, refused):
    customer, _ = shop.customer(None)
    params = {"currency": "usd", "line_items": [{"amount": 2_000}], "customer": customer.id}

    assert refused(shop.client.v1.tax.calculations.create, params).code == "customer_tax_location_invalid"


def test_products_and_prices_can_be_named(shop, stand):
    product = shop.client.v1.products.create({"name": "Credit"})
    price = shop.client.v1.prices.create({"product": product.id, "currency": "usd", "unit_amount": 500})

    session = shop.session(line_items=[{"price": price.id, "quantity": 3}])

    assert session.amount_total == 1_500
