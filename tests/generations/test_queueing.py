"""What people do with their waiting clips, through the API and on the page."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from billing.services import balance_of, find_violations, hold_of
from generations.models import Generation
from generations.services import dispatch, places_in_line, queueing, sweep
from tests.contracts.world import browser_of, picture_of, program_of
from tests.support import flow
from tests.support.api import api_for
from tests.support.factories import (
    give_credits,
    make_generation,
    make_image,
    make_member,
    make_team,
    owner_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(db):
    team = make_team()
    give_credits(team)
    return team


@pytest.fixture
def clips(team) -> list[Generation]:
    image = picture_of(team)
    return [make_generation(team, image=image, seed=seed) for seed in range(4)]


@pytest.fixture
def api(team):
    return api_for(team)


def order_of(clips: list[Generation]) -> list[int]:
    """Their numbers in the order in which they are sent."""
    places = places_in_line(Generation.objects.filter(pk__in=[clip.pk for clip in clips]))
    numbers = {clip.pk: number for number, clip in enumerate(clips)}
    return [numbers[pk] for pk in sorted(places, key=lambda pk: places[pk])]


def test_pause_and_resume(api, clips):
    answer = api.post(f"/generations/{clips[0].pk}/pause")

    assert answer.status_code == 200, answer.content
    assert (answer.json()["queue"]["paused"], answer.json()["queue"]["place"]) == ("by_member", None)
    assert answer.json()["status_text"] == "Paused"
    assert order_of(clips) == [1, 2, 3]
    assert api.post(f"/generations/{clips[0].pk}/pause").status_code == 200

    assert api.post(f"/generations/{clips[0].pk}/resume").json()["queue"] == {
        "place": 1,
        "provider_position": None,
        "paused": None,
    }
    assert order_of(clips) == [0, 1, 2, 3]


def test_a_paused_clip_is_not_sent_and_its_deadline_runs_on(fal, team, api):
    clip = make_generation(team)
    api.post(f"/generations/{clip.pk}/pause")
    assert flow.dispatch_all() == 0

    sweep.enqueue_due(now=clip.start_deadline + timedelta(seconds=1))

    clip.refresh_from_db()
    assert (clip.status, clip.failure_code) == ("expired", "start_deadline")
    assert balance_of(team).held == 0
    assert fal.requests() == []


def test_a_resumed_clip_is_sent(fal, team, api):
    clip = make_generation(team)
    api.post(f"/generations/{clip.pk}/pause")
    assert flow.dispatch_all() == 0  # its lines fell asleep

    api.post(f"/generations/{clip.pk}/resume")

    assert flow.dispatch_all() == 1


def test_run_next_goes_to_the_front_of_its_makers_line(api, clips):
    assert api.post(f"/generations/{clips[3].pk}/run-next").json()["queue"]["place"] == 1
    assert order_of(clips) == [3, 0, 1, 2]
    api.post(f"/generations/{clips[3].pk}/run-next")
    api.post(f"/generations/{clips[2].pk}/run-next")
    assert order_of(clips) == [2, 3, 0, 1]


def test_run_next_also_goes_before_a_clip_that_fal_sends_back(fal, api, clips):
    """The first of the line is at fal when the second, by now its front, is told to run next."""
    sent = dispatch.claim_next(timezone.now())
    assert sent.generation_id == clips[0].pk

    api.post(f"/generations/{clips[1].pk}/run-next")
    dispatch.requeue(sent, timezone.now() - timedelta(minutes=1), note="fal is busy")

    assert dispatch.claim_next(timezone.now()).generation_id == clips[1].pk


@pytest.mark.parametrize(
    ("moved", "where", "neighbour", "expected"),
    [
        (3, "before", 0, [3, 0, 1, 2]),
        (3, "before", 2, [0, 1, 3, 2]),
        (0, "after", 3, [1, 2, 3, 0]),
        (0, "after", 1, [1, 0, 2, 3]),
        (1, "before", 1, [0, 1, 2, 3]),
    ],
)
def test_move(api, clips, moved, where, neighbour, expected):
    answer = api.post(f"/generations/{clips[moved].pk}/move", {where: str(clips[neighbour].pk)})

    assert answer.status_code == 200, answer.content
    assert order_of(clips) == expected


def test_moves_find_room_where_there_is_none(api, clips):
    Generation.objects.update(line_order=7)
    first, second, third, fourth = (clips[number] for number in order_of(clips))

    api.post(f"/generations/{fourth.pk}/move", {"after": str(first.pk)})

    rows = list(Generation.objects.order_by("line_order", "id"))
    assert rows == [first, fourth, second, third]
    assert rows[-1].line_order == 7  # new clips still come behind


def test_new_clips_come_behind_one_that_was_moved_to_the_end(team, api, clips):
    api.post(f"/generations/{clips[0].pk}/move", {"after": str(clips[3].pk)})

    late = make_generation(team, image=clips[0].image)

    assert order_of([*clips, late]) == [1, 2, 3, 0, 4]


def test_what_is_wrong_with_a_move_is_said(team, api, clips):
    colleague = make_member(team, "editor")
    path = f"/generations/{clips[0].pk}/move"
    Generation.objects.filter(pk=clips[1].pk).update(created_by=colleague)

    assert api.post(path, {}).status_code == 422
    assert api.post(path, {"before": str(clips[2].pk), "after": str(clips[3].pk)}).status_code == 422
    assert api.post(path, {"first": True}).status_code == 422
    assert api.post(path, {"before": "1"}).status_code == 422
    other = api.post(path, {"before": str(clips[1].pk)})
    assert (other.status_code, other.json()["code"]) == (409, "state_conflict")


@pytest.mark.parametrize("action", ["pause", "resume", "run-next"])
def test_what_has_left_the_line_stays_as_it_is(fal, team, api, action):
    clip = make_generation(team)
    flow.dispatch_all()

    answer = api.post(f"/generations/{clip.pk}/{action}")

    assert (answer.status_code, answer.json()["code"]) == (409, "state_conflict")


def test_members_change_their_own_and_admins_every_clip(team, clips):
    editor, admin = make_member(team, "editor"), make_member(team, "admin")
    path = f"/generations/{clips[0].pk}/pause"

    refused = program_of(team, editor).post(path)

    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert program_of(team, admin).post(path).status_code == 200
    other = make_team()
    assert program_of(other, owner_of(other)).post(path).status_code == 404


def test_the_page_offers_what_can_be_done(team, clips):
    browser = browser_of(owner_of(team))
    page = reverse("generations:clip", args=[team.slug, clips[1].pk])
    assert "Pause" in browser.get(page).content.decode()

    browser.post(reverse("generations:pause", args=[team.slug, clips[1].pk]))
    shown = browser.get(page).content.decode()
    assert "Resume" in shown
    assert "It keeps its place and its price" in shown

    browser.post(reverse("generations:resume", args=[team.slug, clips[1].pk]))
    browser.post(reverse("generations:run_next", args=[team.slug, clips[1].pk]))
    assert order_of(clips) == [1, 0, 2, 3]
    colleague = browser_of(make_member(team, "editor"))
    assert "Run next" not in colleague.get(page).content.decode()


def test_jobs_expire_though_no_place_is_free(fal, team, settings):
    settings.FAL_MAX_IN_FLIGHT = 1
    running, late = (make_generation(team, seed=seed) for seed in range(2))
    flow.dispatch_all()

    answer = api_for(team).get(f"/generations/{late.pk}").json()
    assert answer["queue"]["place"] == 1
    assert queueing.expire_due(now=late.start_deadline) == 1

    answer = api_for(team).get(f"/generations/{late.pk}").json()
    assert (answer["status"], answer["failure"]["code"]) == ("expired", "start_deadline")
    assert answer["cost"]["captured"] == "0.000000"
    assert hold_of(late.hold_attempt).released == late.price
    running.refresh_from_db()
    assert running.status == "processing"
    assert find_violations() == []


def test_a_job_past_its_deadline_is_never_sent(fal, team):
    clip = make_generation(team)
    after = clip.start_deadline + timedelta(seconds=1)

    assert dispatch.dispatch_next(clock=lambda: after) is False


def test_the_submitter_chooses_the_start_deadline(team):
    image = make_image(team)
    body = {"image": str(image.pk), "prompt": "A boat"}
    api = api_for(team)

    made = api.post("/generations", body, Cancel_After="120")
    refused = [api.post("/generations", body, Cancel_After=text) for text in ("5", "x", "99999999", "-60")]

    assert made.status_code == 201, made.content
    clip = Generation.objects.get(pk=made.json()["id"])
    assert 118 < (clip.start_deadline - timezone.now()).total_seconds() <= 120
    assert [answer.status_code for answer in refused] == [400] * 4
