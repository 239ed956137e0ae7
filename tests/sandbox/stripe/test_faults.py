"""Faults in the API: lost replies, errors, delays, and what an idempotency key makes of them."""

import threading
import time

import pytest
import stripe

KEY = {"idempotency_key": "purchase:7:checkout"}


def customers(stand):
    return len(stand.objects("customer"))


@pytest.fixture
def blunt(stand):
    """A client that does not try again."""
    return stand.client(retries=0)


def test_a_lost_reply_is_found_again_by_its_key(stand, blunt):
    stand.rule("request", "drop_after", "POST /v1/customers", times=1)

    with pytest.raises(stripe.APIConnectionError):
        blunt.v1.customers.create({"email": "a@example.com"}, KEY)

    assert customers(stand) == 1
    blunt.v1.customers.create({"email": "a@example.com"}, KEY)
    assert customers(stand) == 1


@pytest.mark.parametrize("fault", ["drop_after", "drop_before"])
def test_the_official_client_survives_a_lost_connection(stand, client, fault):
    stand.rule("request", fault, "POST /v1/customers", times=1)

    assert client.v1.customers.create({}).id  # it makes a key of its own
    assert customers(stand) == 1


def test_a_request_that_never_arrived(stand, blunt):
    stand.rule("request", "drop_before", "POST /v1/customers", times=1)

    with pytest.raises(stripe.APIConnectionError):
        blunt.v1.customers.create({}, KEY)

    assert customers(stand) == 0


@pytest.mark.parametrize("status", [409, 500, 503])
def test_the_official_client_tries_again(stand, client, status):
    stand.rule("request", "error", "POST /v1/customers", status=status, times=2)

    assert client.v1.customers.create({}).id
    assert customers(stand) == 1


def test_too_many_requests_are_not_tried_again_unless_told(stand, client):
    stand.rule("request", "error", status=429, times=1)
    with pytest.raises(stripe.RateLimitError) as caught:
        client.v1.customers.create({})
    assert caught.value.json_body["error"]["code"] == "rate_limit"

    stand.clear_rules()
    stand.rule("request", "error", status=429, times=1, headers={"Stripe-Should-Retry": "true"})
    assert client.v1.customers.create({}).id


def test_a_500_after_the_fact_is_replayed_by_its_key(stand, client, blunt):
    stand.rule("request", "error_after", "POST /v1/customers", status=500, times=1)

    with pytest.raises(stripe.APIError) as caught:
        client.v1.customers.create({"metadata": {"team": "1"}}, KEY)

    assert caught.value.http_status == 500
    assert customers(stand) == 1
    with pytest.raises(stripe.APIError):
        blunt.v1.customers.create({"metadata": {"team": "1"}}, KEY)
    found = client.v1.customers.search({"query": "metadata['team']:'1'"}).data  # the way out
    assert len(found) == 1


def test_a_twin_in_flight_is_refused(stand, blunt):
    stand.rule("request", "delay", "POST /v1/customers", seconds=1.5, times=1)
    outcomes = []

    def create():
        try:
            outcomes.append(blunt.v1.customers.create({}, KEY).id)
        except stripe.StripeError as error:
            outcomes.append(error.http_status)

    threads = [threading.Thread(target=create) for _ in range(2)]
    for thread in threads:
        thread.start()
        time.sleep(0.1)
    for thread in threads:
        thread.join()

    assert outcomes[0] == 409
    assert outcomes[1].startswith("cus_")
    assert customers(stand) == 1


def test_a_key_is_forgotten_after_a_day(stand, client):
    first = client.v1.customers.create({}, KEY)
    stand.jump(86_000)
    assert client.v1.customers.create({}, KEY).id == first.id

    stand.jump(1_000)

    assert client.v1.customers.create({}, KEY).id != first.id


def test_a_key_belongs_to_one_address(client, refused):
    client.v1.customers.create({}, KEY)

    error = refused(client.v1.products.create, {"name": "Credit"}, KEY)

    assert isinstance(error, stripe.IdempotencyError)
    assert "'/v1/customers'" in error.user_message


def test_rules_wait_their_turn(stand, blunt):
    stand.rule("request", "error", "POST /v1/customers", status=500, after=1, times=1)

    outcomes = []
    for _ in range(3):
        try:
            outcomes.append(blunt.v1.customers.create({}).object)
        except stripe.APIError:
            outcomes.append("error")

    assert outcomes == ["customer", "error", "customer"]
    assert stand.call("GET", "rules")[0]["hits"] == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("rules", {"step": "moon", "fault": "drop_before"}),
        ("rules", {"step": "request", "fault": "explode"}),
        ("clock", {}),
        ("disputes", {}),
    ],
)
def test_nonsense_is_refused_by_the_control(stand, path, body):
    answer = stand.http().post(f"{stand.url}/control/{path}", json=body)

    assert answer.status_code == 400


@pytest.mark.parametrize(
    "knobs", [{"moon": 1}, {"webhook_attempts": "many"}, {"balance_seconds": -1}, {"rules": 1}]
)
def test_nonsense_knobs_change_nothing(stand, knobs):
    before = stand.call("GET", "knobs")

    assert stand.http().put(f"{stand.url}/control/knobs", json=knobs).status_code == 400
    assert stand.call("GET", "knobs") == before


def test_control_is_not_for_web_pages(stand):
    answer = stand.http().post(f"{stand.url}/control/reset", headers={"Origin": "http://evil.example"})

    assert answer.status_code == 403
