"""Clicks, dispatchers and savers racing for the same clip: one clip, one hold, one request, one capture."""

from functools import partial

import pytest
from django.utils import timezone

from billing.models import Hold
from billing.services import balance_of, find_violations
from generations.models import Generation, Submission
from generations.parameters import ClipParams
from generations.services import SubmitResult, cancel_generation, completion, dispatch, submit_generation
from tests.concurrency.racing import race
from tests.support import flow
from tests.support.factories import actor_for, give_credits, make_generation, make_image, make_team
from tests.support.sandbox_process import sandbox_server

pytestmark = [pytest.mark.concurrency, pytest.mark.usefixtures("cloned_database")]


@pytest.fixture
def team(cloned_database):
    team = make_team()
    give_credits(team, 100_000)
    return team


@pytest.fixture
def fal(settings):
    with sandbox_server() as handle:
        for name, value in handle.fal_settings.items():
            setattr(settings, name, value)
        yield handle


def submit(actor, image, key):
    return submit_generation(
        actor=actor,
        image_id=image.pk,
        params=ClipParams(prompt="A boat", num_frames=9, resolution="480p"),
        idempotency_key=key,
    )


def test_one_click_sent_fifty_times_makes_one_clip(team):
    image, actor = make_image(team), actor_for(team)

    results = race([partial(submit, actor, image, "same key")] * 50)

    assert {type(result) for result in results} == {SubmitResult}
    assert len({result.generation.pk for result in results}) == 1
    assert sum(not result.replayed for result in results) == 1
    assert Hold.objects.count() == 1
    assert balance_of(team).held == 7_500


def test_racing_clips_never_spend_credit_twice(team):
    """$0.10 pays for 13 clips of $0.0075."""
    image, actor = make_image(team), actor_for(team)

    results = race([partial(submit, actor, image, f"key {number}") for number in range(20)])

    granted = [result for result in results if isinstance(result, SubmitResult)]
    assert len(granted) == 13
    assert Generation.objects.count() == 13  # refused ones left no row behind
    assert balance_of(team).available == 100_000 - 13 * 7_500
    assert find_violations() == []


def test_racing_dispatchers_keep_the_window_and_send_each_job_once(team, fal, settings):
    settings.FAL_MAX_IN_FLIGHT = 3
    image = make_image(team)
    for number in range(6):
        make_generation(team, image=image, seed=number)

    race([partial(dispatch.dispatch_next, clock=timezone.now)] * 8)

    assert Generation.objects.filter(status="processing").count() == 3
    assert len(fal.requests()) == Submission.objects.count() == 3


def test_racing_savers_publish_once(team, fal, media_root):
    generation = make_generation(team)
    flow.dispatch_all()
    while flow.poll_once() != ["COMPLETED"]:
        pass

    race([partial(completion.finish_generation, generation_id=generation.pk, clock=timezone.now)] * 6)

    generation.refresh_from_db()
    assert generation.status == "succeeded"
    assert len(list((media_root / "clips").rglob("*.mp4"))) == 1
    assert Hold.objects.get().captured == 7_500
    assert find_violations() == []


def test_cancel_against_dispatch_settles_once(team, fal):
    image, actor = make_image(team), actor_for(team)
    for number in range(8):
        generation = make_generation(team, image=image, seed=number)
        race(
            [
                partial(cancel_generation, actor=actor, generation_id=generation.pk),
                partial(dispatch.dispatch_next, clock=timezone.now),
            ]
        )

    for generation in Generation.objects.exclude(status="canceled"):
        flow.finish(generation)
    assert not Hold.objects.filter(state="open").exists()
    assert find_violations() == []
