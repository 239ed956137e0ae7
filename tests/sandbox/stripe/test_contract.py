"""The same expectations of the stand-in and of Stripe's real test mode.

The real half runs when STRIPE_SECRET_KEY holds a key of test mode (`sk_test_...`) and skips visibly otherwise.
"""

import os
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import stripe

from tests.support.stripe_sandbox import API_VERSION, StripeSandbox

REAL_KEY = os.environ.get("STRIPE_SECRET_KEY", "")
UNCHECKED = "STRIPE_SECRET_KEY holds no sk_test_ key: the contract with real Stripe is not checked"
LEFT_OUT = [] if REAL_KEY.startswith("sk_test_") else [pytest.mark.skip(reason=UNCHECKED)]
real = pytest.param("test mode", marks=[pytest.mark.enable_socket, *LEFT_OUT])


@pytest.fixture(params=["stand-in", real])
def either(request: pytest.FixtureRequest) -> Iterator[stripe.StripeClient]:
    if request.param == "stand-in":
        stand: StripeSandbox = request.getfixturevalue("stand")
        yield stand.client()
    else:
        yield stripe.StripeClient(REAL_KEY, stripe_version=API_VERSION, max_network_retries=2)


def error_of(function: Any, *arguments: Any, **named: Any) -> Any:
    with pytest.raises(stripe.StripeError) as caught:
        function(*arguments, **named)
    return caught.value


def saved(client: stripe.StripeClient, method: str) -> dict[str, Any]:
    """Parameters of an off-session payment by a new customer with that card."""
    customer = client.v1.customers.create({"email": "contract@example.com"})
    card = client.v1.payment_methods.attach(method, {"customer": customer.id})
    return {
        "amount": 2_000,
        "currency": "usd",
        "customer": customer.id,
        "payment_method": card.id,
        "off_session": True,
        "confirm": True,
    }


def session(**changes: Any) -> Any:
    price = {"currency": "usd", "unit_amount": 2_500, "product_data": {"name": "Credit"}}
    return {
        "mode": "payment",
        "line_items": [{"price_data": price, "quantity": 1}],
        "success_url": "https://example.com/done?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://example.com/no",
        **changes,
    }


# -- requests


def test_an_unknown_parameter_is_refused(either):
    error = error_of(either.v1.customers.create, {"emial": "a@example.com"})

    assert (error.http_status, error.code, error.param) == (400, "parameter_unknown", "emial")
    assert error.user_message == "Received unknown parameter: emial"


def test_an_unknown_parameter_deep_inside_is_refused(either):
    price = {"currency": "usd", "unit_amount": 2_500, "product_data": {"name": "Credit", "colour": "red"}}
    error = error_of(
        either.v1.checkout.sessions.create, session(line_items=[{"price_data": price, "quantity": 1}])
    )

    assert error.code == "parameter_unknown"
    assert error.param == "line_items[0][price_data][product_data][colour]"


def test_a_missing_parameter_is_named(either):
    error = error_of(either.v1.payment_intents.create, {"amount": 2_000})

    assert (error.code, error.param) == ("parameter_missing", "currency")
    assert error.user_message == "Missing required param: currency."


def test_a_number_that_is_none(either):
    error = error_of(either.v1.payment_intents.create, {"amount": "many", "currency": "usd"})

    assert (error.code, error.param) == ("parameter_invalid_integer", "amount")


def test_an_amount_below_the_minimum(either):
    error = error_of(either.v1.payment_intents.create, {"amount": 49, "currency": "usd"})

    assert (error.http_status, error.code, error.param) == (400, "amount_too_small", "amount")


def test_an_object_that_does_not_exist(either):
    error = error_of(either.v1.customers.retrieve, "cus_nobody")

    assert (error.http_status, error.code, error.param) == (404, "resource_missing", "id")
    assert error.user_message == "No such customer: 'cus_nobody'"


def test_a_parameter_that_names_nobody(either):
    error = error_of(either.v1.checkout.sessions.create, session(customer="cus_nobody"))

    assert (error.http_status, error.code, error.param) == (400, "resource_missing", "customer")


def test_metadata_are_merged_and_unset(either):
    customer = either.v1.customers.create({"metadata": {"team": "1", "plan": "a"}})

    changed = either.v1.customers.update(customer.id, {"metadata": {"plan": "", "seats": "3"}})

    assert changed.metadata.to_dict() == {"team": "1", "seats": "3"}
    assert either.v1.customers.update(customer.id, {"metadata": ""}).metadata.to_dict() == {}


def test_lists_are_paged_newest_first(either):
    email = f"{uuid4().hex}@example.com"
    made = [either.v1.customers.create({"email": email}).id for _ in range(3)][::-1]

    first = either.v1.customers.list({"email": email, "limit": 2})
    rest = either.v1.customers.list({"email": email, "limit": 2, "starting_after": made[1]})

    assert ([one.id for one in first], first.has_more) == (made[:2], True)
    assert ([one.id for one in rest], rest.has_more) == (made[2:], False)
    assert [one.id for one in first.auto_paging_iter()] == made


