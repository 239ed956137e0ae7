"""Places in our own line."""

import pytest
from django.utils import timezone

from generations.models import Generation
from generations.services import places_in_line
from generations.services.states import advance
from generations.states import Status
from tests.support.factories import give_credits, make_generation, make_image, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def line() -> list[Generation]:
    """Four clips of two teams, oldest first."""
    teams = [make_team(), make_team()]
    for team in teams:
        give_credits(team)
    images = [make_image(team) for team in teams]
    return [make_generation(teams[number % 2], image=images[number % 2]) for number in range(4)]


def test_places_count_every_teams_clips(line: list[Generation]) -> None:
    assert places_in_line(line) == {clip.pk: place for place, clip in enumerate(line, start=1)}
    assert places_in_line(line[2:]) == {line[2].pk: 3, line[3].pk: 4}


def test_who_leaves_lets_the_others_move_up(line: list[Generation]) -> None:
    line[1] = advance(generation_id=line[1].pk, to=Status.CANCELED, now=timezone.now()) or line[1]

    # The other team has one left, whose turn comes between the two of the first.
    assert places_in_line(line) == {line[0].pk: 1, line[3].pk: 2, line[2].pk: 3}


def test_clips_made_in_the_same_instant_have_different_places(line: list[Generation]) -> None:
    Generation.objects.update(created_at=timezone.now(), line_order=1)

    assert sorted(places_in_line(line).values()) == [1, 2, 3, 4]


def test_a_paused_clip_has_no_place_and_takes_none(line: list[Generation]) -> None:
    line[0].paused_at = timezone.now()
    line[0].save()

    assert places_in_line(line) == {line[2].pk: 1, line[1].pk: 2, line[3].pk: 3}


def test_nobody_in_line_asks_nothing(line: list[Generation], django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        assert places_in_line([]) == {}
    with django_assert_num_queries(1):
        places_in_line(line)
