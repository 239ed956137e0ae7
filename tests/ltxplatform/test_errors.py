"""Every refusal has a status, and every error of the API is one problem document."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest
from rest_framework import exceptions as rest
from rest_framework.request import Request

from accounts.errors import DomainError, FieldErrors
from billing.services import Busy, InsufficientCredits
from generations.services.images import REFUSALS, ImageRefused
from ltxplatform.errors import KINDS, html_status, problem_response

APPS = ("accounts", "billing", "generations", "ltxplatform")
MEMBERS = {"type", "title", "status", "detail", "code", "errors", "retryable", "request_id"}


def every_refusal() -> Iterator[type[DomainError]]:
    for app in map(importlib.import_module, APPS):
        for module in pkgutil.walk_packages(app.__path__, f"{app.__name__}."):
            if "migrations" not in module.name and not module.name.endswith(("wsgi", "confine")):
                importlib.import_module(module.name)
    waiting = [DomainError]
    while waiting:
        for kind in waiting.pop().__subclasses__():
            yield kind
            waiting.append(kind)


def problem_of(error: Exception):
    request = HttpRequest()
    request.request_id = "req-1"  # type: ignore[attr-defined]  # as the middleware does
    return problem_response(error, {"request": Request(request), "view": None})


def test_every_code_has_a_status():
    codes = {kind.code for kind in every_refusal()} | set(REFUSALS)

    assert codes - KINDS.keys() == set()
    assert len(codes) > 10  # the walk has found them


def test_the_guide_names_codes_with_their_statuses():
    guide = (Path(settings.BASE_DIR) / "docs" / "api.md").read_text()
    rows = re.findall(r"^\| (\d{3}) \| (`[a-z_`, ]+) \|", guide, re.MULTILINE)
    told = {code: int(status) for status, codes in rows for code in re.findall(r"`([a-z_]+)`", codes)}

    # What no endpoint answers today.
    unused = {"foreign_webhook", "image_refused", "used_more_than_held"}
    unused |= {
        "amount_refused",
        "no_customer",
        "not_payable",
        "payments_unavailable",
    }  # pages alone buy credit
    unused |= {"credit_spent", "second_person_needed", "own_factor_first", "address_not_proven"}
    assert told == {code: kind.status for code, kind in KINDS.items() if code not in unused}


def test_money_refusals_are_never_what_clients_retry():
    for code in (
        "insufficient_credits",
        "debt_open",
        "budget_exceeded",
        "team_frozen",
        "idempotency_key_reuse",
    ):
        assert KINDS[code].status not in {409, 429}
        assert not KINDS[code].retryable


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Http404("internal detail"), 404, "not_found"),
        (PermissionDenied("internal detail"), 403, "forbidden"),
        (RequestDataTooBig("internal detail"), 413, "too_large"),
        (SuspiciousOperation("internal detail"), 400, "malformed"),
        (rest.NotFound(), 404, "not_found"),
        (rest.PermissionDenied(), 403, "forbidden"),
        (rest.NotAuthenticated(), 401, "unauthenticated"),
        (rest.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (rest.NotAcceptable(), 406, "not_acceptable"),
        (rest.UnsupportedMediaType("text/plain"), 415, "unsupported_media"),
        (rest.ParseError("Why"), 400, "malformed"),
        (ImageRefused("too_small"), 422, "too_small"),
        (ImageRefused("too_large"), 413, "too_large"),
    ],
)
def test_each_error_becomes_a_problem(error, status, code):
    response = problem_of(error)

    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    assert response.data.keys() >= MEMBERS
    assert (response.data["status"], response.data["code"]) == (status, code)
    assert response.data["type"].endswith(code)
    assert response.data["request_id"] == "req-1"
    assert "internal detail" not in str(response.data)
    assert len(response.data["detail"]) > 2


def test_an_unexpected_error_is_logged_with_its_trace_and_shows_none_of_it(caplog):
    response = problem_of(ZeroDivisionError("secret detail"))

    assert response.status_code == 500
    assert response.data["code"] == "internal"
    assert response.data["retryable"]
    assert "secret" not in str(response.data)
    assert [record.exc_info[0] for record in caplog.records] == [ZeroDivisionError]


def test_field_errors_point_at_their_fields():
    response = problem_of(
        FieldErrors({"prompt": ["One.", "Two."], "a/b~c": ["Three."], "__all__": ["Four."]})
    )

    assert response.status_code == 422
    assert [(error["pointer"], error["message"]) for error in response.data["errors"]] == [
        ("/prompt", "One."),
        ("/prompt", "Two."),
        ("/a~1b~0c", "Three."),
        ("", "Four."),
    ]


def test_nested_errors_of_the_framework_point_into_the_body():
    error = rest.ValidationError({"a": {"b": ["Bad."]}, "non_field_errors": ["All bad."]})

    assert [(e["pointer"], e["code"]) for e in problem_of(error).data["errors"]] == [
        ("/a/b", "invalid"),
        ("", "invalid"),
    ]


def test_amounts_leave_as_strings():
    data = problem_of(InsufficientCredits(needed=100_834, available=50_000)).data

    assert (data["needed"], data["available"], data["shortfall"]) == ("0.100834", "0.050000", "0.050834")


@pytest.mark.parametrize(("wait", "header"), [(None, None), (0.2, "1"), (17.2, "18")])
def test_a_throttled_client_is_told_when_to_return(wait, header):
    response = problem_of(rest.Throttled(wait=wait))

    assert response.status_code == 429
    assert response.data["retryable"]
    assert response.get("Retry-After") == (header or "2")


def test_an_unavailable_service_says_when_to_return():
    response = problem_of(Busy("The wallet is in use."))

    assert (response.status_code, response["Retry-After"]) == (503, "2")


def test_pages_answer_422_for_what_a_form_can_say():
    assert html_status(FieldErrors({})) == 422
    assert html_status(InsufficientCredits(needed=2, available=1)) == 422
    assert html_status(ImageRefused("too_large")) == 413
