"""The statement: what each line says, how it is found in long books, and what becomes of it in a file."""

import csv
import io
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.actors import key_actor
from billing import services
from billing.models import Account, AccountKind, Transaction
from billing.services import statement_pages
from billing.services.statement_pages import BadCursor, Filter, balance_at, statement_page
from tests.billing.books import buy, hold_by, settle, spend
from tests.contracts.world import browser_of
from tests.support import factories
from tests.support.api import api_for, make_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    return factories.make_user("mara@example.com", name="Mara Maker")


@pytest.fixture
def team(owner):
    team = factories.make_team(owner)
    factories.give_credits(team, 1_000_000)
    return team


@pytest.fixture
def jo(team):
    user = factories.make_member(team, "editor")
    user.name = "Jo Lind"
    user.save()
    return factories.actor_for(team, user)


def address(team, **query):
    return reverse("billing:statement", args=[team.slug], query=query)


def lines_of(team, **wanted):
    return statement_page(team=team, wanted=Filter(**wanted)).lines


def downloaded(team, owner, **query):
    path = reverse("billing:statement_file", args=[team.slug], query=query)
    response = browser_of(owner).get(path)
    return list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode())))


def test_every_line_says_what_who_how_much_and_what_was_left(team, jo):
    clip, late = uuid4(), uuid4()
    hold_by(jo, 100_000, clip)
    settle(clip, 100_000)
    hold_by(jo, 50_000, late)
    settle(late, 20_000)
    buy(team, 10_000)

    lines = lines_of(team)

    assert [(line.what, line.who.person, line.available, line.held, line.balance) for line in lines] == [
        ("Credit bought", "The platform", 10_000, 0, 890_000),
        ("Clip delivered, the rest returned", "Jo Lind", 30_000, -50_000, 880_000),
        ("Set aside for a clip", "Jo Lind", -50_000, 50_000, 850_000),
        ("Clip delivered", "Jo Lind", 0, -100_000, 900_000),
        ("Set aside for a clip", "Jo Lind", -100_000, 100_000, 900_000),
        ("Credit given", "The platform", 1_000_000, 0, 1_000_000),
    ]
    assert [line.clip for line in lines] == [None, late, late, clip, clip, None]


def test_a_key_is_named_with_its_maker(team, owner):
    key, _ = make_key(team)
    hold_by(key_actor(key, "owner"), 100_000)

    (line, _) = lines_of(team)

    assert (line.who.person, line.who.key) == ("Mara Maker", "test")


def test_filters_leave_what_was_asked_for(team, owner, jo):
    key, _ = make_key(team)
    robot = key_actor(key, "owner")
    for actor in (jo, robot):
        clip = uuid4()
        hold_by(actor, 100_000, clip)
        settle(clip, 100_000)
    buy(team, 10_000)

    assert [line.kind for line in lines_of(team, group="credit")] == ["top_up", "promo_grant"]
    assert [line.kind for line in lines_of(team, group="clips")] == ["capture", "hold"] * 2
    assert lines_of(team, group="back") == []
    assert {line.who.person for line in lines_of(team, person=jo.user.pk)} == {"Jo Lind"}
    assert [line.kind for line in lines_of(team, person=owner.pk)] == ["capture", "hold"]
    assert [line.kind for line in lines_of(team, key=key.pk)] == ["capture", "hold"]
    assert lines_of(team, key=key.pk, person=jo.user.pk) == []
    assert lines_of(team, key=uuid4()) == []


def test_a_period_has_its_own_lines_only(team, jo):
    hold_by(jo, 100_000)
    now = timezone.now()

    assert len(lines_of(team, since=now - timedelta(minutes=5), until=now + timedelta(minutes=5))) == 2
    assert lines_of(team, since=now + timedelta(minutes=5)) == []
    assert lines_of(team, until=now - timedelta(minutes=5)) == []


def test_pages_follow_each_other_without_a_gap_whatever_arrives(team, jo):
    for _ in range(7):
        hold_by(jo, 1000)
    every = [line.number for line in lines_of(team)]
    seen, cursor = [], None
    while True:
        page = statement_page(team=team, wanted=Filter(), cursor=cursor, size=3)
        seen += [line.number for line in page.lines]
        hold_by(jo, 1000)
        if page.older is None:
            break
        cursor = page.older

    assert seen == every


def test_a_page_of_captures_alone_knows_the_balance(team, jo):
    clips = [uuid4() for _ in range(4)]
    for clip in clips:
        hold_by(jo, 1000, clip)
    for clip in clips:
        settle(clip, 1000)

    page = statement_page(team=team, wanted=Filter(), size=3)

    assert [line.balance for line in page.lines] == [996_000] * 3


def test_a_rare_match_is_looked_for_in_steps(team, owner, jo, monkeypatch):
    hold_by(factories.actor_for(team, owner), 1000)
    for _ in range(6):
        hold_by(jo, 1000)
    monkeypatch.setattr(statement_pages, "LOOKED_AT", 3)

    first = statement_page(team=team, wanted=Filter(person=owner.pk))
    second = statement_page(team=team, wanted=Filter(person=owner.pk), cursor=first.older)
    third = statement_page(team=team, wanted=Filter(person=owner.pk), cursor=second.older)

    assert (first.lines, second.lines) == ([], [])
    assert first.looked_back_to
    assert [line.who.person for line in third.lines] == ["Mara Maker"]
    assert third.older is None


