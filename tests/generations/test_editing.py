"""Changing a clip that waits: new input, new price and hold, the old place."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from billing.services import balance_of, find_violations, hold_of
from generations.models import Generation, SubmissionState
from generations.services import dispatch, places_in_line, recovery
from tests.contracts.world import browser_of
from tests.support import flow
from tests.support.api import api_for
from tests.support.factories import give_credits, make_generation, make_image, make_team, owner_of

pytestmark = pytest.mark.django_db
PRICE_OF_9 = 7_500


@pytest.fixture
def clip(team) -> Generation:
    return make_generation(team, key="first", num_frames=9)


def edit(clip: Generation, body: dict):
    return api_for(clip.team).client.patch(
        f"/api/v1/generations/{clip.pk}/input",
        body,
        content_type="application/json",
        headers=api_for(clip.team).headers,
    )


def test_an_edit_keeps_the_place_and_swaps_the_hold(fal, team, clip):
    behind = make_generation(team, image=clip.image)
    old = clip.hold_attempt

    answer = edit(clip, {"prompt": "Another boat", "num_frames": 121})

    assert answer.status_code == 200, answer.content
    clip.refresh_from_db()
    assert answer.json()["params"]["prompt"] == "Another boat"
    assert clip.params["resolution"] == "480p"  # what was not sent stays
    assert float(answer.json()["cost"]["quoted"]) == float(answer.json()["cost"]["held"]) == clip.price / 1e6
    assert clip.price > PRICE_OF_9
    assert hold_of(old).released == PRICE_OF_9
    assert hold_of(clip.hold_attempt).amount == clip.price
    assert balance_of(team).held == clip.price + behind.price
    assert places_in_line([clip, behind]) == {clip.pk: 1, behind.pk: 2}

    clip = flow.run(clip)
    (sent, _) = fal.requests()
    assert (sent["input"]["prompt"], sent["input"]["num_frames"]) == ("Another boat", 121)
    assert hold_of(clip.hold_attempt).captured == clip.price
    assert find_violations() == []


def test_another_picture(fal, team, clip):
    other = make_image(team, seed=2)

    assert edit(clip, {"image": str(other.pk)}).json()["image"] == str(other.pk)

    assert flow.run(clip).image == other
    assert hold_of(Generation.objects.get().hold_attempt).captured == PRICE_OF_9


def test_too_few_credits_change_nothing(fal):
    poor = make_team()
    give_credits(poor, PRICE_OF_9)
    clip = make_generation(poor, num_frames=9)
    before = Generation.objects.values().get()

    answer = edit(clip, {"num_frames": 121})

    assert (answer.status_code, answer.json()["code"]) == (402, "insufficient_credits")
    assert Generation.objects.values().get() == before
    assert hold_of(clip.hold_attempt).state == "open"
    assert edit(clip, {"num_frames": 9, "prompt": "As dear as before"}).status_code == 200
    assert find_violations() == []


def test_a_repeated_submission_still_finds_the_edited_clip(fal, team, clip):
    edit(clip, {"prompt": "Another boat"})

    again = make_generation(team, image=clip.image, key="first", num_frames=9)

    assert again == clip


def test_wrong_and_unknown_fields_are_refused(fal, clip):
    for body in ({"num_frames": 5}, {"title": "x"}, {"image": "no id"}, {"prompt": ""}):
        assert edit(clip, body).status_code == 422, body
    clip.refresh_from_db()
    assert clip.price == PRICE_OF_9


def test_what_was_sent_cannot_be_changed(fal, clip):
    flow.dispatch_all()

    answer = edit(clip, {"prompt": "Too late"})

    assert (answer.status_code, answer.json()["code"]) == (409, "state_conflict")


def test_what_fal_made_of_the_old_input_is_not_delivered(fal, team, clip):
    """The answer was lost and fal's list was blind; after the edit the webhook names the token after all."""
    fal.rule("submit", "drop_after", times=1)
    fal.rule("list", "hide")
    flow.dispatch_all()
    recovery.recover_dispatch(generation_id=clip.pk, now=_in_an_hour())
    edit(clip, {"prompt": "Another boat"})
    (request,) = fal.requests()
    submission = clip.submissions.get()
    assert submission.state == SubmissionState.SUPERSEDED

    ticket = dispatch.fal_gateway.Ticket(request["request_id"])
    assert not dispatch.accept(submission_id=submission.pk, ticket=ticket, now=_in_an_hour())

    clip.refresh_from_db()
    assert clip.status == "queued"


def test_the_form_shows_the_values_and_saves_them(fal, team, clip):
    browser = browser_of(owner_of(team))
    path = reverse("generations:edit", args=[team.slug, clip.pk])
    page = browser.get(path)
    form = page.context["form"]
    assert form["prompt"].value() == clip.params["prompt"]
    values = {name: form[name].value() for name in form.fields if form[name].value() not in (None, "", [])}

    saved = browser.post(path, {**values, "prompt": "Another boat", "num_frames": 17})

    assert saved.status_code == 302, saved.content.decode()[:2000]
    clip.refresh_from_db()
    assert (clip.params["prompt"], clip.params["num_frames"]) == ("Another boat", 17)
    refused = browser.post(path, {**values, "prompt": ""})
    assert refused.status_code == 422
    price = browser.get(path, {**values, "num_frames": 121}, headers={"HX-Request": "true"})
    assert "will be held instead of" in price.content.decode()


def test_a_clip_that_left_the_line_leads_back_to_its_page(fal, team, clip):
    flow.dispatch_all()
    path = reverse("generations:edit", args=[team.slug, clip.pk])

    assert browser_of(owner_of(team)).get(path)["Location"] == clip.get_absolute_url()


def _in_an_hour():
    return timezone.now() + timedelta(hours=1)
