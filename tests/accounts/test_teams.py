"""Teams and their people: slugs, the personal team, joining, and where somebody was last."""

import pytest
from django.test import Client

from accounts.models import Membership, Role, Team, User
from accounts.services import RESERVED_SLUGS, add_member, create_personal_team, create_team, remember_team
from tests.support.factories import PASSWORD, make_member, make_team, make_user

pytestmark = pytest.mark.django_db


def test_whoever_makes_a_team_owns_it_and_starts_there() -> None:
    user = make_user()

    team = create_team(owner=user, name="North Light")

    assert (team.slug, team.is_personal) == ("north-light", False)
    assert Membership.objects.get(team=team, user=user).role == Role.OWNER
    assert User.objects.get(pk=user.pk).last_team == team


def test_a_second_team_does_not_move_where_somebody_starts() -> None:
    user = make_user()
    first = create_team(owner=user, name="One")

    create_team(owner=user, name="Two")

    assert User.objects.get(pk=user.pk).last_team == first


def test_a_taken_slug_gets_an_ending() -> None:
    slugs = [create_team(owner=make_user(), name="Same").slug for _ in range(3)]

    assert slugs[0] == "same"
    assert len(set(slugs)) == 3
    assert all(slug.startswith("same-") for slug in slugs[1:])


@pytest.mark.parametrize("name", [*sorted(RESERVED_SLUGS), "???", "日本"])
def test_words_of_ours_and_unwritable_names_become_a_plain_slug(name: str) -> None:
    assert create_team(owner=make_user(), name=name).slug.startswith("team")


def test_a_long_name_is_cut() -> None:
    team = create_team(owner=make_user(), name="n" * 500)

    assert len(team.name) == 100
    assert len(team.slug) <= 60


def test_the_personal_team_is_made_once() -> None:
    user = make_user("ada@example.com")

    assert create_personal_team(user) == create_personal_team(user)
    assert Team.objects.get().name == "ada"
    assert Team.objects.get().is_personal


def test_signing_up_brings_a_personal_team(client: Client) -> None:
    client.post("/accounts/signup/", {"email": "New@Example.com", "password1": PASSWORD})

    user = User.objects.get()
    assert user.email == "new@example.com"
    assert user.teams.get().is_personal


def test_joining_twice_keeps_the_first_role() -> None:
    team = make_team()
    editor = make_member(team, Role.EDITOR)

    assert add_member(team=team, user=editor, role=Role.ADMIN).role == Role.EDITOR
    assert team.memberships.count() == 2


def test_the_last_team_is_remembered() -> None:
    team, other = make_team(), make_team()
    user = make_member(team, Role.VIEWER)
    add_member(team=other, user=user, role=Role.VIEWER)

    remember_team(user=user, team=other)

    assert User.objects.get(pk=user.pk).last_team == other
