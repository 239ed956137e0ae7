"""The price of a wish, with its parts, over the API."""

import uuid

import pytest
from django.utils import timezone

from billing.services import balance_of, publish_price
from generations.models import Generation
from tests.generations.api.clips import wish
from tests.support.api import api_for, pointers
from tests.support.factories import make_team
from tests.support.openapi import assert_described

pytestmark = pytest.mark.django_db


def test_the_price_with_its_breakdown(api):
    response = api.post("/quotes", {"num_frames": 121, "enable_detail_pass": True, "frame_rate": 30})

    assert response.status_code == 200
    answer = dict(response.json())
    eta = answer.pop("eta")
    assert 0 < eta["low"] < eta["high"]
    assert {"id", "expires_at"} <= answer.keys()
    assert answer == {
        "id": answer["id"],
        "expires_at": answer["expires_at"],
        "currency": "USD",
        "amount": "0.201667",
        "num_frames": 121,
        "enable_detail_pass": True,
        "passes": 2,
        "billed_seconds": 5.0417,
        "clip_seconds": 4.0333,
        "rate": "0.020000",
        "formula": answer["formula"],
        "balance_after": "9.798333",
        "warnings": [],
    }
    assert "121" in response.json()["formula"]
    assert "$0.201667" in response.json()["formula"]
    assert_described(response, "post", "/quotes")


def test_the_price_is_kept_for_who_names_the_quote(api, image):
    quote = api.post("/quotes", {}).json()
    publish_price(cost_nanos=40_000_000, valid_from=timezone.now())

    kept = api.post("/generations", wish(image, quote=quote["id"]), Idempotency_Key="kept")
    again = api.post("/generations", wish(image, quote=quote["id"]), Idempotency_Key="kept")
    other = api.post("/generations", wish(image), Idempotency_Key="kept")
    today = api.post("/generations", wish(image, quote=None))

    assert (kept.status_code, kept.json()["cost"]["held"]) == (201, "0.100834")
    assert (again.json()["id"], again["Idempotent-Replayed"]) == (kept.json()["id"], "true")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reuse")
    assert today.json()["cost"]["held"] == "0.201667"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"num_frames": 25}, "quote_mismatch"),
        ({"enable_detail_pass": True}, "quote_mismatch"),
        ({"quote": str(uuid.uuid4())}, "quote_expired"),
        ({"quote": 7}, "validation"),
        ({"quote": "soon"}, "validation"),
    ],
)
def test_a_quote_is_for_its_clip_only(api, image, change, code):
    quote = api.post("/quotes", {}).json()

    response = api.post("/generations", wish(image, **{"quote": quote["id"], **change}))

    assert (response.status_code, response.json()["code"]) == (422, code)
    assert not Generation.objects.exists()
    assert_described(response, "post", "/generations")


def test_no_body_means_the_defaults(api):
    assert api.post("/quotes").json()["amount"] == "0.100834"


def test_it_takes_what_a_generation_takes(api, image):
    assert api.post("/quotes", wish(image, seed=3)).status_code == 200


def test_it_reserves_and_charges_nothing(api, team):
    before = balance_of(team)
    api.post("/quotes", {})

    assert balance_of(team) == before


def test_a_shortage_is_a_negative_balance():
    assert api_for(make_team()).post("/quotes", {}).json()["balance_after"] == "-0.100834"


def test_the_balance_is_only_for_keys_that_may_see_it(team):
    response = api_for(team, scopes=["generate"]).post("/quotes", {})

    assert response.json()["balance_after"] is None
    assert_described(response, "post", "/quotes")


def test_frames_off_the_grid_are_priced_and_warned_about(api):
    response = api.post("/quotes", {"num_frames": 60})

    assert response.json()["amount"] == "0.050000"
    assert "57" in response.json()["warnings"][0]


def test_a_detail_pass_without_steps_is_warned_about(api):
    body = {"enable_detail_pass": True, "second_pass_num_inference_steps": 6}

    assert "detail pass" in api.post("/quotes", body).json()["warnings"][0]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"num_frames": 8}, "/num_frames"),
        ({"num_frames": 1442}, "/num_frames"),
        ({"num_frames": 9.5}, "/num_frames"),
        ({"resolution": "4k"}, "/resolution"),
        ({"prompt": ""}, "/prompt"),
        ({"prompt": "x" * 1001}, "/prompt"),
        ({"temporal_adain_factor": 0.33}, "/temporal_adain_factor"),
        ({"seed": -1}, "/seed"),
        ({"guidance_scale": 3}, "/guidance_scale"),
        ({"loras": [{"scale": 1}]}, "/loras"),
    ],
)
def test_wrong_fields_are_named(body, pointer, api):
    response = api.post("/quotes", body)

    assert (response.status_code, response.json()["code"]) == (422, "validation")
    assert pointers(response) == [pointer]
    assert_described(response, "post", "/quotes")
