"""Signing in, up and back in: what strangers can learn and try, and when a session ends."""

import hashlib
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.addresses import refuse_look_alikes
from accounts.breached_passwords import BreachedPasswordValidator, is_breached
from accounts.models import AuditEvent, User
from accounts.waits import in_words
from tests.support import factories

pytestmark = pytest.mark.django_db
KNOWN, UNKNOWN = "mara@example.com", "nobody@example.com"
LOGIN, SECURITY = "/accounts/login/", "/accounts/security/"


@pytest.fixture(autouse=True)
def _nobody_tried_yet() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def mara() -> User:
    return factories.make_confirmed_user(KNOWN)


def sign_in(
    browser: Client, email: str = KNOWN, password: str = factories.PASSWORD, **extra: str
) -> HttpResponse:
    return browser.post(LOGIN, {"login": email, "password": password}, **extra)  # type: ignore[arg-type]


def text_of(response: HttpResponse) -> str:
    """What a page says, without the address that was typed and the form's token."""
    html = re.sub(r'(name="csrfmiddlewaretoken" value|X-CSRFToken)[^>]*', "", response.content.decode())
    return html.replace(KNOWN, "…").replace(UNKNOWN, "…")


# -- what strangers learn


class CountingHasher(MD5PasswordHasher):
    made = 0

    def encode(self, password: str, salt: str) -> str:
        CountingHasher.made += 1
        return super().encode(password, salt)


@pytest.fixture
def hashes(settings) -> type[CountingHasher]:
    """How many password hashes were computed: the part of an answer's time that could be noticed."""
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    return CountingHasher


@pytest.mark.parametrize(
    ("address", "form"),
    [
        (LOGIN, {"login": "{}", "password": "not the password"}),
        ("/accounts/signup/", {"email": "{}", "password1": "a lighthouse at dusk"}),
        ("/accounts/signup/passkey/", {"email": "{}"}),
        ("/accounts/password/reset/", {"email": "{}"}),
    ],
)
def test_a_known_and_an_unknown_address_get_the_same_answer(
    hashes: type[CountingHasher], mara: User, address: str, form: dict[str, str]
) -> None:
    answers, work = [], []
    for email in (KNOWN, UNKNOWN):
        before = hashes.made
        answer = Client().post(
            address, {name: value.format(email) for name, value in form.items()}, follow=True
        )
        answers.append((answer.status_code, answer.redirect_chain, text_of(answer)))
        work.append(hashes.made - before)

    assert answers[0] == answers[1]
    assert work[0] == work[1]
    assert User.objects.filter(email=KNOWN).count() == 1


def test_a_look_alike_gets_nobody_elses_reset_email(mara: User) -> None:
    Client().post("/accounts/password/reset/", {"email": "marа@example.com"})  # noqa: RUF001  # a Cyrillic a

    assert all(KNOWN not in email.to for email in mail.outbox)


@pytest.mark.parametrize("address", ["mаra@example.com", "mara@exämple.com", "ｍara@example.com"])  # noqa: RUF001
def test_an_address_that_only_looks_like_letters_is_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        refuse_look_alikes(address)

    page = Client().post("/accounts/signup/", {"email": address, "password1": "a lighthouse at dusk"})

    assert 'id="id_email-error"' in page.content.decode()
    assert not User.objects.filter(email__contains="example.com").exists()


# -- what strangers try


def test_a_lockout_names_the_wait_whether_the_account_exists_or_not(mara: User) -> None:
    for email in (KNOWN, UNKNOWN):
        answers = [sign_in(Client(), email, "wrong", REMOTE_ADDR=f"192.0.2.{n}") for n in range(6)]
        assert "is wrong" in answers[4].content.decode()
        assert "Too many attempts. Try again in 5 minutes." in answers[5].content.decode()

    # The right password opens nothing either, so that trying on is pointless.
    assert "Too many attempts" in sign_in(Client()).content.decode()


def test_made_up_forwarding_headers_do_not_move_a_limit(settings) -> None:
    settings.TRUSTED_PROXIES = 1
    statuses = set()
    for n in range(11):
        forged = {"HTTP_X_FORWARDED_FOR": f"198.51.100.{n}, 203.0.113.9", "REMOTE_ADDR": "10.0.0.1"}
        answer = sign_in(Client(), f"person{n}@example.com", "wrong", **forged)
        statuses.add("Too many attempts" in answer.content.decode())

    assert statuses == {False, True}


