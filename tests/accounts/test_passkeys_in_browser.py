"""Signing up with a passkey, out and in again, in a real browser with a virtual authenticator."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.cache import cache
from playwright.sync_api import Page, expect

from accounts.models import AuditEvent, User
from tests.support.authenticator import add_authenticator
from tests.support.site import served
from tests.support.watch import Watch

pytestmark = pytest.mark.browser
ADDRESS = "mara@example.com"


def test_a_passkey_is_all_one_needs(cloned_database: str, page: Page) -> None:
    cache.clear()
    with served() as address:
        site = address.replace("127.0.0.1", "localhost")  # passkeys belong to names
        watch = Watch(page, site)
        add_authenticator(page)
        page.goto(f"{site}/accounts/signup/")
        page.get_by_role("link", name="Use a passkey instead").click()
        page.get_by_label("Email").fill(ADDRESS)
        page.get_by_role("button", name="Continue").click()
        code = re.search(r"^[A-Z0-9]{4}-[A-Z0-9]{4}$", str(mail.outbox[-1].body), re.MULTILINE)
        assert code
        page.get_by_label("Code").fill(code[0])
        page.get_by_role("button", name="Confirm address").click()
        page.get_by_label("Name").fill("Mara's laptop")
        page.get_by_role("button", name="Create passkey").click()
        expect(page.get_by_role("button", name="Your account")).to_be_visible()

        page.goto(f"{site}/accounts/security/")
        expect(page.get_by_text("Mara's laptop")).to_be_visible()
        expect(page.get_by_text("None: you sign in with a passkey")).to_be_visible()
        page.get_by_role("button", name="Your account").click()
        page.get_by_role("button", name="Sign out", exact=True).click()

        page.goto(f"{site}/accounts/login/?next=/accounts/security/")
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.get_by_text("with passkey")).to_be_visible()

        # What matters asks for the passkey again once the sign-in is a while ago.
        let_time_pass()
        page.get_by_role("link", name="Set a password").click()
        page.get_by_role("button", name="Use a passkey").click()
        expect(page.get_by_role("heading", name="Set a password")).to_be_visible()

    user = User.objects.get(email=ADDRESS)
    assert not user.has_usable_password()
    assert Authenticator.objects.get(user=user).type == Authenticator.Type.WEBAUTHN
    assert AuditEvent.objects.filter(action="user.signed_in", user=user, new={"with": ["webauthn"]}).exists()
    assert watch.complaints == []


def let_time_pass() -> None:
    """An hour, for all who are signed in."""
    for row in Session.objects.all():
        session = SessionStore(row.session_key)
        session["signed_in_at"] -= 3600
        for proof in session["account_authentication_methods"]:
            proof["at"] -= 3600
        session.save()
