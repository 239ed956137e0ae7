"""What people and programs are told while PostgreSQL is out of reach."""

import pytest
from django.conf import settings as site
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path, reverse

from accounts import key_secrets
from ltxplatform import urls


@login_not_required
def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError


handler500 = urls.handler500
urlpatterns = [path("broken/", broken), *urls.urlpatterns]


def test_a_page_says_that_the_service_starts_again(database_away):
    browser = Client(raise_request_exception=False)
    browser.cookies[site.SESSION_COOKIE_NAME] = "a" * 32

    for address in (reverse("generations:clips", args=["lumen"]), reverse("platform:home")):
        answer = browser.get(address)

        assert (answer.status_code, answer["Retry-After"]) == (503, "2")
        assert "The service is restarting" in answer.content.decode()


def test_the_api_says_so_as_a_problem(database_away):
    key = key_secrets.written(
        key_secrets.KeyParts("A" * key_secrets.ID_LENGTH, "B" * key_secrets.SECRET_LENGTH)
    )

    answer = Client().get(reverse("api:generations"), headers={"Authorization": f"Bearer {key}"})

    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert answer.json()["code"] == "database_unavailable"


@pytest.mark.urls(__name__)
def test_another_fault_is_called_a_fault(client):
    client.raise_request_exception = False

    answer = client.get("/broken/")

    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.content.decode()