@pytest.mark.parametrize("header", [None, "", "no address", "1.2.3.4"])
def test_fewer_proxies_than_expected_are_no_error(settings, header: str | None) -> None:
    settings.TRUSTED_PROXIES = 2
    extra = {} if header is None else {"HTTP_X_FORWARDED_FOR": header}

    assert sign_in(Client(), **extra).status_code == 200


def test_the_page_of_a_limit_names_the_wait() -> None:
    browser = Client()
    answers = [browser.post("/accounts/signup/", {"email": "x"}) for _ in range(21)]

    assert answers[-1].status_code == 429
    assert "again in" in answers[-1].content.decode()
    assert 0 < int(answers[-1]["Retry-After"]) <= 60


def test_waits_are_said_in_words() -> None:
    assert [in_words(seconds) for seconds in (0, 1, 40, 90, 91, 300)] == [
        "in 1 second",
        "in 1 second",
        "in 40 seconds",
        "in 90 seconds",
        "in 2 minutes",
        "in 5 minutes",
    ]


def test_a_password_from_a_breach_is_refused_without_asking_anybody(tmp_path: Path, settings) -> None:
    known = [f"word {n}" for n in range(50)]
    sums = sorted(hashlib.sha1(word.encode(), usedforsecurity=False).hexdigest().upper() for word in known)
    listed = tmp_path / "breached.txt"
    listed.write_text("".join(f"{each}:{n * 977 + 1}\r\n" for n, each in enumerate(sums)))

    assert all(is_breached(word, listed) for word in known)
    assert not any(is_breached(f"another {n}", listed) for n in range(50))

    settings.BREACHED_PASSWORDS_FILE = str(listed)
    with pytest.raises(ValidationError, match="data breach"):
        BreachedPasswordValidator().validate("word 7")
    BreachedPasswordValidator().validate("another 7")


# -- sessions


def test_signing_in_makes_a_new_session(mara: User, settings) -> None:
    browser = Client()
    browser.session.save()
    planted = browser.cookies[settings.SESSION_COOKIE_NAME].value

    sign_in(browser)

    assert browser.cookies[settings.SESSION_COOKIE_NAME].value != planted
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = planted
    assert thief.get(SECURITY).status_code == 302
    assert browser.get(SECURITY).status_code == 200


def test_a_session_ends_however_much_it_is_used(mara: User, settings) -> None:
    browser = Client()
    sign_in(browser)
    session = browser.session
    session["signed_in_at"] = time.time() - settings.SESSION_MAX_HOURS * 3600 - 1
    session.save()

    answer = browser.get(SECURITY, follow=True)

    assert answer.redirect_chain[0][0].startswith(LOGIN)
    assert "Sign in again to continue" in answer.content.decode()
    assert "_auth_user_id" not in browser.session


def test_a_session_in_use_lives_on_and_an_unused_one_ends(mara: User, settings) -> None:
    browser = Client()
    sign_in(browser)
    browser.get(SECURITY)
    session = browser.session
    assert session.get_expiry_age() == settings.SESSION_IDLE_HOURS * 3600
    first = session["seen_at"]

    browser.get(SECURITY)
    assert browser.session["seen_at"] == first  # not written for every page

    session["seen_at"] = first - 700
    session.save()
    browser.get(SECURITY)
    assert browser.session["seen_at"] > first


def test_a_new_password_ends_all_other_sessions(mara: User) -> None:
    here, elsewhere = Client(), Client()
    for browser in (here, elsewhere):
        sign_in(browser)

    here.post(
        reverse("account_change_password"),
        {"oldpassword": factories.PASSWORD, "password1": "a new lighthouse", "password2": "a new lighthouse"},
    )

    assert here.get(SECURITY).status_code == 200
    assert elsewhere.get(SECURITY).status_code == 302
    assert mail.outbox[-1].subject == "Your password was changed"
    assert AuditEvent.objects.filter(action="user.password_changed", user=mara).exists()


def test_every_attempt_is_written_down_and_nothing_that_was_typed(mara: User) -> None:
    browser = Client()
    sign_in(browser, password="wrong")
    sign_in(browser, UNKNOWN, "wrong")
    sign_in(browser)
    browser.post("/accounts/logout/")

    written = list(AuditEvent.objects.filter(object_type__in=["user", ""]).order_by("id"))
    told = [(event.action, event.kind, event.object_name) for event in written]
    assert told == [
        ("user.sign_in_failed", "system", KNOWN),
        ("user.sign_in_failed", "system", "an unknown address"),
        ("user.signed_in", "member", KNOWN),
        ("user.signed_out", "member", KNOWN),
    ]
    assert {event.address for event in written} == {"127.0.0.1"}
