"""The platform API: billing, prices, the request list, the account."""

import time

import pytest

from tests.sandbox.conftest import ENDPOINT, nobody


def test_billing_events_of_finished_requests(fal):
    first, _ = fal.finished()
    second, _ = fal.finished(enable_detail_pass=True)
    fal.finished(num_frames=1)

    body = fal.api("models/billing-events", request_id=f"{first},{second}").json()

    assert [event["request_id"] for event in body["billing_events"]] == [first, second]
    assert body["billing_events"][0] | {"timestamp": ""} == {
        "request_id": first,
        "endpoint_id": ENDPOINT,
        "timestamp": "",
        "output_units": 0.375,
        "unit_price": 0.02,
        "percent_discount": None,
        "cost_subtotal": 0.0075,
        "cost_discount": 0,
        "cost_total": 0.0075,
        "cost_estimate_nano_usd": 7_500_000,
    }
    assert body["billing_events"][1]["output_units"] == 0.75
    assert (body["next_cursor"], body["has_more"]) == (None, False)
    assert len(fal.api("models/billing-events").json()["billing_events"]) == 2


def test_billing_events_can_be_late_and_have_a_start(fal, sandbox):
    fal.finished()

    assert fal.api("models/billing-events", start="2999-01-01").json()["billing_events"] == []
    sandbox.control(billing_delay_seconds=60)
    assert fal.api("models/billing-events").json()["billing_events"] == []


@pytest.mark.parametrize("query", [{"request_id": ",".join(map(str, range(51)))}, {"start": "yesterday"}])
def test_bad_billing_queries(fal, query):
    assert fal.api("models/billing-events", **query).status_code == 422


def test_the_request_list_shows_what_was_sent(fal, sandbox):
    sandbox.control(inference_seconds=20)
    running = fal.submitted(prompt="find me")
    fal.until(running, "IN_PROGRESS")
    refused, _ = fal.finished(num_frames=1)

    body = fal.api("models/requests/by-endpoint", endpoint_id=ENDPOINT, expand="payloads").json()

    newest, oldest = body["items"]
    assert (newest["request_id"], newest["status_code"]) == (refused, 422)
    assert newest["ended_at"] >= newest["started_at"] >= newest["sent_at"]
    assert oldest["request_id"] == running
    assert (oldest["ended_at"], oldest["status_code"], oldest["duration"]) == (None, None, None)
    assert oldest["json_input"] == fal.input(prompt="find me")


def test_the_request_list_is_the_keys_own_and_without_payloads_by_default(fal, stranger):
    fal.finished()

    (item,) = fal.api("models/requests/by-endpoint", endpoint_id=ENDPOINT).json()["items"]

    assert "json_input" not in item
    assert stranger.api("models/requests/by-endpoint", endpoint_id=ENDPOINT).json()["items"] == []


def test_the_request_list_can_hide_what_runs_and_what_a_rule_names(fal, sandbox):
    sandbox.control(inference_seconds=20, list_unfinished=False)
    fal.submitted()

    assert fal.api("models/requests/by-endpoint").json()["items"] == []
    sandbox.control(list_unfinished=True)
    assert len(fal.api("models/requests/by-endpoint").json()["items"]) == 1
    sandbox.rule("list", "hide", prompt="a test", times=1)
    assert fal.api("models/requests/by-endpoint").json()["items"] == []
    assert len(fal.api("models/requests/by-endpoint").json()["items"]) == 1


def test_the_request_list_in_pages(fal):
    made = [fal.submitted() for _ in range(5)]
    seen = []
    cursor = "0"
    while cursor is not None:
        body = fal.api("models/requests/by-endpoint", limit=2, cursor=cursor).json()
        seen += [item["request_id"] for item in body["items"]]
        cursor = body["next_cursor"]

    assert seen == made[::-1]


def test_payloads_are_not_kept_when_the_caller_says_so(fal):
    fal.finished(headers={"X-Fal-Store-IO": "0"})

    (item,) = fal.api("models/requests/by-endpoint", expand="payloads").json()["items"]

    assert (item["json_input"], item["json_output"]) == (None, None)


def test_deleting_payloads_erases_the_clip_too(fal):
    request_id, result = fal.finished()

    answer = fal.http.delete(f"{fal.url}/api/v1/models/requests/{request_id}/payloads")

    assert answer.status_code == 200
    assert fal.result(request_id).status_code == 404
    assert nobody.get(result.json()["video"]["url"]).status_code == 404
    assert fal.api("models/requests/by-endpoint", expand="payloads").json()["items"][0]["json_input"] is None


def test_prices(fal):
    assert fal.api("models/pricing", endpoint_id=ENDPOINT).json()["prices"] == [
        {"endpoint_id": ENDPOINT, "unit_price": 0.02, "unit": "seconds", "currency": "USD"}
    ]
    assert fal.api("models/pricing", endpoint_id="fal-ai/flux").status_code == 404
    estimate = fal.http.post(
        f"{fal.url}/api/v1/models/pricing/estimate",
        json={"estimate_type": "unit_price", "endpoints": {ENDPOINT: {"unit_quantity": 50}}},
    )
    assert estimate.json()["total_cost"] == 1.0


def test_the_balance_falls_with_every_clip(fal, sandbox):
    sandbox.control(balance_usd=10)
    fal.finished()

    body = fal.api("account/billing", expand="credits").json()

    assert body == {"username": "tester", "credits": {"current_balance": 9.9925, "currency": "USD"}}
    assert fal.api("account/billing").json() == {"username": "tester"}


def test_addresses_of_webhooks(sandbox):
    assert nobody.get(f"{sandbox.url}/api/v1/meta").json() == {
        "webhook_ip_ranges": ["127.0.0.1/32", "::1/128"]
    }


def test_a_wrong_clock_shows_in_the_list(fal, sandbox):
    sandbox.control(clock_offset_seconds=3600)
    fal.finished()

    (item,) = fal.api("models/requests/by-endpoint").json()["items"]

    ahead = time.strftime("%Y-%m-%dT%H", time.gmtime(time.time() + 3600))
    assert item["sent_at"].startswith(ahead)
