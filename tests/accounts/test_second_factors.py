"""Authenticator apps and recovery codes over the pages; passkeys are in test_passkeys_in_browser.py."""

import re
import time

import pytest
from allauth.core.context import request_context
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core import mail
from django.core.cache import cache
from django.test import Client, TestCase
from django.urls import reverse

from accounts.encryption import decrypt, encrypt
from accounts.models import AuditEvent, User
from tests.support import factories
from tests.support.factories import PASSWORD

pytestmark = pytest.mark.django_db
LOGIN, SECURITY, SECOND = "/accounts/login/", "/accounts/security/", "/accounts/2fa/authenticate/"


@pytest.fixture
def mara() -> User:
    cache.clear()
    return factories.make_confirmed_user()


def signed_in(user: User) -> Client:
    browser = Client()
    browser.post(LOGIN, {"login": user.email, "password": PASSWORD})
    return browser


def code_for(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def add_app(browser: Client) -> str:
    page = browser.get(reverse("mfa_activate_totp")).content.decode()
    found = re.search(r'id="totp-secret"[^>]*>(?:<code>)?([A-Z2-7]+)<', page)
    assert found
    with TestCase.captureOnCommitCallbacks() as after:
        answer = browser.post(reverse("mfa_activate_totp"), {"code": code_for(found[1])})
    with request_context(answer.wsgi_request):  # where they run outside of a test's transaction
        for callback in after:
            callback()
    return found[1]


def recovery_codes(browser: Client) -> list[str]:
    page = browser.get(reverse("mfa_view_recovery_codes")).content.decode()
    found = re.search(r'id="recovery-codes">([^<]+)<', page)
    assert found
    return found[1].split()


def test_an_app_is_added_asked_for_and_removed(mara: User) -> None:
    browser, elsewhere = signed_in(mara), signed_in(mara)
    secret = add_app(browser)

    assert mail.outbox[-1].subject == "An authenticator app was added"
    assert elsewhere.get(SECURITY).status_code == 302
    assert "Asked for after the password" in browser.get(SECURITY).content.decode()
    codes = recovery_codes(browser)
    assert len(codes) == 10
    stored = str(list(Authenticator.objects.filter(user=mara).values_list("data", flat=True)))
    assert secret not in stored
    assert codes[0] not in stored

    again = Client()
    asked = again.post(LOGIN, {"login": mara.email, "password": PASSWORD}, follow=True)
    assert asked.redirect_chain[-1][0] == SECOND
    assert again.get(SECURITY).status_code == 302
    assert "did not work" in again.post(SECOND, {"code": "000000"}).content.decode()
    again.post(SECOND, {"code": codes[0]})
    assert "with password and recovery code" in again.get(SECURITY).content.decode()

    again.post(reverse("mfa_deactivate_totp"))
    assert not Authenticator.objects.filter(user=mara).exists()
    assert browser.get(SECURITY).status_code == 302
    written = AuditEvent.objects.filter(object_id=str(mara.pk)).values_list("action", flat=True)
    assert {"user.app_added", "user.app_removed", "user.other_sessions_ended"} <= set(written)


def test_a_recovery_code_works_once(mara: User) -> None:
    browser = signed_in(mara)
    add_app(browser)
    code = recovery_codes(browser)[0]
    for opens in (True, False):
        visitor = Client()
        visitor.post(LOGIN, {"login": mara.email, "password": PASSWORD})
        visitor.post(SECOND, {"code": code})
        assert (visitor.get(SECURITY).status_code == 200) is opens


def test_codes_cannot_be_guessed_on(mara: User) -> None:
    add_app(signed_in(mara))
    visitor = Client()
    visitor.post(LOGIN, {"login": mara.email, "password": PASSWORD})

    answers = [visitor.post(SECOND, {"code": f"00000{n}"}).content.decode() for n in range(6)]

    assert "did not work" in answers[4]
    assert "Too many attempts. Try again in 5 minutes." in answers[5]


def test_a_reset_password_does_not_replace_the_second_factor(mara: User) -> None:
    browser = signed_in(mara)
    add_app(browser)
    visitor = Client()
    visitor.post(reverse("account_reset_password"), {"email": mara.email})
    link = re.search(r"https?://\S+", str(mail.outbox[-1].body))
    assert link
    form = visitor.get("/" + link[0].split("/", 3)[3], follow=True).redirect_chain[-1][0]
    visitor.post(form, {"password1": "a new lighthouse", "password2": "a new lighthouse"})

    assert browser.get(SECURITY).status_code == 302
    assert visitor.get(SECURITY).status_code == 302
    asked = visitor.post(LOGIN, {"login": mara.email, "password": "a new lighthouse"}, follow=True)
    assert asked.redirect_chain[-1][0] == SECOND


def test_every_page_of_second_factors_keeps_to_the_policy(mara: User) -> None:
    browser = signed_in(mara)
    pages = ["mfa_add_webauthn", "mfa_activate_totp"]
    pages += [
        "mfa_view_recovery_codes",
        "mfa_generate_recovery_codes",
        "mfa_deactivate_totp",
        "mfa_reauthenticate",
    ]
    for name in pages:
        html = browser.get(reverse(name)).content.decode()
        assert "<h1>" in html, name
        assert not re.search(r"<style|\sstyle\s*=|<script(?![^>]*\ssrc=)", html), name
        if name == "mfa_activate_totp":
            add_app(browser)
    text = browser.get(reverse("mfa_download_recovery_codes"))
    assert text["Content-Disposition"].startswith("attachment")


def test_what_is_stored_is_read_with_former_keys_too(settings) -> None:
    old = settings.SECRET_KEY
    stored = encrypt("a secret")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another " * 10, [old]

    assert decrypt(stored) == "a secret"
    assert "a secret" not in stored
