"""The bell, the list behind it, and the page where people choose what they hear of."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.notification_kinds import CHANNELS, KINDS
from accounts.services import notifications
from accounts.services.notifications import News
from tests.support import factories

pytestmark = pytest.mark.django_db
LIST = "/notifications/"


@pytest.fixture
def person() -> User:
    return factories.make_user("mara@example.com")


@pytest.fixture
def mine(person: User) -> Client:
    mine = Client()
    mine.force_login(person)
    return mine


def tell(person: User, number: int = 1, path: str = "") -> None:
    news = News("refund", f"refund {number}", f"News {number}", "It happened.", "You can buy.", "See", path)
    notifications.tell(news, readers=[person])


def shown(mine: Client, path: str = LIST) -> str:
    answer = mine.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def bell(html: str) -> str:
    found = re.search(r'class="bell"[^>]*aria-label="([^"]*)"', html)
    assert found is not None
    return found[1]


def test_without_news_the_page_says_so(mine: Client) -> None:
    html = shown(mine)

    assert "Nothing yet" in html
    assert bell(html) == "Notifications"


def test_the_bell_counts_what_is_unread_on_every_page(mine: Client, person: User) -> None:
    team = factories.make_team(person)
    for number in range(3):
        tell(person, number)
    tell(factories.make_user(), 9)

    assert bell(shown(mine)) == "Notifications, 3 unread"
    assert bell(shown(mine, f"/t/{team.slug}/clips/")) == "Notifications, 3 unread"

    first = notifications.unread(person).first()
    mine.post(reverse("accounts:notification_read", args=[first.pk]))
    assert bell(shown(mine)) == "Notifications, 2 unread"
    mine.post(reverse("accounts:notifications_read"))
    assert bell(shown(mine)) == "Notifications"
    assert "Mark all read" not in shown(mine)


def test_opening_one_reads_it_and_leads_there(mine: Client, person: User) -> None:
    tell(person, path="/settings/profile/")
    notification = notifications.unread(person).get()

    answer = mine.post(reverse("accounts:notification_open", args=[notification.pk]))

    assert answer.url == "/settings/profile/"
    assert not notifications.unread(person).exists()


@pytest.mark.parametrize("name", ["notification_open", "notification_read"])
def test_somebody_elses_is_nobodys(mine: Client, name: str) -> None:
    other = factories.make_user()
    tell(other)

    answer = mine.post(reverse(f"accounts:{name}", args=[notifications.unread(other).get().pk]))

    assert answer.status_code == 404
    assert notifications.unread(other).count() == 1


def test_older_news_is_on_the_next_page(mine: Client, person: User) -> None:
    for number in range(26):
        tell(person, number)

    first = shown(mine)
    older = re.search(r'href="(\?cursor=\d+)"', first)
    assert older is not None
    assert re.findall(r"<h2>(News \d+)</h2>", shown(mine, LIST + older[1])) == ["News 0"]
    assert "Nothing older" in shown(mine, f"{LIST}?cursor=1")
    assert shown(mine, f"{LIST}?cursor=nonsense").count("<h2>News") == 25


def test_what_is_ticked_is_what_reaches_the_person(mine: Client, person: User) -> None:
    choices = "/settings/notifications/"
    html = shown(mine, choices)
    ticked = set(re.findall(r'name="(\w+-\w+)" checked', html))
    assert ticked == {f"{key}-{channel}" for key, channel in notifications.choices_of(person)}
    assert html.count(" disabled>") == sum(bool(kind.always_mailed) for kind in KINDS.values())

    mine.post(choices, {"batch_done-mail": "on", "refund-portal": "on", "made_up-mail": "on"})

    kept = {(kind.key, "mail") for kind in KINDS.values() if kind.always_mailed}
    assert notifications.choices_of(person) == kept | {("batch_done", "mail"), ("refund", "portal")}
    assert {channel for _, channel in notifications.choices_of(person)} == set(CHANNELS)
