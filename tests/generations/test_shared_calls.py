"""What fal may say to calls that serve many jobs: sending a picture, asking for the webhook keys."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from generations import fal_gateway
from generations.services import dispatch
from tests.faults.cases import NO_EVIDENCE
from tests.support import flow
from tests.support.factories import make_generation

NAMES = [name for name, _ in NO_EVIDENCE]
ANSWERS = dict(NO_EVIDENCE)


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES)
def test_a_picture_that_was_not_taken_is_sent_again(fal, team, name):
    job = make_generation(team)
    fal.rule(**{"step": "upload", **ANSWERS[name], "times": 1})

    flow.dispatch_all()
    job.refresh_from_db()
    if name != "delay":
        assert job.status == "queued"
        assert fal.requests() == []
        assert dispatch.dispatch_next(clock=lambda: timezone.now() + timedelta(seconds=40))

    assert flow.finish(job).status == "succeeded"
    assert len(fal.requests()) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES)
def test_keys_that_cannot_be_read_are_no_keys(fal, name):
    cache.clear()
    fal.rule(**{"step": "jwks", **ANSWERS[name], "times": 1})
    try:
        first = fal_gateway.fetch_webhook_keys()
    except fal_gateway.FalError:
        first = []

    assert bool(first) is (name == "delay")
    assert fal_gateway.fetch_webhook_keys()
