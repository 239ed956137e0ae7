"""When a clip will be ready: from history, from the line, and how right that was."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.core.cache import caches
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Team
from generations.eta_words import range_words
from generations.models import BreakerState, FalKey, Generation, Image, TeamLine
from generations.parameters import ClipParams
from generations.services import eta
from generations.services.editing import edit_generation
from generations.services.eta_error import eta_errors
from generations.services.queueing import pause_generation
from generations.states import Status
from tests.contracts.world import browser_of, picture_of
from tests.support import factories
from tests.support.api import api_for

pytestmark = pytest.mark.django_db

NOW = timezone.now()
SLOTS = 4


@pytest.fixture(autouse=True)
def _as_new(settings) -> Iterator[None]:
    settings.FAL_KEYS = []
    settings.FAL_KEY = "id:secret"
    settings.FAL_MAX_IN_FLIGHT = SLOTS
    settings.ETA_PRIOR_SECONDS = 40
    look_again()
    yield
    look_again()


def look_again() -> None:
    """Forget what is kept for some seconds."""
    caches["local"].delete_many(["eta:times", "eta:line"])


@pytest.fixture
def team() -> Team:
    return factories.make_team()


@pytest.fixture
def image(team: Team) -> Image:
    return picture_of(team)


def params(**changes: object) -> ClipParams:
    return ClipParams(**{"prompt": "Waves", "num_frames": 121, **changes})


def row(image: Image, status: Status, *, like: ClipParams | None = None, **columns: object) -> Generation:
    """A clip as it would stand in the table, without money."""
    like = like or params()
    made = Generation(
        team=image.team,
        image=image,
        params=like.as_json(),
        status=status,
        idempotency_key=uuid4().hex,
        price=1,
        start_deadline=NOW + timedelta(days=1),
        eta_bucket=eta.bucket_of(like),
        **columns,
    )
    made.save(force_insert=True)
    return made


def ready(image: Image, seconds: float, *, like: ClipParams | None = None, ago: float = 60) -> Generation:
    """A clip that fal and saving took so long for."""
    ended = NOW - timedelta(seconds=ago)
    sent = ended - timedelta(seconds=seconds)
    moments = {"created_at": sent, "sent_at": sent, "ended_at": ended}
    return row(image, Status.SUCCEEDED, like=like, video="a.mp4", **moments)


def said(clip: Generation, place: int | None = None, now: datetime = NOW) -> eta.Eta | None:
    look_again()
    places = {clip.pk: place} if place else {}
    return eta.expected_of([clip], places, now=now).get(clip.pk)


# -- history


def test_kinds_are_told_apart_by_resolution_passes_and_length() -> None:
    assert eta.bucket_of(params()) == "720p-1x-121"
    assert eta.bucket_of(params(num_frames=122)) == "720p-1x-257"
    assert eta.bucket_of(params(num_frames=9, resolution="480p")) == "480p-1x-57"
    assert eta.bucket_of(params(num_frames=1441, enable_detail_pass=True)) == "720p-2x-1441"


def test_without_any_history_the_setting_decides(image: Image) -> None:
    assert eta.expected(image.team, params()) == eta.Eta(30, 40, 57)
    longer = eta.expected(image.team, params(num_frames=257, enable_detail_pass=True))
    smaller = eta.expected(image.team, params(resolution="480p"))
    assert longer.typical > 100
    assert smaller.typical == 24


def test_the_last_fifty_clips_of_the_kind_decide(image: Image) -> None:
    for number in range(50):
        ready(image, 20 + number % 11, ago=number)
    for number in range(10):
        ready(image, 500, ago=100 + number)  # long ago
    ready(image, 300, like=params(num_frames=9))  # another kind

    assert eta.expected(image.team, params()) == eta.Eta(22, 24, 28)


def test_a_kind_without_history_is_judged_by_the_others(image: Image) -> None:
    for _ in range(5):
        ready(image, 80)  # twice as long as assumed

    assert eta.expected(image.team, params()).typical == 80
    assert eta.expected(image.team, params(resolution="480p")).typical == 48
    look = {clip: eta.expected(image.team, params(num_frames=clip)).typical for clip in (57, 257)}
    assert look[57] < 80 < look[257]
    assert look[257] == pytest.approx(2 * 40 * (0.25 + 0.75 * 257 / 121), abs=1)


# -- on the way


def test_what_is_rendering_has_the_less_to_go_the_longer_it_runs(image: Image) -> None:
    for seconds in (30, 40, 50, 60, 70):
        ready(image, seconds)
    sent = row(image, Status.PROCESSING, sent_at=NOW)

    assert said(sent) == eta.Eta(38, 50, 62)
    assert said(sent, now=NOW + timedelta(seconds=45)) == eta.Eta(9, 15, 21)  # of 50, 60 and 70
    assert said(sent, now=NOW + timedelta(seconds=71)).is_overdue


def test_who_waits_in_line_waits_for_places_first(image: Image) -> None:
    for _ in range(5):
        ready(image, 40)
    waiting = row(image, Status.QUEUED)

    assert said(waiting, place=SLOTS) == eta.Eta(40, 40, 40)
    # Twenty jobs for four places, each free again after 40 s.
    assert said(waiting, place=SLOTS + 20).typical == 200 + 40
    for _ in range(SLOTS):
        row(image, Status.PROCESSING, sent_at=NOW)
    assert said(waiting, place=20) == eta.Eta(160 + 40, 200 + 40, 250 + 40)


def test_who_gets_no_turn_gets_no_promise(image: Image) -> None:
    assert said(row(image, Status.QUEUED, paused_at=NOW), place=1) is None
    assert said(row(image, Status.IN_REVIEW)) is None
    assert said(ready(image, 40)) is None
    FalKey.objects.create(name="main", breaker=BreakerState.OPEN)
    assert said(row(image, Status.QUEUED), place=1) is None
    assert eta.expected(image.team, params()) is None


def test_another_clip_stands_behind_its_teams_own_and_as_many_of_each_other(image: Image) -> None:
    for _ in range(5):
        ready(image, 40)
    others = [picture_of(factories.make_team()) for _ in range(3)]
    for each in [image, *others]:
        TeamLine.objects.create(team=each.team, ready_at=NOW)
        for _ in range(2 if each is image else 30):
            row(each, Status.QUEUED)
    look_again()

    # Its own two, three of each other team, itself: the twelfth, eight behind the free places.
    assert eta.expected(image.team, params()).typical == 8 * 40 / SLOTS + 40


def test_history_and_line_are_asked_once_for_many_clips(image: Image) -> None:
    clips = [row(image, Status.QUEUED) for _ in range(5)] + [row(image, Status.PROCESSING, sent_at=NOW)]
    look_again()
    with CaptureQueriesContext(connection) as queries:
        for _ in range(3):
            eta.expected_of(clips, {clip.pk: 1 for clip in clips}, now=NOW)

    assert len(queries) == 2


# -- what was said, and what came of it


def test_what_was_said_is_kept_with_the_clip(team: Team, image: Image) -> None:
    factories.give_credits(team)

    clip = factories.make_generation(team, image=image, num_frames=121, resolution="720p")

    clip.refresh_from_db()
    assert clip.eta_bucket == "720p-1x-121"
    assert (clip.eta_low_seconds, clip.eta_seconds, clip.eta_high_seconds) == (30, 40, 57)


def test_with_steady_times_the_error_is_small(image: Image) -> None:
    """Four hundred clips of three kinds on four places, in bursts of forty; a simulation with its own clock."""
    chance = random.Random(4)
    kinds = {params(num_frames=57): 20, params(): 40, params(enable_detail_pass=True): 75}
    TeamLine.objects.create(team=image.team, ready_at=NOW)
    free_at = [NOW] * SLOTS
    for burst in range(10):
        moment = max(NOW, *free_at) if burst else NOW
        orders = [chance.choice(list(kinds)) for _ in range(40)]
        # In review, so that they do not wait before themselves.
        clips = [row(image, Status.IN_REVIEW, like=like, created_at=moment) for like in orders]
        look_again()
        eta.predict(clips)
        for clip, like in zip(clips, orders, strict=True):
            place = free_at.index(min(free_at))
            sent = max(free_at[place], moment)
            free_at[place] = sent + timedelta(seconds=kinds[like] * chance.uniform(0.85, 1.15))
            clip.status, clip.video, clip.sent_at, clip.ended_at = "succeeded", "a.mp4", sent, free_at[place]
        Generation.objects.bulk_update(
            clips,
            ["status", "video", "sent_at", "ended_at", "eta_seconds", "eta_low_seconds", "eta_high_seconds"],
        )

    # The first burst knows nothing yet; it counts all the same.
    overall, *by_kind = eta_errors(since=NOW)
    assert (overall.bucket, overall.clips) == ("", 400)
    assert overall.median < 0.25
    assert overall.within > 0.5
    assert {error.bucket for error in by_kind} == {"720p-1x-57", "720p-1x-121", "720p-2x-121"}
    assert all(error.median < 0.25 for error in by_kind)


def test_the_command_shows_the_error(image: Image, capsys) -> None:
    call_command("eta_error")
    assert "No clip" in capsys.readouterr().out
    for seconds in (20, 40, 80):
        clip = ready(image, seconds)
        Generation.objects.filter(pk=clip.pk).update(eta_seconds=40, eta_low_seconds=30, eta_high_seconds=50)

    call_command("eta_error", days=1)

    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["all", "3", "50%", "33%"]
    assert lines[2].split() == ["720p-1x-121", "3", "50%", "33%"]
    assert lines[3] == "The goal is a median error under 25%: beyond."


def test_who_pauses_or_changes_a_clip_is_told_nothing_that_would_be_measured(
    team: Team, image: Image
) -> None:
    factories.give_credits(team)
    actor = factories.actor_for(team)
    paused, edited = (factories.make_generation(team, image=image) for _ in range(2))

    pause_generation(actor=actor, generation_id=paused.pk)
    edit_generation(actor=actor, generation_id=edited.pk, params=params(resolution="480p"))

    for clip, bucket in ((paused, "480p-1x-57"), (edited, "480p-1x-121")):
        clip.refresh_from_db()
        assert (clip.eta_bucket, clip.eta_seconds, clip.eta_low_seconds) == (bucket, None, None)


# -- where people and programs read it


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (1, 4, "1 s to 4 s"),
        (38, 71, "40 s to 1 min 10 s"),
        (41, 42, "about 40 s"),
        (58, 130, "1 min to 2 min 10 s"),
        (700, 2000, "12 min to 33 min"),
        (3700, 9000, "1 h to 2 h 30 min"),
    ],
)
def test_ranges_are_told_in_round_figures(low: int, high: int, words: str) -> None:
    assert range_words(eta.Eta(low, low, high)) == words


def test_pages_and_api_say_when_a_clip_will_be_ready(team: Team, image: Image) -> None:
    for _ in range(5):
        ready(image, 60)
    factories.give_credits(team)
    browser, api = browser_of(factories.owner_of(team)), api_for(team)
    look_again()

    form = browser.get(f"/t/{team.slug}/create/").content.decode()
    clip = factories.make_generation(team, image=image, num_frames=121, resolution="720p")
    page = browser.get(clip.get_absolute_url()).content.decode()
    tiles = browser.get(f"/t/{team.slug}/clips/").content.decode()

    assert "Ready in about 1 min" in form
    assert "Ready in about 1 min." in page
    assert "Ready in about 1 min" in tiles
    assert api.get(f"/generations/{clip.pk}").json()["eta"] == {"low": 60, "high": 60}
    Generation.objects.filter(pk=clip.pk).update(status=Status.PROCESSING, sent_at=NOW - timedelta(hours=1))
    late = browser.get(clip.get_absolute_url()).content.decode()
    assert "Taking longer than usual." in late
    answer = api.get(f"/generations/{clip.pk}")
    assert answer.json()["eta"] is None
    assert api.get(f"/generations/{clip.pk}", If_None_Match=answer["ETag"]).status_code == 304


def test_staff_see_how_right_it_was(image: Image) -> None:
    staff = browser_of(factories.make_user(is_staff=True))
    path = reverse("admin:generations_generation_expected_times")
    assert "No clip with an expected time" in staff.get(path).content.decode()
    clip = ready(image, 50)
    Generation.objects.filter(pk=clip.pk).update(eta_seconds=40, eta_low_seconds=30, eta_high_seconds=60)

    page = staff.get(path)

    assert page.status_code == 200
    words = " ".join(page.content.decode().split())
    assert "720p-1x-121" in words
    assert "20%" in words
    assert path in staff.get(reverse("admin:generations_generation_changelist")).content.decode()
