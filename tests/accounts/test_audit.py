"""The audit log: what a deed leaves behind, and that nobody changes it afterwards."""

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction
from django.http import HttpRequest

from accounts.audit import record
from accounts.models import AuditEvent
from accounts.origin import Origin, client_address, from_origin
from tests.support.factories import actor_for, make_team, make_user

pytestmark = pytest.mark.django_db


def test_a_deed_names_who_what_where_and_the_values():
    team = make_team(name="Lumen")
    actor = actor_for(team)
    moment = datetime(2026, 11, 23, tzinfo=UTC)

    with from_origin(Origin("2001:db8::1", "req-1")):
        record("team.renamed", by=actor, about=team, old={"name": "Lux"}, new={"name": "Lumen", "at": moment})

    event = AuditEvent.objects.get(action="team.renamed")
    assert (event.team, event.user, event.kind) == (team, actor.user, "member")
    assert (event.object_type, event.object_id, event.object_name) == ("team", str(team.pk), "Lumen")
    assert (event.old, event.new) == ({"name": "Lux"}, {"name": "Lumen", "at": "2026-11-23T00:00:00Z"})
    assert (event.address, event.request_id) == ("2001:db8::1", "req-1")


def test_a_persons_own_account_belongs_to_no_team():
    person = make_user()

    record("password.changed", by=person)
    record("user.locked", by=None, about=person)

    own, platform = AuditEvent.objects.order_by("pk")
    assert (own.team, own.user, own.kind) == (None, person, "member")
    assert (platform.user, platform.kind, platform.object_type) == (None, "system", "user")


def test_an_address_that_is_none_is_left_out():
    with from_origin(Origin("<script>")):
        assert record("password.changed", by=make_user()).address is None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE accounts_auditevent SET action = 'nothing.happened'",
        "UPDATE accounts_auditevent SET address = NULL",
        "DELETE FROM accounts_auditevent",
        "TRUNCATE accounts_auditevent",
    ],
)
def test_nobody_changes_what_was_written(change):
    record("team.renamed", by=actor_for(make_team()))

    run("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(IntegrityError, match="only ever added to"), transaction.atomic():
        run(change)


def test_a_person_can_be_taken_out_and_their_deeds_stay():
    person, other = make_user(), make_user()
    with from_origin(Origin("192.0.2.1")):
        record("email.changed", by=person, old={"email": "old@example.com"}, new={"email": person.email})
        record("user.locked", by=None, about=person)
        record("name.changed", by=other, old={"name": "A"})

    run("SELECT accounts_forget_person(%s)", [person.pk])

    mine, locked, theirs = AuditEvent.objects.order_by("pk")
    assert (mine.action, mine.user, mine.old, mine.new, mine.address) == (
        "email.changed",
        person,
        {},
        {},
        None,
    )
    assert locked.object_name == ""
    assert (theirs.old, theirs.address) == ({"name": "A"}, "192.0.2.1")
    with pytest.raises(IntegrityError), transaction.atomic():
        run("UPDATE accounts_auditevent SET address = NULL")


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "203.0.113.9", "192.0.2.7"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "10.0.0.1, 203.0.113.9", "203.0.113.9"),
        (2, "10.0.0.1, 203.0.113.9, 192.0.2.8", "203.0.113.9"),
        (2, "203.0.113.9", "192.0.2.7"),
        (1, "", "192.0.2.7"),
    ],
)
def test_only_our_own_proxies_are_believed(settings, proxies, forwarded, address):
    settings.TRUSTED_PROXIES = proxies
    request = HttpRequest()
    request.META = {"REMOTE_ADDR": "192.0.2.7", "HTTP_X_FORWARDED_FOR": forwarded}

    assert client_address(request) == address


def run(statement, parameters=()):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