def test_a_deleted_customer(either):
    customer = either.v1.customers.create({"email": "gone@example.com"})

    assert either.v1.customers.delete(customer.id).deleted is True
    assert either.v1.customers.retrieve(customer.id).deleted is True
    assert error_of(either.v1.customers.update, customer.id, {"name": "x"}).code == "resource_missing"


# -- idempotency


def test_a_key_replays_its_answer(either):
    key = {"idempotency_key": uuid4().hex}

    first = either.v1.customers.create({"email": "a@example.com"}, key)
    second = either.v1.customers.create({"email": "a@example.com"}, key)

    assert second.id == first.id
    assert second.last_response.headers["idempotent-replayed"] == "true"


def test_a_key_with_other_parameters_is_refused(either):
    key = {"idempotency_key": uuid4().hex}
    either.v1.customers.create({"email": "a@example.com"}, key)

    error = error_of(either.v1.customers.create, {"email": "b@example.com"}, key)

    assert isinstance(error, stripe.IdempotencyError)
    assert error.http_status == 400


def test_a_key_remembers_a_decline_but_no_bad_parameter(either):
    key = {"idempotency_key": uuid4().hex}
    params = saved(either, "pm_card_chargeCustomerFail")
    error_of(either.v1.payment_intents.create, {**params, "amount": "x"}, key)

    first = error_of(either.v1.payment_intents.create, params, key)
    second = error_of(either.v1.payment_intents.create, params, key)

    assert first.http_status == second.http_status == 402
    assert first.error.payment_intent["id"] == second.error.payment_intent["id"]


# -- payments


def test_an_off_session_payment(either):
    intent = either.v1.payment_intents.create(
        {**saved(either, "pm_card_visa"), "metadata": {"purchase": "7"}, "expand": ["latest_charge"]}
    )

    assert (intent.status, intent.amount_received) == ("succeeded", 2_000)
    charge = intent.latest_charge
    assert (charge.paid, charge.captured, charge.status) == (True, True, "succeeded")
    assert charge.metadata.to_dict() == {"purchase": "7"}
    assert charge.receipt_url.startswith("http")


def test_a_charge_gets_its_balance_transaction(either):
    intent = either.v1.payment_intents.create(saved(either, "pm_card_visa"))
    deadline = time.monotonic() + 30
    booked = None
    while booked is None and time.monotonic() < deadline:
        charge = either.v1.charges.retrieve(intent.latest_charge, {"expand": ["balance_transaction"]})
        booked = charge.balance_transaction

    assert (booked.amount, booked.net, booked.type) == (2_000, 2_000 - booked.fee, "charge")
    assert booked.fee == 88
    assert booked.source == charge.id


def test_a_decline(either):
    error = error_of(either.v1.payment_intents.create, saved(either, "pm_card_chargeCustomerFail"))

    assert isinstance(error, stripe.CardError)
    assert (error.http_status, error.code) == (402, "card_declined")
    intent = either.v1.payment_intents.retrieve(error.error.payment_intent["id"])
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error.code == "card_declined"


@pytest.mark.parametrize("refuse", [True, False])
def test_off_session_authentication_is_refused(either, refuse):
    params = saved(either, "pm_card_authenticationRequired")
    if refuse:
        params["error_on_requires_action"] = True

    error = error_of(either.v1.payment_intents.create, params)

    assert (error.http_status, error.code) == (402, "authentication_required")
    intent = either.v1.payment_intents.retrieve(error.error.payment_intent["id"])
    assert intent.status == "requires_payment_method"


def test_a_detached_card_cannot_be_used(either):
    params = saved(either, "pm_card_visa")
    either.v1.payment_methods.detach(params["payment_method"])

    assert error_of(either.v1.payment_intents.create, params).http_status == 400
    assert either.v1.customers.payment_methods.list(params["customer"]).data == []


def test_somebody_elses_card_cannot_be_used(either):
    params = saved(either, "pm_card_visa") | {"customer": saved(either, "pm_card_visa")["customer"]}

    assert error_of(either.v1.payment_intents.create, params).http_status == 400


