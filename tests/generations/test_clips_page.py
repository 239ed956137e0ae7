"""The list of a team's clips: order, pages that do not shift, filters, and tiles that renew themselves."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from generations import pages
from generations.models import Generation
from generations.presentation import views_of
from generations.selectors import InvalidCursor, clips_of, page_after
from generations.services import eta
from generations.states import Status
from tests.contracts.world import picture_of
from tests.support import factories
from tests.support.stages import bring

HTMX = {"HX-Request": "true"}


@pytest.fixture
def client(team):
    browser = Client()
    browser.force_login(factories.owner_of(team))
    return browser


@pytest.fixture
def picture(team):
    return picture_of(team)


@pytest.fixture
def clips(team):
    return reverse("generations:clips", args=[team.slug])


@pytest.fixture
def updates(team):
    return reverse("generations:clip_updates", args=[team.slug])


def text_of(response) -> str:
    return unescape(response.content.decode())


def make(team, picture, count: int) -> list[Generation]:
    """Clips a minute apart, newest first, as the list shows them."""
    made = [
        factories.make_generation(team, image=picture, prompt=f"Clip {number}") for number in range(count)
    ]
    for age, clip in enumerate(reversed(made)):
        Generation.objects.filter(pk=clip.pk).update(created_at=timezone.now() - timedelta(minutes=age + 1))
    return list(clips_of(team))


def watch(clip: Generation) -> str:
    [view] = views_of([clip])
    return f"{clip.pk}:{view.version}"


# -- pages by position


def test_pages_follow_one_another_and_end(team, picture):
    everything = make(team, picture, 5)

    first = page_after(clips_of(team), None, 2)
    second = page_after(clips_of(team), first.next_cursor, 2)
    third = page_after(clips_of(team), second.next_cursor, 2)

    assert [*first.rows, *second.rows, *third.rows] == everything
    assert third.next_cursor is None


def test_a_clip_that_arrives_meanwhile_shifts_nothing(team, picture):
    everything = make(team, picture, 4)
    first = page_after(clips_of(team), None, 2)

    factories.make_generation(team, image=picture)

    assert page_after(clips_of(team), first.next_cursor, 2).rows == everything[2:]


def test_clips_of_the_same_moment_are_neither_lost_nor_repeated(team, picture):
    make(team, picture, 5)
    Generation.objects.update(created_at=timezone.now())
    seen, cursor = [], None

    while True:
        page = page_after(clips_of(team), cursor, 2)
        seen += page.rows
        cursor = page.next_cursor
        if cursor is None:
            break

    assert seen == list(clips_of(team))


@pytest.mark.parametrize("cursor", ["x", "äöü", "bm90IGEgY3Vyc29y", "MjAyNi0wMS0wMSAx", "=" * 9])
def test_a_cursor_that_is_not_ours_is_refused(team, cursor):
    with pytest.raises(InvalidCursor):
        page_after(clips_of(team), cursor, 2)


def test_one_query_a_page(team, picture, django_assert_num_queries):
    make(team, picture, 3)

    with django_assert_num_queries(1):
        rows = page_after(clips_of(team), None, 2).rows
        assert [(row.team.name, row.image.width, row.created_by.email) for row in rows]


# -- the list


def test_an_empty_list_leads_to_the_first_clip(client, clips, team):
    page = text_of(client.get(clips))

    assert "No clips yet" in page
    assert reverse("generations:create", args=[team.slug]) in page


def test_who_may_only_look_is_not_sent_to_a_page_that_refuses(clips, team):
    browser = Client()
    browser.force_login(factories.make_member(team, "viewer"))

    page = text_of(browser.get(clips))

    assert "No clips yet" in page
    assert reverse("generations:create", args=[team.slug]) not in page.split("</header>")[1]
    home = reverse("generations:home", args=[team.slug])
    assert browser.get("/")["Location"] == home
    assert (
        reverse("generations:create", args=[team.slug])
        not in text_of(browser.get(home)).split("</header>")[1]
    )


def test_a_tile_says_what_matters(client, clips, team):
    clip = factories.make_generation(team, num_frames=121)
    bring(clip, Status.SUCCEEDED, duration_ms=5042)

    page = text_of(client.get(clips))

    for part in ("A boat drifts", "Ready", "5.04 s", "$0.1009", factories.owner_of(team).get_short_name()):
        assert part in page
    assert clip.get_absolute_url() in page


def test_older_clips_are_a_link_away(client, clips, team, picture, monkeypatch):
    monkeypatch.setattr(pages, "PAGE", 2)
    make(team, picture, 3)

    first = text_of(client.get(clips))
    [older] = re.findall(r'href="(\?cursor=[^"]+)"', first)
    second = text_of(client.get(clips + older))

    assert "Clip 2" in first
    assert "Clip 0" not in first
    assert "Clip 0" in second
    assert "Back to the newest" in second


def test_a_cursor_that_is_not_ours_leads_to_the_newest(client, clips):
    assert client.get(clips, {"cursor": "x"})["Location"] == clips


@pytest.mark.parametrize(
    ("chosen", "shown"),
    [
        ("", {"Clip 0", "Clip 1", "Clip 2"}),
        ("running", {"Clip 0"}),
        ("ready", {"Clip 1"}),
        ("ended", {"Clip 2"}),
        ("nonsense", {"Clip 0", "Clip 1", "Clip 2"}),
    ],
)
def test_a_filter_shows_its_clips_alone(client, clips, team, picture, chosen, shown):
    make(team, picture, 3)
    bring(clips_of(team).get(params__prompt="Clip 1"), Status.SUCCEEDED)
    bring(clips_of(team).get(params__prompt="Clip 2"), Status.FAILED, failure_code="provider_error")

    page = text_of(client.get(clips, {"status": chosen}))

    assert {name for name in ("Clip 0", "Clip 1", "Clip 2") if f">{name}<" in page} == shown


def test_a_filter_without_clips_says_how_to_leave_it(client, clips, team, picture):
    make(team, picture, 1)

    page = text_of(client.get(clips, {"status": "ready"}))

    assert "No clips match" in page
    assert f'href="{clips}"' in page


def test_a_clip_that_was_not_made_shows_no_price(client, clips, team, picture):
    [clip] = make(team, picture, 1)
    bring(clip, Status.FAILED, failure_code="provider_error")

    assert "$0.0075" not in text_of(client.get(clips))


# -- tiles that renew themselves


def test_a_page_without_running_clips_watches_nothing(client, clips, team, picture):
    [clip] = make(team, picture, 1)
    bring(clip, Status.SUCCEEDED)

    assert 'name="watch"' not in text_of(client.get(clips))


def test_unchanged_tiles_are_not_sent(client, updates, team, picture):
    [clip] = make(team, picture, 1)

    assert client.get(updates, {"watch": watch(clip)}, headers=HTMX).status_code == 204


def test_changed_tiles_alone_are_sent(client, updates, team, picture):
    newer, older = make(team, picture, 2)
    watched = [watch(newer), watch(older)]
    bring(newer, Status.PROCESSING, progress=50)

    # The older one has moved up in the line, which its tile says too.
    fragment = text_of(client.get(updates, {"watch": watched}, headers=HTMX))

    assert f'id="tile-{newer.pk}" hx-swap-oob="true"' in fragment
    assert "Rendering 50 %" in fragment
    assert f'value="{watch(Generation.objects.get(pk=newer.pk))}"' in fragment  # asked about from here on


def test_a_clip_that_is_ready_is_watched_no_more_and_the_balance_follows(client, updates, team, picture):
    [clip] = make(team, picture, 1)
    watched = watch(clip)
    bring(clip, Status.SUCCEEDED)

    fragment = text_of(client.get(updates, {"watch": watched}, headers=HTMX))

    assert 'name="watch"' not in fragment
    assert 'id="balance" hx-swap-oob="true"' in fragment


@pytest.mark.parametrize("watched", [[], ["nonsense"], ["x:y"], [f"{'0' * 32}:z"]])
def test_nothing_to_watch_is_nothing_new(client, updates, watched):
    assert client.get(updates, {"watch": watched}, headers=HTMX).status_code == 204


def test_another_teams_clips_cannot_be_watched(client, updates):
    other = factories.make_team()
    factories.give_credits(other)
    clip = factories.make_generation(other, image=picture_of(other))

    assert client.get(updates, {"watch": f"{clip.pk}:old"}, headers=HTMX).status_code == 204


def test_watching_many_asks_no_more(client, updates, team, picture, django_assert_num_queries, monkeypatch):
    # What all requests of a process share lasts through both, however slow the machine is.
    monkeypatch.setattr(eta, "LINE_SECONDS", 3600)
    monkeypatch.setattr(eta, "HISTORY_SECONDS", 3600)
    watched = [watch(clip) for clip in make(team, picture, 6)]
    client.get(updates, {"watch": watched}, headers=HTMX)

    with django_assert_num_queries(6):
        client.get(updates, {"watch": watched}, headers=HTMX)
