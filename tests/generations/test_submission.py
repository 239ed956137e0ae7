"""Accepting a clip: the row, its hold and its event come together, once for each key."""

import uuid
from typing import Any

import pytest

from accounts.errors import FieldErrors
from accounts.models import Team
from billing.services import InsufficientCredits, balance_of, find_violations, hold_of
from generations.models import Generation, Image
from generations.parameters import ClipParams
from generations.services import KeyReused, SubmitResult, submit_generation
from generations.states import Status
from tests.support.factories import actor_for, give_credits, make_image, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def image(team: Team) -> Image:
    return make_image(team)


def submit(team: Team, image: Image | None, *, key: str = "order-1", **params: Any) -> SubmitResult:
    return submit_generation(
        actor=actor_for(team),
        image_id=image.pk if image else None,
        params=ClipParams(prompt="A boat", **params),
        idempotency_key=key,
    )


def test_row_hold_and_event_come_together(team: Team, image: Image) -> None:
    result = submit(team, image)

    clip = result.generation
    assert not result.replayed
    assert (clip.status, clip.price, clip.created_by) == (Status.QUEUED, 100_834, actor_for(team).user)
    assert clip.due_at is not None
    hold = hold_of(clip.pk)
    assert hold is not None
    assert (hold.amount, hold.expires_at > clip.start_deadline) == (100_834, True)
    assert [event.to_status for event in clip.events.all()] == [Status.QUEUED]
    assert (balance_of(team).available, balance_of(team).held) == (10_000_000 - 100_834, 100_834)
    assert find_violations() == []


def test_a_repeated_key_gives_the_first_clip_back_even_without_credits(image: Image, team: Team) -> None:
    first = submit(team, image, num_frames=1441)
    while balance_of(team).available >= 1_200_834:
        submit(team, image, key=str(uuid.uuid4()), num_frames=1441)

    again = submit(team, image, num_frames=1441)

    assert again.replayed
    assert again.generation == first.generation


@pytest.mark.parametrize("change", [{"num_frames": 9}, {"seed": 0}, {"enable_detail_pass": True}])
def test_a_key_with_other_content_is_refused(team: Team, image: Image, change: dict[str, Any]) -> None:
    submit(team, image)

    with pytest.raises(KeyReused):
        submit(team, image, **change)
    with pytest.raises(KeyReused):
        submit(team, make_image(team, seed=2))

    assert Generation.objects.count() == 1
    assert balance_of(team).held == 100_834


def test_two_teams_may_use_the_same_key(team: Team, image: Image) -> None:
    other = make_team()
    give_credits(other)

    assert submit(team, image).generation != submit(other, make_image(other)).generation


def test_a_picture_of_another_team_is_no_picture(team: Team, image: Image) -> None:
    other = make_team()
    give_credits(other)

    for missing in (image, None):
        with pytest.raises(FieldErrors) as caught:
            submit(other, missing)
        assert caught.value.errors == {"image": ["Image URL is required"]}

    assert not Generation.objects.exists()
    assert balance_of(other).held == 0


def test_too_few_credits_leave_no_row(image: Image, team: Team) -> None:
    poor = make_team()

    with pytest.raises(InsufficientCredits) as caught:
        submit(poor, make_image(poor))

    assert (caught.value.needed, caught.value.available) == (100_834, 0)
    assert not Generation.objects.exists()
