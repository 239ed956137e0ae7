"""Usage: counted by the database as clips are paid for, drawn and tabled for people, and for programs."""

import csv
import io
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.actors import key_actor
from billing import services
from billing.models import UsageDay
from billing.services.usage import usage_of
from tests.billing.books import hold_by, settle
from tests.contracts.world import browser_of
from tests.support import factories
from tests.support.api import api_for, make_key

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def owner():
    return factories.make_user("mara@example.com", name="Mara Maker")


@pytest.fixture
def team(owner):
    team = factories.make_team(owner)
    factories.give_credits(team, 100_000_000)
    return team


def paid(actor, amount=100_000, used=None):
    attempt = hold_by(actor, amount)
    settle(attempt, amount if used is None else used)
    return attempt


def add_day(team, day, spent, clips=1, actor="member:0"):
    """A day of the past, written past the guard."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
    UsageDay.objects.create(team=team, day=day, actor=actor, clips=clips, spent=spent)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")


def today():
    return timezone.now().date()


def this_week(team):
    return usage_of(team=team, first=today() - 6 * DAY, last=today())


def page(owner, team, **query):
    return browser_of(owner).get(reverse("billing:usage", args=[team.slug], query=query)).content.decode()


def test_what_is_captured_counts_for_who_ordered_it(team, owner):
    jo = factories.actor_for(team, factories.make_member(team, "editor"))
    key, _ = make_key(team)
    paid(factories.actor_for(team, owner), 100_000)
    paid(jo, 50_000, used=20_000)
    paid(jo, 50_000, used=0)
    paid(key_actor(key, "owner"), 300_000)
    hold_by(jo, 70_000)

    found = this_week(team)

    assert (found.clips, found.spent) == (3, 420_000)
    assert [(share.name, share.clips, share.spent) for share in found.members] == [
        ("Mara Maker", 2, 400_000),
        (jo.user.email, 1, 20_000),
    ]
    assert [(share.name, share.detail, share.spent) for share in found.keys] == [
        ("test", "Mara Maker", 300_000)
    ]
    assert [day.spent for day in found.days] == [0] * 6 + [420_000]


def test_a_refunded_clip_was_made_but_not_paid_for(team, owner):
    attempt = paid(factories.actor_for(team, owner))
    paid(factories.actor_for(team, owner))

    for _ in range(2):
        services.refund_job(generation_id=attempt, actor="staff:1", reason="Broken", now=timezone.now())

    assert (this_week(team).clips, this_week(team).spent) == (2, 100_000)


def test_other_teams_and_other_days_do_not_count(team, owner):
    other = factories.make_team(owner)
    factories.give_credits(other)
    paid(factories.actor_for(other, owner))
    add_day(team, today() - 7 * DAY, 5)

    assert this_week(team).spent == 0
    assert this_week(other).spent == 100_000


@pytest.mark.parametrize("change", ["create", "update", "delete"])
def test_nobody_else_writes_usage(team, owner, change):
    paid(factories.actor_for(team, owner))
    rows = UsageDay.objects.filter(team=team)

    changes = {
        "create": lambda: UsageDay.objects.create(team=team, day=today(), actor="x", clips=1, spent=1),
        "update": lambda: rows.update(spent=1),
        "delete": lambda: rows._raw_delete("default"),
    }

    with pytest.raises(IntegrityError, match="only ever added to"), transaction.atomic():
        changes[change]()

    assert rows.get().spent == 100_000


def test_the_page_draws_days_people_and_keys(team, owner):
    key, _ = make_key(team)
    paid(factories.actor_for(team, owner), 100_000)
    paid(key_actor(key, "owner"), 300_000)

    shown = page(owner, team)

    assert "$0.40" in shown
    assert shown.count("<g><title>") == 30
    assert f"{today():%-d %b %Y}: $0.40, 2 clips" in shown
    assert 'aria-label="75.0 % of all"' in shown


def test_a_long_period_is_drawn_by_month(team, owner):
    add_day(team, today() - 100 * DAY, 1_000_000)
    paid(factories.actor_for(team, owner))

    shown = page(owner, team, days="365")

    assert "By month" in shown
    assert shown.count("<g><title>") in {12, 13}
    assert "$1.10" in shown


@pytest.mark.parametrize(
    "query",
    [
        {"days": "x"},
        {"since": "x"},
        {"since": "2999-01-01"},
        {"since": "2020-01-01", "until": "2019-01-01"},
        {"until": "x"},
    ],
)
def test_a_period_that_makes_no_sense_is_the_usual_one(team, owner, query):
    assert f'name="since" id="since" value="{today() - 29 * DAY:%Y-%m-%d}"' in page(owner, team, **query)


def test_a_period_has_two_ends_and_at_most_a_year(team, owner):
    add_day(team, date(2026, 2, 1), 1_000_000)

    assert "$1.00" in page(owner, team, since="2026-02-01", until="2026-02-01")
    assert "No clips in this period" in page(owner, team, since="2026-02-02", until="2026-02-03")
    assert 'value="2026-01-01"' in page(owner, team, since="2000-01-01", until="2027-01-01")


def test_an_unused_team_is_told_what_will_be_here(team, owner):
    shown = page(owner, team)

    assert "No clips in this period" in shown
    assert "A forecast needs 7 days of use" in shown


def test_the_file_has_days_members_and_keys(team, owner):
    paid(factories.actor_for(team, owner), 100_834)
    owner.name = "=1+1"
    owner.save()

    response = browser_of(owner).get(reverse("billing:usage_file", args=[team.slug]), {"days": "7"})
    rows = list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode())))

    assert rows[0] == ["group", "name", "person", "clips", "spent"]
    assert rows[7:] == [["day", str(today()), "", "1", "0.100834"], ["member", "'=1+1", "", "1", "0.100834"]]


def test_programs_read_the_same_numbers(team, owner):
    paid(factories.actor_for(team, owner), 100_834)
    program = api_for(team)

    found = program.get("/usage", {"since": str(today())}).json()

    assert found == {
        "since": str(today()),
        "until": str(today()),
        "clips": 1,
        "spent": "0.100834",
        "days": [{"day": str(today()), "clips": 1, "spent": "0.100834"}],
        "members": [{"name": "Mara Maker", "clips": 1, "spent": "0.100834"}],
        "keys": [],
        "projects": [],
    }
    assert len(program.get("/usage").json()["days"]) == 30
    for wrong in ({"since": "x"}, {"since": "2999-01-01"}, {"since": "2000-01-01"}):
        assert program.get("/usage", wrong).status_code == 422
