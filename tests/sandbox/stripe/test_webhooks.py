"""Webhooks: signed by the SDK's scheme, repeated, and broken on request."""

import json
import time

import pytest
import stripe

from tests.sandbox.stripe.conftest import SECRET


def accepted(post, tolerance=300):
    """The event when the SDK accepts the delivery, else None."""
    try:
        return stripe.Webhook.construct_event(
            post.body, post.headers.get("stripe-signature"), SECRET, tolerance=tolerance
        )
    except stripe.SignatureVerificationError:
        return None


def quiet(stand):
    """Wait until every delivery is settled."""
    stand.wait(lambda: not any(event["pending_webhooks"] for event in stand.objects("event")))


@pytest.fixture
def customer(client, hook):
    def make(**fields):
        return client.v1.customers.create({"email": "a@example.com", **fields})

    return make


def test_an_event_is_signed_and_acknowledged(customer, hook, stand, client):
    made = customer()

    (post,) = hook.wait(1)

    event = accepted(post)
    assert (event.type, event.data.object.id, event.api_version) == (
        *("customer.created", made.id),
        "2026-10-28.endive",
    )
    assert event.request.id == made.last_response.headers["request-id"]
    quiet(stand)
    assert client.v1.events.retrieve(event.id).pending_webhooks == 0
    assert [(one["status"], one["attempt"]) for one in stand.deliveries()] == [(200, 1)]


def test_an_update_names_what_it_replaced(customer, hook, client):
    made = customer()
    client.v1.customers.update(made.id, {"email": "b@example.com"})

    events = [json.loads(post.body) for post in hook.wait(2)]

    update = next(event for event in events if event["type"] == "customer.updated")
    assert update["data"]["previous_attributes"] == {"email": "a@example.com"}
    assert update["data"]["object"]["email"] == "b@example.com"


def test_it_is_repeated_until_acknowledged(customer, hook, stand):
    stand.control(webhook_retry_seconds=0.02)
    hook.answers = [500, 404, 302]
    customer()

    posts = hook.wait(4)

    assert len({json.loads(post.body)["id"] for post in posts}) == 1
    quiet(stand)
    assert [one["status"] for one in stand.deliveries()] == [500, 404, 302, 200]


def test_a_time_jump_brings_the_next_attempt(customer, hook, stand):
    stand.control(webhook_retry_seconds=3_600)
    hook.answers = [500]
    customer()
    hook.wait(1)
    stand.wait(lambda: stand.deliveries())

    stand.jump(3_700)

    hook.wait(2)
    assert accepted(hook.posts[1]) is not None  # signed at the real time, whatever the account's clock says


def test_only_the_wanted_events_are_delivered(stand, client, receiver):
    stand.webhook(f"{receiver.url}/some", SECRET, ["customer.deleted"])
    made = client.v1.customers.create({})
    client.v1.customers.delete(made.id)

    (post,) = receiver.wait(1)

    assert json.loads(post.body)["type"] == "customer.deleted"
    quiet(stand)
    assert len(receiver.posts) == 1
    stand.reset()


def test_an_endpoint_made_by_the_api_signs_with_its_secret(stand, client, receiver):
    endpoint = client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
    client.v1.customers.create({})

    (post,) = receiver.wait(1)

    signature = post.headers["stripe-signature"]
    assert stripe.Webhook.construct_event(post.body, signature, endpoint.secret).type == "customer.created"
    client.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    client.v1.customers.create({})
    quiet(stand)
    assert len(receiver.posts) == 1
    client.v1.webhook_endpoints.delete(endpoint.id)
    assert client.v1.webhook_endpoints.list().data == []


def test_a_withheld_event_is_known_but_not_told(customer, hook, stand, client):
    stand.rule("webhook", "withhold", "customer.created", times=1)
    customer()
    customer()

    hook.wait(1)
    stand.wait(lambda: len(stand.deliveries()) == 2)

    assert len(hook.posts) == 1
    assert len(client.v1.events.list({"type": "customer.*"}).data) == 2
    undelivered = client.v1.events.list({"delivery_success": False}).data
    assert [event.pending_webhooks for event in undelivered] == [1]


@pytest.mark.parametrize("newest_first", [False, True])
def test_withheld_events_are_released_in_any_order(customer, hook, stand, newest_first):
    stand.rule("webhook", "withhold")
    made = [customer().id for _ in range(3)]
    stand.wait(lambda: len(stand.deliveries()) == 3)

    assert stand.release(newest_first=newest_first) == 3

    order = [json.loads(post.body)["data"]["object"]["id"] for post in hook.wait(3)]
    assert order == (made[::-1] if newest_first else made)


def test_an_event_comes_twice(customer, hook, stand):
    stand.rule("webhook", "duplicate", copies=3)
    customer()

    posts = hook.wait(3)

    assert len({json.loads(post.body)["id"] for post in posts}) == 1


def test_an_event_is_sent_again_on_request(customer, hook, stand):
    customer()
    (post,) = hook.wait(1)

    stand.resend(json.loads(post.body)["id"])

    assert hook.wait(2)[1].body[:20] == post.body[:20]


def test_events_arrive_in_another_order(customer, hook, stand):
    stand.rule("webhook", "delay", "customer.created", times=1, seconds=1.0)
    first, second = customer(), customer()

    order = [json.loads(post.body)["data"]["object"]["id"] for post in hook.wait(2)]

    assert order == [second.id, first.id]


def test_reordered_events_all_arrive(customer, hook, stand):
    stand.rule("webhook", "reorder", seconds=0.1)
    made = {customer().id for _ in range(5)}

    assert {json.loads(post.body)["data"]["object"]["id"] for post in hook.wait(5)} == made


@pytest.mark.parametrize("fault", ["wrong_signature", "unsigned", "old_signature", "garbage"])
def test_what_the_sdk_refuses(customer, hook, stand, fault):
    stand.rule("webhook", fault, times=1)
    stand.control(webhook_retry_seconds=0.02)
    hook.answers = [400]
    customer()

    broken, good = hook.wait(2)

    if fault == "garbage":
        with pytest.raises(UnicodeDecodeError):
            json.loads(broken.body)
    else:
        assert accepted(broken) is None
    assert accepted(good) is not None


def test_a_signature_from_the_future_is_signed_well(customer, hook, stand):
    stand.rule("webhook", "future_signature", seconds=900)
    customer()

    (post,) = hook.wait(1)

    assert accepted(post) is not None  # the SDK accepts it: receivers must look at the time themselves
    moment = int(post.headers["stripe-signature"].split(",")[0].removeprefix("t="))
    assert moment > time.time() + 800


def test_old_events_leave_the_list(customer, stand, client):
    customer()

    stand.jump(31 * 86_400)

    assert client.v1.events.list().data == []


def test_events_by_several_types(customer, client):
    made = customer()
    client.v1.customers.delete(made.id)
    client.v1.products.create({"name": "Credit"})

    found = client.v1.events.list({"types": ["customer.created", "customer.deleted"]}).data

    assert [event.type for event in found] == ["customer.deleted", "customer.created"]
