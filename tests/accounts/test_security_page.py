"""One's own security page: browsers that can be signed out, and what happened."""

import pytest
from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.user_agents import device_of
from tests.support import factories

pytestmark = pytest.mark.django_db
SECURITY = "/accounts/security/"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1"


@pytest.fixture
def mara() -> User:
    cache.clear()
    return factories.make_confirmed_user()


def signed_in(user: User, user_agent: str = FIREFOX) -> Client:
    browser = Client(headers={"user-agent": user_agent})
    browser.post("/accounts/login/", {"login": user.email, "password": factories.PASSWORD})
    return browser


def test_a_browser_left_behind_is_signed_out(mara: User) -> None:
    here, phone = signed_in(mara), signed_in(mara, PHONE)
    page = here.get(SECURITY).content.decode()
    assert "Firefox on Windows" in page
    assert "Safari on iPhone" in page
    assert "This browser" in page

    lost = UserSession.objects.get(user=mara, user_agent=PHONE)
    here.post(reverse("accounts:session_end", args=[lost.pk]))

    assert phone.get(SECURITY).status_code == 302
    assert here.get(SECURITY).status_code == 200
    assert here.post(reverse("accounts:session_end", args=[lost.pk])).status_code == 404


def test_all_others_at_once(mara: User) -> None:
    here, there, elsewhere = (signed_in(mara) for _ in range(3))

    here.post(reverse("accounts:sessions_end"))

    assert [browser.get(SECURITY).status_code for browser in (here, there, elsewhere)] == [200, 302, 302]


def test_nobody_signs_out_somebody_else(mara: User) -> None:
    browser = signed_in(mara)
    theirs = UserSession.objects.get(user=mara)

    assert (
        signed_in(factories.make_confirmed_user())
        .post(reverse("accounts:session_end", args=[theirs.pk]))
        .status_code
        == 404
    )
    assert browser.get(SECURITY).status_code == 200


def test_what_happened_is_told(mara: User) -> None:
    Client().post("/accounts/login/", {"login": mara.email, "password": "wrong"})
    page = signed_in(mara).get(SECURITY).content.decode()

    assert "Sign-in failed" in page
    assert "with password · 127.0.0.1" in page
    assert page.index("Signed in") < page.index("Sign-in failed")
    assert "Your account has no second factor" in page


@pytest.mark.parametrize("name", ["mfa_index", "mfa_list_webauthn", "usersessions_list"])
def test_allauths_own_lists_lead_here(mara: User, name: str) -> None:
    assert signed_in(mara).get(reverse(name))["Location"] == SECURITY


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (FIREFOX, "Firefox on Windows"),
        (PHONE, "Safari on iPhone"),
        ("curl/8", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_a_browser_is_named_in_words(line: str, words: str) -> None:
    assert device_of(line) == words
