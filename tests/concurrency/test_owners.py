"""Two owners who go at the same moment: one of them stays."""

from functools import partial

import pytest
from django.db import connection

from accounts.models import Membership
from accounts.services import RoleRefused, change_role, leave_team
from accounts.services import members as member_services
from tests.concurrency.racing import race
from tests.support.factories import actor_for, make_member, make_team, owner_of

pytestmark = [pytest.mark.concurrency, pytest.mark.usefixtures("cloned_database")]


def owners_go(team, first, second):
    """Each other's demotion beside the second one's leaving: all of them take an owner away."""
    return race(
        [
            partial(leave_team, actor=actor_for(team, first)),
            partial(leave_team, actor=actor_for(team, second)),
            partial(change_role, actor=actor_for(team, first), user_id=second.pk, role="viewer"),
            partial(change_role, actor=actor_for(team, second), user_id=first.pk, role="viewer"),
        ]
    )


def test_of_two_owners_one_stays(cloned_database):
    team = make_team()
    first, second = owner_of(team), make_member(team, "owner")

    results = owners_go(team, first, second)

    assert any(isinstance(result, RoleRefused) for result in results)
    assert Membership.objects.filter(team=team, role="owner").count() == 1


def test_control_without_lock_and_trigger_none_stays(cloned_database, monkeypatch):
    monkeypatch.setattr(member_services, "lock_team", lambda team: None)
    monkeypatch.setattr(member_services, "_refuse_last_owner", lambda membership: None)
    team = make_team()
    first, second = owner_of(team), make_member(team, "owner")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_membership DISABLE TRIGGER an_owner_stays")

    race([partial(leave_team, actor=actor_for(team, person)) for person in (first, second)])

    assert not Membership.objects.filter(team=team, role="owner").exists()


def test_the_trigger_alone_keeps_one(cloned_database, monkeypatch):
    monkeypatch.setattr(member_services, "lock_team", lambda team: None)
    monkeypatch.setattr(member_services, "_refuse_last_owner", lambda membership: None)
    team = make_team()
    first, second = owner_of(team), make_member(team, "owner")

    race([partial(leave_team, actor=actor_for(team, person)) for person in (first, second)])

    assert Membership.objects.filter(team=team, role="owner").count() == 1
