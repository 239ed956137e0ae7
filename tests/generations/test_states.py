"""The one function that changes a state: the table's moves and no others, with the hold settled along."""

import json
from datetime import datetime
from itertools import pairwise

import pytest
from django.utils import timezone

from accounts.models import Team
from billing.services import balance_of, find_violations, hold_of
from generations.models import Generation
from generations.presentation import duration
from generations.services import cancellation, completion, dispatch, polling, receipts, recovery
from generations.services.states import advance
from generations.states import RELEASING, TERMINAL, TRANSITIONS, Status
from tests.contracts.world import browser_of
from tests.support import flow
from tests.support.api import api_for
from tests.support.factories import actor_for, make_generation, owner_of

pytestmark = pytest.mark.django_db


def clip_in(team: Team, status: Status) -> Generation:
    """A clip as it stands in `status`, its hold settled where that state has settled it."""
    clip = make_generation(team)
    for step in path_to(status):
        moved = advance(generation_id=clip.pk, to=step, now=timezone.now(), **delivered(step))
        assert moved is not None
        clip = moved
    return clip


def path_to(status: Status) -> list[Status]:
    """The shortest way from the line."""
    ways: list[list[Status]] = [[Status.QUEUED]]
    while ways[0][-1] != status:
        way = ways.pop(0)
        ways += [[*way, following] for following in TRANSITIONS[way[-1]] if following not in way]
    return ways[0][1:]


def delivered(status: Status) -> dict[str, object]:
    return {"video": "clips/one.mp4", "frames": 9} if status == Status.SUCCEEDED else {}


@pytest.mark.parametrize("source", Status)
def test_only_the_tables_moves_happen(team: Team, source: Status) -> None:
    for to in Status:
        clip = clip_in(team, source)
        events = clip.events.count()
        allowed = to in TRANSITIONS[source]

        moved = advance(generation_id=clip.pk, to=to, now=timezone.now(), **delivered(to))

        clip.refresh_from_db()
        assert (moved is not None) == allowed, to
        assert clip.status == (to if allowed else source)
        assert clip.events.count() == events + allowed
        assert (clip.ended_at is not None) == (clip.status in TERMINAL)
    assert find_violations() == []


@pytest.mark.parametrize("status", sorted(RELEASING))
def test_every_ending_without_a_clip_gives_all_back(team: Team, status: Status) -> None:
    clip_in(team, status)

    assert (balance_of(team).available, balance_of(team).held) == (10_000_000, 0)


@pytest.mark.parametrize(("frames", "captured"), [(121, 100_834), (120, 100_000), (9, 7_500), (200, 100_834)])
def test_a_delivered_clip_costs_its_frames_and_never_more_than_was_held(
    team: Team, frames: int, captured: int
) -> None:
    clip = make_generation(team, num_frames=121)
    for step in path_to(Status.FINALIZING):
        advance(generation_id=clip.pk, to=step, now=timezone.now())

    advance(
        generation_id=clip.pk, to=Status.SUCCEEDED, now=timezone.now(), video="clips/one.mp4", frames=frames
    )

    hold = hold_of(clip.pk)
    assert hold is not None
    assert (hold.captured, hold.released) == (captured, 100_834 - captured)
    assert balance_of(team).available == 10_000_000 - captured


def test_a_move_names_who_made_it_and_starts_the_phase_anew(team: Team) -> None:
    clip = make_generation(team)
    Generation.objects.filter(pk=clip.pk).update(attempts=3)

    moved = advance(
        generation_id=clip.pk, to=Status.CANCELED, now=timezone.now(), actor="member:7", note="x" * 500
    )

    assert moved is not None
    event = clip.events.last()
    assert (event.from_status, event.to_status, event.actor) == ("queued", "canceled", "member:7")
    assert len(event.note) == 200
    assert (moved.attempts, moved.due_at) == (0, None)


def test_late_and_repeated_evidence_changes_nothing(fal, team: Team) -> None:
    """Everything that may speak about a clip speaks again after its end."""
    clip = make_generation(team)
    flow.dispatch_all()
    submission = clip.submissions.get()
    ticket = dispatch.fal_gateway.Ticket(submission.request_id)
    poll = polling.Poll(clip.pk, "main", submission.request_id, "", 1.0)
    flow.finish(clip)
    before = (Generation.objects.values().get(), list(clip.events.values()), hold_of(clip.hold_attempt))

    for _ in range(2):
        assert dispatch.accept(submission_id=submission.pk, ticket=ticket, now=timezone.now())
        receipts.store_receipt(
            token=submission.token,
            request_id=submission.request_id,
            body=json.dumps({"request_id": submission.request_id}).encode(),
        )
        receipts.process_receipt(receipt_id=submission.receipts.get().pk, clock=timezone.now)
        polling.apply_outcomes(
            [polling.Outcome(poll, dispatch.fal_gateway.StatusReply("IN_PROGRESS"))], now=timezone.now()
        )
        completion.finish_generation(generation_id=clip.pk, clock=timezone.now)
        recovery.recover_dispatch(generation_id=clip.pk, now=timezone.now())
        cancellation.cancel_at_fal(submission_id=submission.pk)
        outcome = cancellation.cancel_generation(actor=actor_for(team), generation_id=clip.pk)
        assert outcome == cancellation.CancelOutcome.TOO_LATE

    after = (Generation.objects.values().get(), list(clip.events.values()), hold_of(clip.hold_attempt))
    assert after == before
    assert find_violations() == []


def test_the_timeline_tells_how_long_each_state_lasted(fal, team: Team) -> None:
    clip = flow.run(make_generation(team))

    timeline = api_for(team).get(f"/generations/{clip.pk}").json()["timeline"]
    page = browser_of(owner_of(team)).get(clip.get_absolute_url()).content.decode()

    assert [event["status"] for event in timeline] == [
        "queued",
        "dispatching",
        "processing",
        "finalizing",
        "succeeded",
    ]
    times = [datetime.fromisoformat(event["at"]) for event in timeline]
    assert times == sorted(times)
    for start, end in pairwise(times):
        assert duration(end - start) in page
