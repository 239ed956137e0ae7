"""Clips canceled over the API."""

import pytest
from django.utils import timezone

from billing.services import balance_of
from generations.services.states import advance
from generations.states import Status
from tests.generations.api.clips import delivered
from tests.support.api import pointers
from tests.support.factories import make_generation
from tests.support.openapi import assert_described

pytestmark = pytest.mark.django_db


def test_a_waiting_clip_is_released_and_a_repeat_agrees(api, team):
    clip = make_generation(team)
    responses = [api.post(f"/generations/{clip.pk}/cancel") for _ in range(2)]

    for response in responses:
        assert response.status_code == 200
        assert response.json()["outcome"] == "released"
        assert response.json()["generation"]["status"] == "canceled"
        assert_described(response, "post", "/generations/{id}/cancel")
    assert balance_of(team).held == 0


def test_a_clip_at_fal_is_asked_for(api, team):
    clip = make_generation(team)
    for status in (Status.DISPATCHING, Status.PROCESSING):
        advance(generation_id=clip.pk, to=status, now=timezone.now())

    response = api.post(f"/generations/{clip.pk}/cancel")

    assert (response.status_code, response.json()["outcome"]) == (202, "pending_upstream")
    assert response.json()["generation"]["cancel_requested"]
    assert_described(response, "post", "/generations/{id}/cancel")


def test_a_delivered_clip_stays(api, team):
    clip = delivered(make_generation(team))

    response = api.post(f"/generations/{clip.pk}/cancel")

    assert (response.status_code, response.json()["code"]) == (409, "state_conflict")
    assert response.json()["outcome"] == "too_late"
    assert_described(response, "post", "/generations/{id}/cancel")


def test_it_takes_no_fields(api, team):
    clip = make_generation(team)

    assert pointers(api.post(f"/generations/{clip.pk}/cancel", {"why": "so"})) == ["/why"]
    assert api.post(f"/generations/{clip.pk}/cancel", {}).status_code == 200
