"""Handing jobs to fal: windows, refusals, lost answers, and never two requests for one job."""

import time
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from billing.services import balance_of, find_violations, hold_of
from generations.models import GenerationEvent, Image, SubmissionState
from generations.services import dispatch, recovery, sweep
from tests.support import flow
from tests.support.factories import make_generation, make_image

pytestmark = pytest.mark.django_db


def later(*, hours: float):
    return timezone.now() + timedelta(hours=hours)


def recover(generation, *, seconds: float = 3600):
    """What the sweep's task does once the wait for a lost answer is over."""
    recovery.recover_dispatch(generation_id=generation.pk, now=timezone.now() + timedelta(seconds=seconds))
    generation.refresh_from_db()


def test_the_window_bounds_what_is_at_fal_and_the_oldest_goes_first(fal, team, settings):
    settings.FAL_MAX_IN_FLIGHT = 2
    image = make_image(team)
    waiting = [make_generation(team, image=image, seed=seed) for seed in range(3)]

    assert flow.dispatch_all() == 2

    states = [type(row).objects.get(pk=row.pk).status for row in waiting]
    assert states == ["processing", "processing", "queued"]


def test_a_claim_takes_two_statements_however_many_wait(fal, team, django_assert_num_queries):
    """While one is made, no other worker can make one."""
    image = make_image(team)
    for seed in range(5):
        make_generation(team, image=image, seed=seed)

    with django_assert_num_queries(2):
        claimed = dispatch.claim_next(timezone.now())
        assert claimed.generation.status == "dispatching"
        assert claimed.generation.image == image


def test_a_picture_used_twice_travels_once(fal, team):
    image = make_image(team)
    make_generation(team, image=image, seed=1)
    make_generation(team, image=image, seed=2)

    flow.dispatch_all()

    assert len({request["input"]["image_url"] for request in fal.requests()}) == 1


def test_a_lost_answer_is_found_in_fals_list(fal, team):
    fal.rule("submit", "drop_after", times=1)
    generation = make_generation(team)
    flow.dispatch_all()

    recover(generation)

    assert generation.status == "processing"
    assert flow.finish(generation).status == "succeeded"
    assert len(fal.requests()) == 1


@pytest.mark.parametrize(
    "answer",
    [{}, {"items": None}, {"items": [7]}, {"items": [{"json_input": {}}]}, {"items": [], "next_cursor": 7}],
)
def test_a_list_that_cannot_be_read_does_not_say_that_nothing_arrived(fal, team, answer):
    fal.rule("submit", "drop_after", times=1)
    fal.rule("list", "wrong_type", body=answer, times=1)
    generation = make_generation(team)
    flow.dispatch_all()

    recover(generation, seconds=3600)
    assert generation.status == "dispatching"

    recover(generation, seconds=7200)
    assert generation.status == "processing"
    assert len(fal.requests()) == 1


def test_twins_with_equal_input_each_get_their_own_lost_request(fal, team):
    fal.rule("submit", "drop_after", times=2)
    image = make_image(team)
    twins = [make_generation(team, image=image, seed=5) for _ in range(2)]
    flow.dispatch_all()

    for twin in twins:
        recover(twin)

    names = {twin.submissions.get().request_id for twin in twins}
    assert len(names) == 2
    assert len(fal.requests()) == 2


def test_a_request_that_never_arrived_is_sent_once_more_and_then_given_up(fal, team):
    fal.rule("submit", "drop_before", times=5)
    generation = make_generation(team)
    for hour, expected in ((1, "queued"), (3, "failed")):
        dispatch.dispatch_next(clock=partial(later, hours=hour))
        recover(generation, seconds=(hour + 1) * 3600)
        assert generation.status == expected

    assert generation.failure_code == "provider_silent"
    assert generation.submissions.count() == 2
    assert hold_of(generation.pk).released == generation.price
    assert fal.requests() == []


def test_a_young_lost_request_is_waited_for(fal, team):
    fal.rule("submit", "drop_before", times=1)
    generation = make_generation(team)
    flow.dispatch_all()
    time.sleep(1.1)

    recover(generation, seconds=0)

    assert generation.status == "dispatching"
    assert generation.due_at > timezone.now()


def test_a_worker_that_died_before_sending_costs_nothing(fal, team):
    generation = make_generation(team)
    claimed = dispatch.claim_next(timezone.now())
    assert claimed is not None

    recover(generation)

    assert generation.status == "queued"
    assert generation.submissions.get().state == SubmissionState.ABANDONED
    assert fal.requests() == []


def test_late_evidence_for_an_abandoned_request_is_adopted(fal, team):
    """fal's list was blind for a while; then the webhook names the token after all."""
    fal.rule("submit", "drop_after", times=1)
    fal.rule("list", "hide")
    generation = make_generation(team)
    flow.dispatch_all()
    recover(generation)
    assert generation.status == "queued"
    (request,) = fal.requests()
    submission = generation.submissions.get()

    ticket = dispatch.fal_gateway.Ticket(request["request_id"])
    assert dispatch.accept(submission_id=submission.pk, ticket=ticket, now=timezone.now())

    assert flow.finish(generation).status == "succeeded"
    assert len(fal.requests()) == 1


@pytest.mark.parametrize("status", [401, 403, 429])
def test_account_trouble_keeps_job_and_hold(fal, team, status):
    fal.rule("submit", "http", status=status, times=1)
    generation = make_generation(team)

    flow.dispatch_all()

    generation.refresh_from_db()
    assert generation.status == "queued"
    assert generation.due_at > timezone.now()
    assert balance_of(team).held == generation.price


def test_fal_out_of_reach_keeps_job_and_hold(fal, team, settings):
    settings.FAL_QUEUE_URL = "http://127.0.0.1:9/queue"
    generation = make_generation(team)

    flow.dispatch_all()

    generation.refresh_from_db()
    assert generation.status == "queued"
    assert generation.submissions.get().state == SubmissionState.REFUSED


def test_a_job_past_its_start_deadline_expires_and_pays_nothing(fal, team):
    generation = make_generation(team)
    type(generation).objects.filter(pk=generation.pk).update(start_deadline=timezone.now())

    flow.dispatch_all()
    sweep.enqueue_due(now=timezone.now())

    generation.refresh_from_db()
    assert generation.status == "expired"
    assert balance_of(team).available == 10_000_000
    assert fal.requests() == []


def test_the_sweep_wakes_what_is_due_and_not_twice_at_once(fal, team, django_capture_on_commit_callbacks):
    make_generation(team)
    now = timezone.now()

    assert sweep.enqueue_due(now=now) == 1
    assert sweep.enqueue_due(now=now) == 0
    assert sweep.enqueue_due(now=now + timedelta(seconds=20)) == 1


def test_events_tell_the_whole_story(fal, team):
    fal.rule("submit", "http", status=503, times=1)
    fal.rule("upload", "http", status=503, times=1)
    generation = make_generation(team)
    flow.dispatch_all()

    notes = GenerationEvent.objects.filter(generation=generation).values_list("to_status", "note")

    assert list(notes) == [("queued", ""), ("dispatching", ""), ("queued", "fal did not accept (503)")]
    assert not Image.objects.get(pk=generation.image_id).fal_url
    assert find_violations() == []
