"""Saving what fal delivered: what is kept, and what happens when the file, the disk or the worker is bad."""

import hashlib
import json
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import av
import httpx
import pytest
from django.utils import timezone
from django_q.models import OrmQ

from billing.services import balance_of, find_violations, hold_of
from generations.models import Generation
from generations.recipe import recipe_of
from generations.services import completion, saving, sweep
from generations.states import Status
from tests.support import flow
from tests.support.factories import make_generation

pytestmark = pytest.mark.django_db


class Clock:
    """Time as the services see it; a test moves it on."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self):
        return timezone.now() + self.ahead

    def skip(self, **span: float) -> None:
        self.ahead += timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def rendered(team) -> Generation:
    """A clip that fal has finished and nobody has asked for yet."""
    generation = make_generation(team)
    flow.dispatch_all()
    while flow.poll_once() != ["COMPLETED"]:
        pass
    return generation


def attempt(generation: Generation, clock: Callable) -> Generation:
    completion.finish_generation(generation_id=generation.pk, clock=clock)
    generation.refresh_from_db()
    return generation


def attempts_until_the_end(generation: Generation, clock: Clock) -> int:
    for number in range(1, 10):
        if attempt(generation, clock).is_terminal:
            return number
        clock.skip(minutes=1)
    raise AssertionError(f"still {generation.status}")


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "clips").rglob("*.*"))


def packets(content: bytes) -> list[bytes]:
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        file.write(content)
        file.flush()
        with av.open(file.name) as container:
            return [bytes(packet) for packet in container.demux(container.streams.video[0]) if packet.size]


# -- what is kept


def test_our_file_is_fal_s_stream_with_the_recipe_inside(fal, team, clock):
    clip = attempt(rendered(team), clock)

    theirs = httpx.get(clip.submissions.get().output["video"]["url"], trust_env=False).content
    with clip.video.open() as file:
        ours = file.read()
    assert hashlib.sha256(theirs).hexdigest() == clip.source_sha256
    assert (hashlib.sha256(ours).hexdigest(), len(ours)) == (clip.video_sha256, clip.video_size)
    assert packets(ours) == packets(theirs)
    with av.open(clip.video.path) as container:
        inside = json.loads(container.metadata["comment"])
    served = recipe_of(clip)
    delivered = inside.pop("delivered")
    assert inside == {name: value for name, value in served.items() if name != "delivered"}
    assert (
        delivered.items()
        >= {
            name: served["delivered"][name] for name in ("source_sha256", "frames", "width", "height")
        }.items()
    )


def test_what_was_measured_stands_in_the_row(fal, team, clock):
    clip = attempt(rendered(team), clock)

    assert (clip.frames, clip.width, clip.height, clip.duration_ms) == (9, 848, 480, 375)
    assert clip.attempts == 0


def test_a_ready_clip_is_due_for_its_previews_and_enqueues_them(
    fal, team, clock, django_capture_on_commit_callbacks
):
    generation = rendered(team)
    OrmQ.objects.all().delete()

    with django_capture_on_commit_callbacks(execute=True):
        clip = attempt(generation, clock)

    assert saving.DRAW_PREVIEWS in [message.task["func"] for message in OrmQ.objects.filter(key="media")]
    assert clip.due_at is not None
    assert sweep.enqueue_due(now=timezone.now()) == 1


# -- a bad file


@pytest.mark.parametrize(
    ("fault", "options", "code"),
    [
        ("not_mp4", {}, "result_broken"),
        ("http", {"status": 404}, "result_missing"),
        ("http", {"status": 410}, "result_missing"),
    ],
)
def test_a_bad_file_is_fetched_three_times_and_then_costs_nothing(fal, team, clock, fault, options, code):
    fal.rule("media", fault, **options)
    generation = rendered(team)

    assert attempts_until_the_end(generation, clock) == 3

    assert (generation.status, generation.failure_code) == (Status.FAILED, code)
    assert hold_of(generation.hold_attempt).released == generation.price
    assert balance_of(team).available == 10_000_000


@pytest.mark.parametrize(("fault", "options"), [("not_mp4", {}), ("http", {"status": 404})])
def test_a_file_that_was_only_bad_for_a_while_is_delivered(fal, team, clock, fault, options):
    fal.rule("media", fault, times=2, **options)

    generation = rendered(team)

    assert attempts_until_the_end(generation, clock) == 3
    assert generation.status == Status.SUCCEEDED


def test_an_endless_file_is_cut_off_and_never_published(fal, team, clock, settings, media_root):
    settings.RESULT_MAX_BYTES = 300_000
    fal.rule("media", "endless")
    generation = rendered(team)

    attempts_until_the_end(generation, clock)

    assert (generation.status, generation.failure_code) == (Status.FAILED, "result_broken")
    assert files_in(media_root) == []


def test_a_new_try_waits_for_its_time(fal, team, clock):
    fal.rule("media", "not_mp4", times=1)
    generation = attempt(rendered(team), clock)

    assert attempt(generation, clock).status == Status.FINALIZING
    clock.skip(seconds=3)
    assert attempt(generation, clock).status == Status.SUCCEEDED


# -- trouble that passes


@pytest.mark.parametrize(
    ("fault", "options"),
    [("http", {"status": 503}), ("drop", {}), ("truncated", {}), ("http", {"status": 429})],
)
def test_while_fal_s_files_cannot_be_fetched_the_clip_waits_and_does_not_fail(
    fal, team, clock, fault, options
):
    rule = fal.rule("media", fault, **options)
    generation = rendered(team)

    for _ in range(6):
        assert attempt(generation, clock).status == Status.FINALIZING
        assert generation.due_at <= clock() + timedelta(minutes=5)
        clock.skip(hours=1)
    assert balance_of(team).held == generation.price
    fal.http().delete(f"{fal.url}/control/rules/{rule}")

    assert attempt(generation, clock).status == Status.SUCCEEDED


def test_a_slow_file_is_given_up_for_now(fal, team, clock):
    def late():
        clock.skip(seconds=300)
        return clock()

    generation = rendered(team)

    assert attempt(generation, late).status == Status.FINALIZING
    clock.skip(minutes=10)
    assert attempt(generation, clock).status == Status.SUCCEEDED


def test_after_a_day_the_job_fails_and_the_money_comes_back(fal, team, clock):
    fal.rule("media", "http", status=503)
    generation = attempt(rendered(team), clock)

    clock.skip(hours=25)
    attempt(generation, clock)

    assert (generation.status, generation.failure_code) == (Status.FAILED, "result_missing")
    assert balance_of(team).available == 10_000_000


def no_space(_name: str) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("part", [".mp4", ".jpg"])
def test_while_the_disk_is_full_the_clip_waits_and_leaves_no_file(
    fal, team, clock, media_root, before_save, part
):
    before_save(lambda name: no_space(name) if name.startswith("clips/") and name.endswith(part) else None)
    generation = rendered(team)

    for _ in range(5):
        assert attempt(generation, clock).status == Status.FINALIZING
        clock.skip(hours=2)
    assert files_in(media_root) == []
    before_save(lambda _name: None)

    assert attempt(generation, clock).status == Status.SUCCEEDED
    assert len(files_in(media_root)) == 2


def test_a_disk_that_stays_full_is_named_in_the_end(fal, team, clock, before_save):
    generation = rendered(team)
    before_save(no_space)
    attempt(generation, clock)

    clock.skip(hours=25)
    attempt(generation, clock)

    assert (generation.status, generation.failure_code) == (Status.FAILED, "storage_unavailable")
    assert balance_of(team).available == 10_000_000


# -- a worker that dies


class Killed(BaseException):
    """What kill -9 leaves of a function."""


def die(_name: str) -> None:
    raise Killed


def test_work_that_kills_its_worker_is_tried_three_times(fal, team, clock, before_save):
    generation = rendered(team)
    before_save(die)

    for _ in range(3):
        with pytest.raises(Killed):
            attempt(generation, clock)
        clock.skip(minutes=1)
    before_save(lambda _name: None)
    attempt(generation, clock)

    assert (generation.status, generation.failure_code) == (Status.FAILED, "internal_error")
    assert balance_of(team).available == 10_000_000
    assert find_violations() == []


def test_a_worker_that_died_twice_is_replaced(fal, team, clock, before_save):
    generation = rendered(team)
    before_save(die)
    for _ in range(2):
        with pytest.raises(Killed):
            attempt(generation, clock)
        clock.skip(minutes=1)
    before_save(lambda _name: None)

    assert attempt(generation, clock).status == Status.SUCCEEDED


def test_trouble_does_not_count_as_a_death(fal, team, clock, before_save):
    generation = rendered(team)
    before_save(no_space)
    for _ in range(5):
        attempt(generation, clock)
        clock.skip(hours=1)

    generation.refresh_from_db()
    assert generation.attempts == 0
