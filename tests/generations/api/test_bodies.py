"""What every endpoint with a JSON body refuses, before anything else."""

import json

import pytest

from tests.support.api import ApiClient, pointers
from tests.support.openapi import assert_described

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "body",
    ["{", "nonsense", '{"seed": NaN}', '{"prompt": "\\ud800"}', '{"prompt": "a\\u0000b"}', "[" * 100_000],
)
def test_what_cannot_be_read_or_stored_is_malformed(body, api):
    response = api.post("/generations", body)

    assert (response.status_code, response.json()["code"]) == (400, "malformed")
    assert_described(response, "post", "/generations")


def test_other_bytes_than_utf8_are_malformed(api):
    assert api.post("/generations", b'{"prompt": "\xff"}').status_code == 400


@pytest.mark.parametrize("body", ["[]", "1", '"text"', "null"])
def test_other_json_than_an_object_is_refused(body, api):
    response = api.post("/generations", body)

    assert response.status_code == 422
    assert pointers(response) == [""]


def test_an_escaped_backslash_before_u0000_is_text(api, image):
    assert api.post("/quotes", {"prompt": "a \\u0000 b"}).status_code == 200


def test_another_content_type_is_unsupported(api):
    response = api.post("/generations", "a=b", Content_Type="text/plain")

    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media")
    assert_described(response, "post", "/generations")


def test_a_body_beyond_the_limit_is_too_large(api, settings):
    settings.UPLOAD_MAX_BYTES = 1000
    response = api.post("/generations", json.dumps({"prompt": "x" * 1_100_000}))

    assert (response.status_code, response.json()["code"]) == (413, "too_large")


def test_an_answer_in_another_format_cannot_be_had(api):
    response = api.get("/generations", Accept="application/xml")

    assert (response.status_code, response.json()["code"]) == (406, "not_acceptable")


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/generations/", "/generations/no-uuid", "/balance/x"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_unknown_address_is_a_problem_too(path, method):
    response = getattr(ApiClient(), method)(path)

    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")
    assert response.json()["code"] == "not_found"
    assert response.json()["request_id"] == response["X-Request-ID"]


def test_an_unexpected_failure_shows_its_id_and_nothing_else(api, monkeypatch, caplog):
    monkeypatch.setattr("generations.api.balance_of", lambda _: 1 / 0)

    response = api.post("/quotes", {})

    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert "division" not in response.content.decode()
    assert response.json()["request_id"]
    assert sum(1 for record in caplog.records if record.exc_info) == 1
    assert_described(response, "post", "/quotes")
