"""Keys, bodies, headers, lists and expansion; what outlives a kill."""

from types import NoneType
from typing import get_args

import pytest
import stripe

from tests.support.sandbox_process import sandbox_server


def test_requests_without_a_good_key(stand, refused):
    http = stand.http()
    assert http.get(f"{stand.url}/v1/customers").status_code == 401
    error = refused(stand.client("sk_live_1234567890abcdef").v1.customers.list)
    assert isinstance(error, stripe.AuthenticationError)
    assert "1234567890" not in str(error)

    stand.control(refused_keys=["sk_test_revoked"])
    assert refused(stand.client("sk_test_revoked").v1.customers.list).http_status == 401


def test_headers_name_version_request_and_key(client):
    headers = client.v1.customers.create({}, {"idempotency_key": "k"}).last_response.headers

    assert headers["stripe-version"] == "2026-10-28.endive"
    assert headers["request-id"].startswith("req_")
    assert headers["idempotency-key"] == "k"
    assert "x-fal-request-id" not in headers


def test_a_version_that_is_none(stand):
    headers = {"Authorization": "Bearer sk_test_x", "Stripe-Version": "latest"}
    answer = stand.http().get(f"{stand.url}/v1/customers", headers=headers)

    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "Invalid Stripe API version: latest"


def test_an_address_that_is_none(stand):
    headers = {"Authorization": "Bearer sk_test_x"}
    for path in ("/v1/subscriptions", "/v1/customers/cus_x/unknown", "/v2/core/events"):
        answer = stand.http().get(f"{stand.url}{path}", headers=headers)
        assert answer.status_code == 404
        assert "Unrecognized request URL (GET: " in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ("email=", "email", "parameter_invalid_empty"),
        ("address[line1]=a&address[planet]=b", "address[planet]", "parameter_unknown"),
        ("address=somewhere", "address", None),
        ("metadata=text", "metadata", None),
        ("preferred_locales=de", "preferred_locales", None),
        ("tax_exempt=sometimes", "tax_exempt", None),
        ("email=a&email[b]=c", "email[b]", None),
        ("email]=a", "email]", "parameter_unknown"),
        ("balance=1.5", "balance", "parameter_invalid_integer"),
        ("validate=yes", "validate", None),
        ("api_key=sk_test_x", "api_key", "parameter_unknown"),
    ],
)
def test_bodies_that_cannot_be_read(stand, body, param, code):
    headers = {"Authorization": "Bearer sk_test_x", "Content-Type": "application/x-www-form-urlencoded"}
    answer = stand.http().post(f"{stand.url}/v1/customers", content=body, headers=headers)

    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (400, "invalid_request_error")
    assert (error["param"], error.get("code")) == (param, code)
    assert stand.objects("customer") == []


def test_a_body_that_is_no_text(stand):
    headers = {"Authorization": "Bearer sk_test_x"}

    assert (
        stand.http().post(f"{stand.url}/v1/customers", content=b"email=\xff", headers=headers).status_code
        == 400
    )


def test_short_lists_have_a_size_too(shop, client):
    price = {"currency": "usd", "unit_amount": 100, "product_data": {"name": "Credit"}}
    session = shop.paid(
        line_items=[{"price_data": price, "quantity": 1}] * 2, invoice_creation={"enabled": True}
    )

    items = client.v1.checkout.sessions.line_items.list(session.id, {"limit": 1})
    assert (len(items.data), items.has_more) == (1, True)
    (payment,) = client.v1.invoice_payments.list({"invoice": session.invoice.id, "limit": 1}).data
    assert payment.payment.payment_intent == session.payment_intent.id
    invoice = client.v1.invoices.retrieve(session.invoice.id, {"expand": ["payments"]})
    assert [one.id for one in invoice.payments.data] == [payment.id]


