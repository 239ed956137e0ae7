"""Sign-up to sign-out in our own words: every page and e-mail renders, and none needs what the policy forbids."""

import re

import pytest
from django.core import mail
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from tests.support import factories

pytestmark = pytest.mark.django_db
FORBIDDEN = re.compile(r"<style|\sstyle\s*=|<script(?![^>]*\ssrc=)|<[^>]*\son[a-z]+\s*=", re.IGNORECASE)
ADDRESS = "mara@example.com"
PASSWORD = "a lighthouse at dusk"


@pytest.fixture
def visitor() -> Client:
    return Client()


@pytest.fixture
def member() -> Client:
    browser = Client()
    browser.force_login(factories.make_confirmed_user(ADDRESS))
    return browser


def sound(html: str) -> str:
    assert not FORBIDDEN.search(html), FORBIDDEN.search(html)
    assert "!" not in re.sub(r"<[^>]*>", "", html).replace("<!doctype", "")
    return html


PAGES = ["login", "signup", "signup_by_passkey", "reset_password", "reset_password_done", "inactive"]


def sent_code() -> str:
    found = re.search(r"^[A-Z0-9]{4}-[A-Z0-9]{4}$", str(mail.outbox[-1].body), re.MULTILINE)
    assert found, mail.outbox[-1].body
    return found[0]


@pytest.mark.parametrize("name", PAGES)
def test_a_visitor_finds_every_door(visitor: Client, name: str) -> None:
    answer = visitor.get(reverse(f"account_{name}"))

    assert answer.status_code == 200
    assert 'class="entrance"' in sound(answer.content.decode())


@pytest.mark.parametrize("name", ["email", "change_password", "logout"])
def test_a_member_finds_the_own_account(member: Client, name: str) -> None:
    answer = member.get(reverse(f"account_{name}"))

    assert answer.status_code == 200
    sound(answer.content.decode())


def test_a_link_that_no_longer_works_says_so(visitor: Client) -> None:
    reset = visitor.get(reverse("account_reset_password_from_key", args=["x", "y-z"]))

    assert "This link no longer works" in sound(reset.content.decode())


def test_from_sign_up_to_the_confirmed_address(visitor: Client) -> None:
    visitor.post(reverse("account_signup"), {"email": ADDRESS, "password1": PASSWORD})

    email = mail.outbox[0]
    html = email.alternatives[0][0]  # type: ignore[attr-defined]
    code = sent_code()
    assert email.subject.endswith("Confirm your e-mail address")
    assert code in html

    page = visitor.get(reverse("account_email_verification_sent"))
    assert ADDRESS in sound(page.content.decode())
    wrong = visitor.post(reverse("account_email_verification_sent"), {"code": "WRNG-WRNG"})
    assert "This is not the right code" in sound(wrong.content.decode())
    answer = visitor.post(reverse("account_email_verification_sent"), {"code": code}, follow=True)
    assert answer.wsgi_request.user == User.objects.get(email=ADDRESS)


def test_a_mistake_is_named_at_its_field(visitor: Client) -> None:
    answer = visitor.post(reverse("account_signup"), {"email": "no address", "password1": "1"})

    html = sound(answer.content.decode())
    assert html.count('aria-invalid="true"') == 2
    assert 'aria-describedby="id_email-error"' in html


def test_a_wrong_password_is_named_above_the_form(visitor: Client) -> None:
    answer = visitor.post(reverse("account_login"), {"login": ADDRESS, "password": "wrong"})

    assert 'role="alert"' in sound(answer.content.decode())


def test_a_new_password_by_mail(visitor: Client) -> None:
    factories.make_user(ADDRESS)
    visitor.post(reverse("account_reset_password"), {"email": ADDRESS})
    link = re.search(r"https?://\S+", str(mail.outbox[0].body))
    assert link is not None

    page = visitor.get("/" + link[0].split("/", 3)[3], follow=True)

    assert "Choose a new password" in sound(page.content.decode())


def test_an_address_is_kept_once_it_is_confirmed(member: Client) -> None:
    asked = member.post(
        reverse("account_email"), {"email": "second@example.com", "action_add": ""}, follow=True
    )
    assert "second@example.com" in sound(asked.content.decode())
    assert "second@example.com" not in member.get(reverse("account_email")).content.decode()

    member.post(reverse("account_email_verification_sent"), {"code": sent_code()})
    assert "second@example.com" in sound(member.get(reverse("account_email")).content.decode())

    member.post(reverse("account_email"), {"email": "second@example.com", "action_remove": ""})
    assert "second@example.com was removed." in member.get(reverse("account_email")).content.decode()


FACTORS = [
    "totp_activated",
    "totp_deactivated",
    "webauthn_added",
    "webauthn_removed",
    "recovery_codes_generated",
]
PROVIDER = ["account_connected", "account_disconnected"]
EMAILS = {
    "email_confirmation": {"code": "ABCD-EFGH"},
    "email_confirmation_signup": {"code": "ABCD-EFGH"},
    "account_already_exists": {"password_reset_url": "https://clips.example/", "email": "<b>@example.com"},
    "password_reset_key": {"password_reset_url": "https://clips.example/"},
    "unknown_account": {"signup_url": "https://clips.example/", "email": "<b>@example.com"},
    "password_changed": {"ip": "192.0.2.1", "user_agent": "<b>"},
    "password_reset": {"ip": "192.0.2.1", "user_agent": "<b>"},
    "password_set": {"ip": "192.0.2.1", "user_agent": "<b>"},
    "email_changed": {"from_email": "<b>", "to_email": "b@example.com", "user_agent": "<b>"},
    "email_confirm": {"user_agent": "<b>"},
    "email_deleted": {"deleted_email": "<b>", "user_agent": "<b>"},
    **{name: {"ip": "192.0.2.1", "user_agent": "<b>"} for name in [*FACTORS, *PROVIDER]},
}


def app_of(email: str) -> str:
    return "mfa" if email in FACTORS else "socialaccount" if email in PROVIDER else "account"


@pytest.mark.parametrize("name", EMAILS)
def test_an_email_has_a_subject_a_text_and_a_page(name: str) -> None:
    subject, text, html = (
        render_to_string(f"{app_of(name)}/email/{name}_{part}", {"timestamp": timezone.now(), **EMAILS[name]})
        for part in ("subject.txt", "message.txt", "message.html")
    )

    assert 5 < len(subject.strip()) < 60
    assert "&amp;" not in text
    assert "<b>" not in html
    assert "ltxplatform" in text
    assert "ltxplatform" in html
    assert "!" not in text


@pytest.mark.parametrize("code", ["400", "403", "403_csrf", "404", "500"])
def test_every_refusal_has_a_page(code: str) -> None:
    html = render_to_string(f"{code}.html")

    assert "<h1>" in html or "<h2>" in html
    sound(html)
