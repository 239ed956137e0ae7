"""A person's own settings: name, colours, language and clock, and that pages keep to them."""

import re
from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEvent, Team, User
from accounts.settings_navigation import ENTRIES
from generations.models import Generation
from tests.contracts.world import picture_of
from tests.support import factories
from tests.support.api import ApiClient, make_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> User:
    return factories.make_user("mara@example.com")


@pytest.fixture
def mine(person: User) -> Client:
    mine = Client()
    mine.force_login(person)
    return mine


def page(mine: Client, name: str) -> str:
    answer = mine.get(reverse(name))
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_page_of_the_navigation_shows_where_it_is(mine: Client) -> None:
    assert mine.get("/settings/").url == reverse("accounts:profile")
    for entry in ENTRIES:
        current = re.findall(r'<a href="([^"]+)" aria-current="page">', page(mine, entry.view))
        assert current == [reverse(entry.view)]


def test_a_name_is_what_colleagues_see(mine: Client, person: User) -> None:
    mine.post(reverse("accounts:profile"), {"name": "  Mara Lind "})

    person.refresh_from_db()
    assert person.get_full_name() == "Mara Lind"
    assert "Mara Lind" in page(mine, "accounts:profile")
    deed = AuditEvent.objects.get(user=person)
    assert (deed.action, deed.old, deed.new) == (
        "account.profile_changed",
        {"name": ""},
        {"name": "Mara Lind"},
    )


def test_saving_without_a_change_writes_nothing_down(mine: Client) -> None:
    mine.post(reverse("accounts:profile"), {"name": ""})

    assert not AuditEvent.objects.exists()


def test_a_name_that_is_too_long_is_named_at_its_field(mine: Client, person: User) -> None:
    answer = mine.post(reverse("accounts:profile"), {"name": "x" * 151})

    assert answer.status_code == 422
    assert 'id="id_name-error"' in answer.content.decode()
    person.refresh_from_db()
    assert person.name == ""


def test_the_switch_and_the_page_tell_the_same_theme(mine: Client, person: User) -> None:
    assert mine.post(reverse("accounts:theme"), {"theme": "dark"}).status_code == 204

    html = page(mine, "accounts:display")
    assert 'data-theme="dark"' in html
    assert re.search(r'value="dark"[^>]* checked', html)
    assert 'data-theme="dark"' in page_of_another_machine(person)


def page_of_another_machine(person: User) -> str:
    """With a cookie left over from a visitor: what the person chose counts."""
    mine = Client()
    mine.force_login(person)
    mine.cookies["theme"] = "light"
    return page(mine, "accounts:profile")


def test_before_anything_is_chosen_the_visitors_cookie_counts(mine: Client) -> None:
    mine.cookies["theme"] = "dark"

    assert 'data-theme="dark"' in page(mine, "accounts:profile")


def test_a_theme_there_is_not_is_refused(mine: Client, person: User) -> None:
    assert mine.post(reverse("accounts:theme"), {"theme": "neon"}).status_code == 400

    person.refresh_from_db()
    assert person.theme == ""


CHOICES = {"theme": "system", "language": "", "time_zone": ""}


@pytest.mark.parametrize(
    ("language", "time_zone", "shown"),
    [
        ("", "", "3 Jul 2026, 22:30 UTC"),
        ("en", "Europe/Berlin", "4 Jul 2026, 00:30 CEST"),
        ("en-us", "America/New_York", "Jul 3, 2026, 6:30 PM EDT"),
        ("en", "America/Sao_Paulo", "3 Jul 2026, 19:30 UTC-03"),
    ],
)
def test_moments_are_told_in_the_persons_zone_and_form(
    mine: Client, person: User, language: str, time_zone: str, shown: str
) -> None:
    team = factories.make_team(person)
    clip = old_clip(team)
    answer = mine.post(reverse("accounts:display"), {**CHOICES, "language": language, "time_zone": time_zone})
    assert answer.status_code == 302

    html = mine.get(clip.get_absolute_url()).content.decode()

    assert f">{shown}</time>" in html


def old_clip(team: Team) -> Generation:
    factories.give_credits(team)
    clip = factories.make_generation(team, image=picture_of(team))
    Generation.objects.filter(pk=clip.pk).update(created_at=datetime(2026, 7, 3, 22, 30, tzinfo=UTC))
    return clip


def test_without_a_choice_the_browsers_language_decides_how_dates_look(mine: Client) -> None:
    html = mine.get(reverse("accounts:display"), headers={"accept-language": "en-US"})

    assert html["Content-Language"] == "en-us"
    assert "Accept-Language" in html["Vary"]


@pytest.mark.parametrize(
    "wrong", [{"theme": "neon"}, {"language": "xx"}, {"time_zone": "Mars/Base"}, {"time_zone": "../etc"}]
)
def test_what_there_is_not_cannot_be_chosen(mine: Client, person: User, wrong: dict[str, str]) -> None:
    answer = mine.post(reverse("accounts:display"), {**CHOICES, **wrong})

    assert answer.status_code == 422
    assert f'id="id_{next(iter(wrong))}-error"' in answer.content.decode()
    person.refresh_from_db()
    assert (person.theme, person.language, person.time_zone) == ("", "", "")


def test_a_zone_that_no_longer_exists_is_utc(mine: Client, person: User) -> None:
    User.objects.filter(pk=person.pk).update(time_zone="Europe/Atlantis")

    assert "UTC" in page(mine, "accounts:display")


def test_the_api_tells_utc_whoever_is_signed_in_beside(mine: Client, person: User) -> None:
    User.objects.filter(pk=person.pk).update(time_zone="Asia/Tokyo")
    team = factories.make_team(person)
    clip = old_clip(team)
    _, plain = make_key(team, person)
    program = ApiClient(plain)
    program.client = mine

    assert program.get(f"/generations/{clip.pk}").json()["created_at"] == "2026-07-03T22:30:00Z"