@pytest.mark.parametrize("cursor", ["x", "-1", "9" * 30, "1.5", "²"])
def test_a_cursor_of_somebody_elses_making_is_refused(team, owner, cursor):
    with pytest.raises(BadCursor):
        statement_page(team=team, wanted=Filter(), cursor=cursor)

    assert browser_of(owner).get(address(team, cursor=cursor)).status_code == 302
    assert api_for(team).get("/ledger", {"cursor": cursor}).status_code == 400


def test_the_balance_at_any_moment_is_what_the_lines_said(team, jo):
    """Dated by hand: what counts is that no line after the moment is in it, in books of any length."""
    start = timezone.now()
    for number in range(40):
        hold_by(jo, 1000 + number)
    made = list(Transaction.objects.filter(team=team).order_by("id"))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for minute, row in enumerate(made):
            cursor.execute(
                "UPDATE billing_transaction SET created_at = %s WHERE id = %s",
                [start + timedelta(minutes=minute), row.pk],
            )
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")

    lines = lines_of(team)[::-1]

    assert balance_at(team=team, at=start - timedelta(seconds=1)).available == 0
    for minute, line in enumerate(lines):
        for seconds in (0, 59):
            then = balance_at(team=team, at=start + timedelta(minutes=minute, seconds=seconds))
            assert then.available == line.balance
            assert then.available + then.held == 1_000_000
    assert balance_at(team=team, at=start + timedelta(days=1)) == services.balance_of(team)
    within = lines_of(team, since=start + timedelta(minutes=10), until=start + timedelta(minutes=20))
    assert len(within) == 10


def test_a_team_without_books_has_an_empty_page(owner):
    team = factories.make_team(owner)

    page = browser_of(owner).get(address(team)).content.decode()

    assert "Nothing has been booked yet" in page
    assert downloaded(team, owner)[1:] == []


def test_the_page_shows_lines_filters_and_the_balance_at_a_moment(team, owner, jo):
    hold_by(jo, 100_834)
    browser = browser_of(owner)

    page = browser.get(address(team)).content.decode()
    before = (timezone.now() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S")
    then = browser.get(address(team, at=before)).content.decode()
    filtered = browser.get(address(team, kind="back")).content.decode()
    nonsense = browser.get(address(team, kind="x", person="x", key="x", since="x", until="x", at="x"))

    assert "Set aside for a clip" in page
    assert "Jo Lind" in page
    assert "\u2212$0.100834" in page
    assert "Was available" in then
    assert "No line matches" in filtered
    assert nonsense.status_code == 200
    assert "Set aside for a clip" in nonsense.content.decode()


def test_a_period_that_ends_before_it_begins_is_said(team, owner):
    page = browser_of(owner).get(address(team, since="2026-11-03", until="2026-11-01")).content.decode()

    assert "ends before it begins" in page


def test_the_file_has_every_line_and_no_formula(team, owner, jo, monkeypatch):
    jo.user.name = '=HYPERLINK("http://evil.example")'
    jo.user.save()
    for number in range(5):
        hold_by(jo, 1000 + number)
    services.adjust_credits(
        team=team,
        amount=5,
        key="x",
        by=factories.make_user(is_staff=True),
        reason="@SUM(A1)",
        now=timezone.now(),
    )

    head, *rows = downloaded(team, owner)

    assert head[:4] == ["number", "time_utc", "what", "about"]
    assert len(rows) == Transaction.objects.filter(team=team).count()
    assert rows[0][3] == "'@SUM(A1)"
    assert {row[4] for row in rows[1:-1]} == {'\'=HYPERLINK("http://evil.example")'}
    # A number stays one.
    assert rows[1][7] == "-0.001004"
    assert [row[0] for row in downloaded(team, owner, kind="credit")[1:]] == [rows[0][0], rows[-1][0]]


def test_a_page_costs_a_few_queries_however_long_the_books(team, owner, jo):
    hold_by(jo, 1000)

    def asked():
        with CaptureQueriesContext(connection) as queries:
            statement_page(team=team, wanted=Filter())
        return len(queries)

    few = asked()
    for _ in range(20):
        spend(team, 1000)

    assert asked() <= few + 2 <= 9


def test_programs_read_the_same_lines(team, jo):
    clip = uuid4()
    hold_by(jo, 100_834, clip)
    program = api_for(team)

    first = program.get("/ledger", {"limit": 1}).json()
    rest = program.get("/ledger", {"cursor": first["next_cursor"]}).json()

    assert first["data"] == [
        {
            "id": str(Transaction.objects.latest("id").pk),
            "at": first["data"][0]["at"],
            "kind": "hold",
            "what": "Set aside for a clip",
            "about": "1 frame",
            "generation": str(clip),
            "member": "Jo Lind",
            "key": None,
            "project": None,
            "available": "-0.100834",
            "held": "0.100834",
            "frozen": "0.000000",
            "balance": "0.899166",
        }
    ]
    assert [line["kind"] for line in rest["data"]] == ["promo_grant"]
    assert rest["next_cursor"] is None
    assert program.get("/ledger", {"limit": 0}).status_code == 422
    assert program.get("/ledger", {"kind": "nonsense"}).status_code == 422


def test_the_version_after_a_moment_is_found_in_empty_books(team):
    account = Account.objects.get(team=team, kind=AccountKind.FROZEN)
    with connection.cursor() as cursor:
        cursor.execute("SELECT billing_version_after(%s, now())", [account.pk])
        assert cursor.fetchone() == (1,)
