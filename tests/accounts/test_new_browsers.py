"""A person hears of a sign-in with a browser that was not used for their account before, and of no other."""

from collections.abc import Iterator

import pytest
from django.core import mail
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts import known_browsers
from accounts.models import Notification, User
from accounts.notification_kinds import NEW_BROWSER
from accounts.services import notifications
from tests.support import factories

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"
)


@pytest.fixture(autouse=True)
def _nobody_tried_yet() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def mara() -> User:
    return factories.make_confirmed_user("mara@example.com", time_zone="Asia/Tokyo")


def sign_in(browser: Client, user: User, *, password: str = factories.PASSWORD, **extra: str) -> HttpResponse:
    form = {"login": user.email, "password": password}
    return browser.post("/accounts/login/", form, headers={"User-Agent": FIREFOX} | extra)  # type: ignore[return-value]


def told(user: User) -> list[str]:
    return list(Notification.objects.filter(user=user).order_by("pk").values_list("subject", flat=True))


def test_the_first_browser_is_not_news_and_the_second_is(mara: User) -> None:
    sign_in(Client(), mara)
    assert told(mara) == []

    sign_in(Client(REMOTE_ADDR="203.0.113.7"), mara, **{"User-Agent": SAFARI})

    (news,) = Notification.objects.filter(user=mara)
    assert news.subject == "New sign-in: Safari on iPhone"
    assert "203.0.113.7" in news.text
    assert "JST" in news.text
    assert (news.kind, news.path, news.in_portal) == (NEW_BROWSER, "/accounts/security/", True)
    notifications.mail_notification(notification_id=news.pk, now=timezone.now())
    (email,) = mail.outbox
    assert email.to == ["mara@example.com"]
    assert "If it was not, end that session" in email.body


def test_a_browser_stays_known_after_signing_out_and_from_another_network(mara: User) -> None:
    browser = Client()
    sign_in(browser, mara)
    browser.post("/accounts/logout/")

    sign_in(browser, mara, **{"X-Forwarded-For": "198.51.100.1", "User-Agent": SAFARI})

    assert told(mara) == []


def test_people_who_share_a_browser_are_each_known_in_it(mara: User) -> None:
    other = factories.make_confirmed_user()
    for person in (mara, other):
        sign_in(Client(), person)
    shared = Client()

    for person in (mara, other, mara, other):
        sign_in(shared, person)
        shared.post("/accounts/logout/")

    assert (len(told(mara)), len(told(other))) == (1, 1)


@pytest.mark.parametrize("value", ["", "noise", "WzFd:1abcde:forged", None])
def test_a_cookie_of_ones_own_making_makes_no_browser_known(value: str | None, mara: User) -> None:
    sign_in(Client(), mara)
    browser = Client()
    stolen = Client()
    sign_in(stolen, factories.make_confirmed_user())
    browser.cookies["browser"] = stolen.cookies["browser"].value if value is None else value

    sign_in(browser, mara)

    assert len(told(mara)) == 1


def test_an_attempt_that_fails_tells_nobody_and_leaves_no_cookie(mara: User) -> None:
    sign_in(Client(), mara)
    stranger = Client()

    for user in (mara, User(email="nobody@example.com")):
        sign_in(stranger, user, password="wrong")

    assert told(mara) == []
    assert "browser" not in stranger.cookies


def test_each_channel_can_be_switched_off(mara: User) -> None:
    sign_in(Client(), mara)
    held = notifications.choices_of(mara)
    notifications.choose(user=mara, wanted=held - {(NEW_BROWSER, "mail")})

    sign_in(Client(), mara)
    assert [(news.by_mail, news.in_portal) for news in Notification.objects.filter(user=mara)] == [
        (False, True)
    ]
    notifications.choose(user=mara, wanted=held - {(NEW_BROWSER, "mail"), (NEW_BROWSER, "portal")})

    sign_in(Client(), mara)
    assert len(told(mara)) == 1


def test_the_cookie_is_kept_from_scripts_and_other_sites(mara: User, settings) -> None:
    settings.SECURE_COOKIES = True
    browser = Client()

    cookie = sign_in(browser, mara).cookies["__Host-browser"]

    assert (cookie["httponly"], cookie["secure"], cookie["samesite"]) == (True, True, "Lax")
    assert (cookie["path"], cookie["domain"], cookie["max-age"]) == ("/", "", known_browsers.LASTS)
    assert mara.email not in cookie.value