def test_a_setup_intent_saves_a_card(either):
    customer = either.v1.customers.create({"email": "setup@example.com"})

    setup = either.v1.setup_intents.create(
        {
            "customer": customer.id,
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )

    assert (setup.status, setup.usage) == ("succeeded", "off_session")
    assert [one.id for one in either.v1.customers.payment_methods.list(customer.id)] == [setup.payment_method]


def test_an_intent_is_found_by_its_metadata(either):
    mark = uuid4().hex
    made = either.v1.payment_intents.create({**saved(either, "pm_card_visa"), "metadata": {"purchase": mark}})

    found: list[str] = []
    deadline = time.monotonic() + 60  # real search lags behind
    while not found and time.monotonic() < deadline:
        answer = either.v1.payment_intents.search({"query": f"metadata['purchase']:'{mark}'"})
        found = [one.id for one in answer.data]

    assert found == [made.id]


# -- refunds


def test_refunds_add_up_and_end(either):
    intent = either.v1.payment_intents.create(saved(either, "pm_card_visa"))

    part = either.v1.refunds.create({"payment_intent": intent.id, "amount": 500, "metadata": {"why": "test"}})
    rest = either.v1.refunds.create({"payment_intent": intent.id})

    assert (part.status, part.amount, rest.amount) == ("succeeded", 500, 1_500)
    charge = either.v1.charges.retrieve(intent.latest_charge, {"expand": ["refunds"]})
    assert (charge.refunded, charge.amount_refunded) == (True, 2_000)
    assert {one.id for one in charge.refunds.data} == {part.id, rest.id}
    error = error_of(either.v1.refunds.create, {"payment_intent": intent.id})
    assert error.code == "charge_already_refunded"


def test_more_than_was_paid_cannot_be_refunded(either):
    intent = either.v1.payment_intents.create(saved(either, "pm_card_visa"))

    error = error_of(either.v1.refunds.create, {"payment_intent": intent.id, "amount": 2_001})

    assert (error.http_status, error.param) == (400, "amount")


def test_a_refund_reason_is_one_of_three(either):
    intent = either.v1.payment_intents.create(saved(either, "pm_card_visa"))

    error = error_of(either.v1.refunds.create, {"payment_intent": intent.id, "reason": "regret"})

    assert (error.http_status, error.param) == (400, "reason")


# -- Checkout


def test_a_session_begins_open_and_unpaid(either):
    made = either.v1.checkout.sessions.create(
        session(client_reference_id="7", metadata={"purchase": "7"}, expires_at=int(time.time()) + 3_600)
    )

    assert (made.status, made.payment_status, made.payment_intent) == ("open", "unpaid", None)
    assert (made.amount_total, made.currency, made.client_reference_id) == (2_500, "usd", "7")
    assert made.id.startswith("cs_test_")
    assert made.url.startswith("http")
    items = either.v1.checkout.sessions.line_items.list(made.id).data
    assert [(item.description, item.quantity, item.amount_total) for item in items] == [("Credit", 1, 2_500)]


def test_a_session_expires_once(either):
    made = either.v1.checkout.sessions.create(session())

    gone = either.v1.checkout.sessions.expire(made.id)

    assert (gone.status, gone.payment_status, gone.url) == ("expired", "unpaid", None)
    assert error_of(either.v1.checkout.sessions.expire, made.id).http_status == 400


@pytest.mark.parametrize("seconds", [60, 90_000])
def test_a_session_expires_within_half_an_hour_and_a_day(either, seconds):
    error = error_of(either.v1.checkout.sessions.create, session(expires_at=int(time.time()) + seconds))

    assert (error.http_status, error.param) == (400, "expires_at")


def test_a_session_below_the_minimum(either):
    price = {"currency": "usd", "unit_amount": 49, "product_data": {"name": "Credit"}}
    error = error_of(
        either.v1.checkout.sessions.create, session(line_items=[{"price_data": price, "quantity": 1}])
    )

    assert (error.http_status, error.code) == (400, "amount_too_small")


@pytest.mark.parametrize("url", ["done", "javascript:alert(1)"])
def test_a_session_returns_to_a_real_address(either, url):
    error = error_of(either.v1.checkout.sessions.create, session(success_url=url))

    assert error.http_status == 400


# -- events


def test_events_tell_what_happened(either):
    intent = either.v1.payment_intents.create(saved(either, "pm_card_visa"))

    deadline = time.monotonic() + 30
    kinds: set[str] = set()
    while "payment_intent.succeeded" not in kinds and time.monotonic() < deadline:
        recent = either.v1.events.list({"limit": 50}).data
        kinds = {one.type for one in recent if one.data.object.id in (intent.id, intent.latest_charge)}

    assert {"payment_intent.created", "payment_intent.succeeded", "charge.succeeded"} <= kinds
    only = either.v1.events.list({"type": "payment_intent.succeeded", "limit": 1}).data
    assert [one.type for one in only] == ["payment_intent.succeeded"]
    assert only[0].api_version


def test_a_webhook_endpoint_shows_its_secret_once(either):
    made = either.v1.webhook_endpoints.create(
        {
            "url": "https://example.com/hook",
            "enabled_events": ["checkout.session.completed"],
            "api_version": API_VERSION,
        }
    )
    try:
        assert made.secret.startswith("whsec_")
        shown = either.v1.webhook_endpoints.retrieve(made.id)
        assert "secret" not in shown.to_dict()
        assert shown.api_version == API_VERSION
    finally:
        either.v1.webhook_endpoints.delete(made.id)
