"""Credits held for longer than any job should take: fal is asked before anything is released."""

from datetime import timedelta

import pytest
from django.utils import timezone

from billing.models import Hold
from billing.services import find_violations, hold_of, overdue_holds
from generations.models import Generation
from generations.services import overdue
from tests.support import flow
from tests.support.factories import make_generation

pytestmark = pytest.mark.django_db
SOON = timedelta(seconds=1)


@pytest.fixture
def late(fal, team) -> Generation:
    """At fal for longer than its credits were meant to be held."""
    fal.control(queue_seconds=60)
    generation = make_generation(team)
    flow.dispatch_all()
    Hold.objects.filter(attempt=generation.hold_attempt).update(expires_at=timezone.now())
    return generation


def ask(generation: Generation, *, after: timedelta = SOON) -> Generation:
    overdue.ask_about_overdue(attempt=generation.hold_attempt, now=timezone.now() + after)
    generation.refresh_from_db()
    return generation


def test_what_fal_drops_when_asked_ends_and_is_released(fal, late):
    assert overdue_holds(now=timezone.now(), limit=9) == [late.hold_attempt]

    ask(late)

    assert (late.status, late.failure_code) == ("failed", "generation_timeout")
    assert fal.requests()[0]["cancelled"]
    assert hold_of(late.hold_attempt).released == late.price
    assert find_violations() == []


def test_what_fal_renders_on_is_delivered_and_paid(fal, team):
    fal.control(inference_seconds=2, cancel_lets_finish=True)
    generation = make_generation(team)
    flow.dispatch_all()
    while flow.poll_once() == ["IN_QUEUE"]:
        pass

    ask(generation)

    assert generation.status == "processing"
    assert hold_of(generation.hold_attempt).state == "open"
    assert flow.finish(generation).status == "succeeded"
    assert hold_of(generation.hold_attempt).captured == generation.price


def test_without_an_answer_the_credits_stay_held(fal, late):
    fal.rule("status", "http", status=500)

    ask(late)

    assert late.status == "processing"
    assert hold_of(late.hold_attempt).state == "open"
    assert overdue_holds(now=timezone.now() + timedelta(minutes=1), limit=9) == []  # asked again later
    assert overdue_holds(now=timezone.now() + timedelta(hours=1), limit=9) == [late.hold_attempt]


def test_after_a_week_without_any_answer_the_job_is_given_up(fal, late):
    fal.rule("status", "http", status=500)

    ask(late, after=timedelta(days=8))

    assert (late.status, late.failure_code) == ("failed", "provider_silent")


def test_a_job_that_waits_here_is_left_to_the_sweep(fal, team):
    generation = make_generation(team)

    assert ask(generation).status == "queued"
