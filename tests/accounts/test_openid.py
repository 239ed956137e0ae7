"""Signing in with an OpenID provider: one that answers over HTTP and says what the test wants."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from django.core import mail
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEvent, Team, User
from tests.support import factories

pytestmark = pytest.mark.django_db
LOGIN, SECURITY = "/accounts/login/", "/accounts/security/"
START, BACK = "/accounts/oidc/sso/login/", "/accounts/oidc/sso/login/callback/"


class Provider(HTTPServer):
    """`person` is what it says about whoever signs in there."""

    person: dict[str, Any]

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        issuer = self.server.issuer
        places = {"issuer": issuer, "authorization_endpoint": f"{issuer}/authorize"}
        places |= {"token_endpoint": f"{issuer}/token", "userinfo_endpoint": f"{issuer}/me"}
        self._say(self.server.person if self.path == "/me" else places)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._say({"access_token": "a", "token_type": "Bearer"})

    def _say(self, body: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def provider(settings) -> Iterator[Provider]:
    cache.clear()
    server = Provider(("127.0.0.1", 0), Answers)
    server.person = {"sub": "7", "email": "mara@example.com", "email_verified": True, "name": "Mara Maker"}
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    settings.OIDC_ISSUER, settings.OIDC_NAME = server.issuer, "Studio login"
    app: dict[str, Any] = {"provider_id": "sso", "name": "Studio login", "client_id": "us", "secret": "s"}
    app["settings"] = {"server_url": server.issuer}
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def go(browser: Client, query: str = "") -> HttpResponse:
    """To the provider and back, as a browser does."""
    away = browser.post(f"{START}{query}")
    asked = parse_qs(urlsplit(away["Location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    return browser.get(BACK, {"code": "c", "state": asked["state"][0]}, follow=True)


def test_without_a_provider_there_is_no_door() -> None:
    assert START not in Client().get(LOGIN).content.decode()
    assert Client().post(START).status_code == 404


def test_a_new_person_gets_an_account_and_comes_back_to_it(provider: Provider) -> None:
    browser = Client()
    page = browser.get(LOGIN).content.decode()
    assert "Continue with Studio login" in page
    go(browser)

    user = User.objects.get(email="mara@example.com")
    assert user.name == "Mara Maker"
    assert Team.objects.filter(is_personal=True, members=user).exists()
    assert "with sign-in provider" in browser.get(SECURITY).content.decode()
    again = Client()
    go(again)
    assert again.get(SECURITY).status_code == 200
    assert User.objects.count() == 1


@pytest.mark.parametrize("verified", [True, False])
def test_a_known_address_is_no_way_into_its_account(provider: Provider, verified: bool) -> None:
    factories.make_confirmed_user("mara@example.com")
    provider.person["email_verified"] = verified
    visitor = Client()

    go(visitor)

    assert visitor.get(SECURITY).status_code == 302
    assert not SocialAccount.objects.exists()
    assert mail.outbox[-1].to == ["mara@example.com"]


@pytest.mark.parametrize(("verified", "enters"), [(True, True), (False, False), ("false", False)])
def test_a_trusted_provider_opens_it_for_what_it_has_verified(
    provider: Provider, settings, verified: object, enters: bool
) -> None:
    settings.SOCIALACCOUNT_EMAIL_AUTHENTICATION = settings.SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = (
        True
    )
    factories.make_confirmed_user("mara@example.com")
    provider.person["email_verified"] = verified
    browser = Client()

    go(browser)

    assert (browser.get(SECURITY).status_code == 200) is enters


def test_an_address_that_is_not_confirmed_has_to_be(provider: Provider) -> None:
    provider.person["email_verified"] = False
    browser = Client()

    page = go(browser)

    assert "Check your e-mail" in page.content.decode()
    assert browser.get(SECURITY).status_code == 302


def test_a_look_alike_from_a_provider_is_not_taken_over(provider: Provider) -> None:
    provider.person["email"] = "mara@exаmple.com"  # noqa: RUF001  # a Cyrillic a
    browser = Client()

    assert "Which e-mail address may we write to" in go(browser).content.decode()
    refused = browser.post(reverse("socialaccount_signup"), {"email": provider.person["email"]})

    assert 'id="id_email-error"' in refused.content.decode()
    assert not User.objects.exists()


def test_an_owner_connects_it_and_is_told(provider: Provider) -> None:
    user = factories.make_confirmed_user("owner@example.com")
    browser = Client()
    browser.force_login(user)
    assert "Connect Studio login" in browser.get(reverse("socialaccount_connections")).content.decode()

    go(browser, "?process=connect")

    assert SocialAccount.objects.get().user == user
    assert mail.outbox[-1].subject == "A sign-in provider was connected"
    assert AuditEvent.objects.filter(action="user.provider_connected", user=user).exists()
    page = browser.get(reverse("socialaccount_connections")).content.decode()
    assert "Disconnect" in page
    browser.post(reverse("socialaccount_connections"), {"account": SocialAccount.objects.get().pk})
    assert not SocialAccount.objects.exists()
