"""The customer portal: cards are added, chosen and removed there."""


def test_a_customer_removes_the_default_card(shop, stand):
    customer, card = shop.customer()
    shop.client.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": card.id}})
    portal = shop.client.v1.billing_portal.sessions.create(
        {"customer": customer.id, "return_url": "http://127.0.0.1:9/billing"}
    )
    page = stand.http().get(portal.url).text
    assert "Ending in 4242 (default)" in page
    assert 'href="http://127.0.0.1:9/billing"' in page

    answer = stand.http().post(portal.url, data={"action": "remove", "method": card.id})

    assert (answer.status_code, answer.headers["location"]) == (303, portal.url)
    assert "No cards." in stand.http().get(portal.url).text
    assert shop.client.v1.customers.retrieve(customer.id).invoice_settings.default_payment_method is None
    assert shop.events("payment_method", "customer.updated")[-2:] == [
        "customer.updated",
        "payment_method.detached",
    ]


def test_a_customer_adds_a_card_and_makes_it_the_default(shop, stand):
    customer, _ = shop.customer()
    portal = shop.client.v1.billing_portal.sessions.create({"customer": customer.id})

    stand.http().post(portal.url, data={"action": "add", "method": "pm_card_mastercard"})
    added = shop.client.v1.customers.payment_methods.list(customer.id).data[0]
    stand.http().post(portal.url, data={"action": "default", "method": added.id})

    assert added.card.brand == "mastercard"
    settings = shop.client.v1.customers.retrieve(customer.id).invoice_settings
    assert settings.default_payment_method == added.id
    assert shop.charge(customer, added).status == "succeeded"


def test_somebody_elses_card_stays(shop, stand):
    customer, _ = shop.customer()
    _, foreign = shop.customer()
    portal = shop.client.v1.billing_portal.sessions.create({"customer": customer.id})

    answer = stand.http().post(portal.url, data={"action": "remove", "method": foreign.id})

    assert answer.status_code == 409
    assert shop.client.v1.payment_methods.retrieve(foreign.id).customer is not None
