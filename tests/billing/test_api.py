"""The balance over the API."""

import pytest

from tests.support.api import ApiClient, api_for
from tests.support.factories import give_credits, make_generation, make_team
from tests.support.openapi import assert_described

pytestmark = pytest.mark.django_db


def test_the_balance_is_told_in_exact_strings():
    team = make_team()
    give_credits(team, 1_000_000)
    make_generation(team, num_frames=121)

    response = api_for(team).get("/balance")

    assert response.json() == {
        "currency": "USD",
        "available": "0.899166",
        "held": "0.100834",
        "total": "1.000000",
        "default_clip_price": "0.100834",
        "clips_left": 8,
    }
    assert_described(response, "get", "/balance")


def test_a_team_without_credits_has_zeros():
    assert api_for(make_team()).get("/balance").json()["available"] == "0.000000"


def test_it_takes_the_scope():
    response = api_for(make_team(), scopes=["read", "generate"]).get("/balance")

    assert (response.status_code, response.json()["code"]) == (403, "scope")
    assert "billing:read" in response.json()["detail"]
    assert_described(response, "get", "/balance")


def test_it_takes_a_key():
    response = ApiClient().get("/balance")

    assert response.status_code == 401
    assert_described(response, "get", "/balance")


def test_other_teams_money_is_not_in_it():
    give_credits(make_team(), 5_000_000)

    assert api_for(make_team()).get("/balance").json()["total"] == "0.000000"


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_it_can_only_be_read(method):
    api = api_for(make_team())

    response = getattr(api.client, method)("/api/v1/balance", headers=api.headers)

    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")


def test_head_answers_like_get_without_a_body():
    api = api_for(make_team())

    response = api.client.head("/api/v1/balance", headers=api.headers)

    assert (response.status_code, response.content) == (200, b"")


def test_an_unknown_query_parameter_is_an_error():
    response = api_for(make_team()).get("/balance", {"verbose": "1"})

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/verbose"


def test_no_cache_between_keeps_it():
    response = api_for(make_team()).get("/balance")

    assert response["Cache-Control"] == "private, no-store"
    assert "Authorization" in response["Vary"]
