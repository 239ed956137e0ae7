"""The API's description: valid, complete, public, and readable in a browser under the strict policy."""

import json

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import get_resolver

from accounts.permissions import SCOPE_PERMISSIONS
from accounts.rest import ApiView
from tests.support.openapi import description
from tests.support.site import served


def described() -> list[tuple[str, str, dict]]:
    return [
        (path, method, operation)
        for path, methods in description()["paths"].items()
        for method, operation in methods.items()
    ]


def api_views() -> list[type[ApiView]]:
    (api,) = [part for part in get_resolver().url_patterns if getattr(part, "namespace", "") == "api"]
    views = [getattr(pattern.callback, "cls", None) for pattern in api.url_patterns]
    return [view for view in views if view is not None and issubclass(view, ApiView)]


def test_it_is_valid_and_leaves_nothing_unsaid(tmp_path):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "openapi.yaml"))


def test_every_endpoint_is_in_it():
    methods = sum(
        len([name for name in ("get", "post", "patch", "delete") if hasattr(view, name)])
        for view in api_views()
    )

    assert len(described()) == methods > 8


def test_every_endpoint_declares_a_permission_that_a_scope_gives():
    given = frozenset().union(*SCOPE_PERMISSIONS.values())

    for view in api_views():
        assert view.permission_of
        assert set(view.permission_of.values()) <= given


def test_a_view_without_a_permission_cannot_be_written():
    with pytest.raises(TypeError, match="declares no permission"):
        type("Forgetful", (ApiView,), {"get": lambda self, request: None})


def test_every_operation_needs_a_key_and_describes_its_errors():
    for path, method, operation in described():
        assert operation["security"] == [{"apiKey": []}], path
        assert operation["summary"], path
        for status in ("401", "403", "422", "500"):
            assert list(operation["responses"][status]["content"]) == ["application/problem+json"], (
                path,
                method,
            )


def test_the_generations_input_names_every_field():
    schema = description()["components"]["schemas"]["GenerationInput"]

    assert len(schema["properties"]) == 20  # the model's nineteen, and the id of an upload
    assert not schema["additionalProperties"]
    assert schema["properties"]["prompt"]["maxLength"] == 1000


def test_everybody_may_read_it():
    response = Client().get("/api/v1/openapi.json")

    assert response.status_code == 200
    assert json.loads(response.content)["openapi"].startswith("3.1")


@pytest.mark.django_db
def test_the_page_loosens_only_what_styles_may_do():
    policy = Client().get("/api/docs/")["Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))

    assert rules["script-src"] == "'self'"
    assert rules["style-src"] == "'self' 'unsafe-inline'"


@pytest.mark.browser
def test_the_page_works_in_a_browser_without_a_violation(cloned_database, page):
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    with served() as site:
        page.goto(f"{site}/api/docs/")
        page.locator(".opblock").first.wait_for()
        assert page.locator(".opblock").count() == len(described())

        page.locator("#operations-clips-create_generation .opblock-summary").click()
        page.locator("#operations-clips-create_generation .parameters-container").wait_for()
        page.get_by_role("button", name="Authorize").first.click()
        page.locator(".auth-container").first.wait_for()

    assert complaints == []