def test_lists_with_and_without_numbers(stand):
    headers = {"Authorization": "Bearer sk_test_x", "Content-Type": "application/x-www-form-urlencoded"}
    for body in (
        "preferred_locales[]=de&preferred_locales[]=en",
        "preferred_locales[1]=en&preferred_locales[0]=de",
    ):
        answer = stand.http().post(f"{stand.url}/v1/customers", content=body, headers=headers)
        assert answer.json()["preferred_locales"] == ["de", "en"]


@pytest.mark.parametrize("limit", [0, 101])
def test_pages_have_a_size(client, refused, limit):
    assert refused(client.v1.customers.list, {"limit": limit}).param == "limit"


def test_pages_backwards_and_by_time(stand, client, refused):
    made = []
    for _ in range(4):
        made.append(client.v1.customers.create({}))
        stand.jump(100)

    before = client.v1.customers.list({"ending_before": made[0].id, "limit": 2})
    recent = client.v1.customers.list({"created": {"gte": made[2].created}})

    assert ([one.id for one in before], before.has_more) == ([made[2].id, made[1].id], True)
    assert [one.id for one in recent] == [made[3].id, made[2].id]
    assert refused(client.v1.customers.list, {"starting_after": "cus_none"}).param == "starting_after"


def test_a_filter_the_stand_in_does_not_have_is_refused_aloud(client, refused):
    error = refused(client.v1.checkout.sessions.list, {"subscription": "sub_1"})

    assert "does not filter by subscription" in error.user_message


def test_expansion_goes_four_levels_deep(shop, client, refused):
    session = shop.paid(customer_creation="always")

    (listed,) = client.v1.payment_intents.list({"expand": ["data.latest_charge.balance_transaction"]}).data
    assert listed.latest_charge.balance_transaction.source == listed.latest_charge.id
    for path in ("mode", "nonsense", "a.b.c.d.e"):
        assert (
            refused(client.v1.checkout.sessions.retrieve, session.id, {"expand": [path]}).http_status == 400
        )


def test_every_field_the_sdk_promises_is_there(shop, client, stand):
    """Fields that are never null, by the SDK's own classes; no field of the stand-in's own."""
    paid = shop.paid(invoice_creation={"enabled": True})
    intent = paid.payment_intent
    customer, card = shop.customer()
    objects = [
        *(paid, intent, intent.latest_charge, intent.latest_charge.balance_transaction, paid.invoice),
        *(customer, card, client.v1.refunds.create({"payment_intent": intent.id, "amount": 100})),
        client.v1.setup_intents.create({"customer": customer.id}),
        client.v1.billing_portal.sessions.create({"customer": customer.id}),
        client.v1.events.list().data[0],
        client.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["*"]}),
        client.v1.disputes.retrieve(stand.dispute(intent.id)["id"]),
        client.v1.balance.retrieve(),
        paid.line_items.data[0],
    ]

    for item in objects:
        promised = {
            name for name, hint in type(item).__annotations__.items() if NoneType not in get_args(hint)
        }
        there = set(item.to_dict())
        assert promised - there <= {"OBJECT_NAME", "last_response", "deleted", "context", "evidence"}, (
            item.object
        )
        assert not [name for name in there if name.startswith("sandbox_")]


@pytest.mark.processes
def test_everything_survives_a_kill(receiver):
    hook = f"{receiver.url}/hook"
    options = {"stripe_webhook_url": hook, "stripe_webhook_secret": "whsec_kept"}
    with sandbox_server(**options) as sandbox:
        stand, client = sandbox.stripe, sandbox.stripe.client()
        receiver.answers = [503]
        stand.control(webhook_retry_seconds=0.05)
        customer = client.v1.customers.create({}, {"idempotency_key": "k"})
        receiver.wait(1)
        stand.jump(1_000)

        sandbox.kill()
        sandbox.start()

        last = receiver.wait(2)[-1]  # the delivery nobody acknowledged
        assert stripe.Webhook.construct_event(last.body, last.headers["stripe-signature"], "whsec_kept")
        assert client.v1.customers.create({}, {"idempotency_key": "k"}).id == customer.id
        assert stand.call("GET", "clock")["offset"] == 1_000
        assert len(client.v1.webhook_endpoints.list().data) == 1
