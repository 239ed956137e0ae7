"""Several fal keys, each with its window: no key has more than it may, and each job stays with its own."""

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from generations.models import BreakerState, FalKey, Generation
from generations.services import cancellation, dispatch, recovery, windows
from ltxplatform.env import NamedKey
from tests.support import flow
from tests.support.factories import actor_for, make_generation, make_image

pytestmark = pytest.mark.django_db


@pytest.fixture
def keys(fal, settings):
    settings.FAL_KEY = ""
    settings.FAL_KEYS = (NamedKey("first", "one:secret", 3), NamedKey("second", "two:secret", 2))
    return settings


@pytest.fixture
def jobs(team):
    image = make_image(team)
    return lambda count: [make_generation(team, image=image, seed=seed) for seed in range(count)]


def sent_with(fal) -> Counter:
    return Counter(request["key_id"] for request in fal.requests())


def test_no_key_has_more_jobs_than_it_may(fal, keys, jobs):
    jobs(7)

    assert flow.dispatch_all() == 5

    assert sent_with(fal) == {"one": 3, "two": 2}
    assert Counter(Generation.objects.filter(status="processing").values_list("fal_key", flat=True)) == {
        "first": 3,
        "second": 2,
    }
    assert windows.free_places(now=timezone.now()) == {"first": 0, "second": 0}


def test_each_job_is_followed_finished_and_canceled_with_its_own_key(fal, keys, team, jobs):
    done = jobs(4)
    flow.dispatch_all()

    assert [flow.finish(job).status for job in done] == ["succeeded"] * 4

    fal.control(queue_seconds=60)
    waiting = make_generation(team, seed=99)
    flow.dispatch_all()
    cancellation.cancel_generation(actor=actor_for(team), generation_id=waiting.pk)
    cancellation.cancel_at_fal(submission_id=waiting.submissions.get().pk)
    waiting.refresh_from_db()
    assert waiting.status == "canceled"


def test_the_other_key_goes_on_while_one_rests(fal, keys, jobs):
    fal.control(refused_keys=["one"])
    jobs(4)

    flow.dispatch_all()

    assert sent_with(fal) == {"two": 2}
    assert FalKey.objects.get(pk="first").breaker == BreakerState.OPEN
    assert not FalKey.objects.filter(pk="second").exists()


def test_a_lost_request_is_looked_for_in_its_own_keys_list(fal, keys, jobs):
    fal.rule("submit", "drop_after", key="two")
    jobs(5)
    flow.dispatch_all()

    for job in Generation.objects.filter(status="dispatching"):
        recovery.recover_dispatch(generation_id=job.pk, now=timezone.now() + timedelta(seconds=30))

    assert sent_with(fal) == {"one": 3, "two": 2}
    assert set(Generation.objects.values_list("status", flat=True)) == {"processing"}


def test_a_request_that_a_twin_took_is_not_adopted_twice(fal, keys, jobs, team):
    """Two names for one account, and two jobs with the same input whose answers were lost."""
    keys.FAL_KEYS = (NamedKey("first", "one:secret", 1), NamedKey("second", "one:secret", 1))
    fal.rule("submit", "drop_after")
    image = make_image(team)
    twins = [make_generation(team, image=image, seed=1) for _ in range(2)]
    flow.dispatch_all()

    for twin in twins:
        recovery.recover_dispatch(generation_id=twin.pk, now=timezone.now() + timedelta(seconds=30))

    found = {twin.submissions.get().request_id for twin in twins}
    assert found == {request["request_id"] for request in fal.requests()}
    assert len(found) == 2


def test_while_a_twin_is_being_sent_its_request_is_left_to_it(fal, team):
    image = make_image(team)
    lost, sending = (make_generation(team, image=image, seed=1) for _ in range(2))
    fal.rule("submit", "drop_before", times=1)
    dispatch.dispatch_next(clock=timezone.now)
    later = dispatch.claim_next(timezone.now())
    body = lost.submissions.get().body
    type(later).objects.filter(pk=later.pk).update(body=body)
    ticket = dispatch.fal_gateway.submit(key="main", body=body, webhook_url="")  # its answer is on its way

    recovery.recover_dispatch(generation_id=lost.pk, now=timezone.now() + timedelta(seconds=3))
    assert lost.submissions.get().request_id is None

    assert dispatch.accept(submission_id=later.pk, ticket=ticket, now=timezone.now())
    sending.refresh_from_db()
    assert sending.status == "processing"


def test_jobs_of_a_key_that_was_removed_are_kept(fal, keys, jobs, caplog):
    (job,) = jobs(1)
    flow.dispatch_all()
    keys.FAL_KEYS = (NamedKey("second", "two:secret", 2),)

    assert flow.poll_once() == ["?"]
    flow.completion.finish_generation(generation_id=job.pk, clock=timezone.now)
    job.refresh_from_db()
    assert job.status == "processing"
    assert "is not in FAL_KEYS" in caplog.text

    keys.FAL_KEYS = (NamedKey("first", "one:secret", 3),)
    assert flow.finish(job).status == "succeeded"
