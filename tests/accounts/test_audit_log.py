"""The audit log for owners: every deed in words, filters, pages, and a file that no spreadsheet obeys."""

import csv
import re

import pytest
from django.test import Client
from django.utils import timezone

from accounts.audit import record
from accounts.audit_words import ACTIONS, GROUPS
from accounts.csv_export import csv_response
from accounts.models import AuditEvent
from accounts.services.audit_log import AuditFilter, audit_events, audit_page
from billing.services import limit_changes
from generations.services.retention import set_retention
from tests.support.factories import actor_for, make_invitation, make_member, make_team, make_user, owner_of
from tests.support.programs import ROOT

DEED = re.compile(r'"([a-z_]+\.[a-z_]+)"')
# Lines of the log, names of files and beginnings of deeds look the same.
OTHERS = re.compile(r'logger\.\w+\(\s*"[^"]*"|"\w+\.(?:html|txt|json)"|startswith\(\([^)]*\)')
IMPORTS_RECORD = re.compile(r"^from accounts\.audit import .*\brecord\b", re.MULTILINE)


@pytest.fixture
def team(db):
    return make_team(make_user("mara@example.com", name="Mara Maker"), name="Lumen")


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


def page_of(team, query=""):
    return signed_in(owner_of(team)).get(f"/t/{team.slug}/audit/{query}").content.decode()


def test_every_deed_that_is_recorded_anywhere_has_words():
    """Every text of that form in a module that records: a deed may be named in a variable first."""
    told = {
        deed
        for app in ("accounts", "billing", "generations", "ltxplatform")
        for path in (ROOT / app).rglob("*.py")
        if IMPORTS_RECORD.search(source := path.read_text())
        for deed in DEED.findall(OTHERS.sub("", source))
    }

    assert told - ACTIONS.keys() == set()
    assert len(told) > 20
    assert {group for group, _ in ACTIONS.values()} <= GROUPS.keys()


def test_what_was_done_is_told_with_old_and_new_values(team):
    actor, editor = actor_for(team), make_member(team, "editor")
    limit = limit_changes.cap_spending(
        actor=actor, subject=f"member:{editor.pk}", period="day", cap=2_000_000
    )
    limit_changes.change_cap(actor=actor, limit_id=limit.pk, cap=3_000_000)
    limit_changes.change_cap(actor=actor, limit_id=limit.pk, cap=3_000_000)
    limit_changes.remove_limit(actor=actor, limit_id=limit.pk, now=timezone.now())
    set_retention(team=team, keep_days=30, actor="operator")
    make_invitation(team, "kim@example.com")

    page = re.sub(r"\s+", " ", page_of(team))

    assert f"<strong>Mara Maker</strong> set a limit for {editor.email}" in page
    assert "<del>$2.00</del>" in page
    assert "<ins>$3.00</ins>" in page
    assert f"removed the limit of {editor.email}" in page
    assert "<strong>The platform</strong> changed how long clip files are kept" in page
    assert "Days kept: <ins>30</ins>" in page
    assert "invited kim@example.com" in page
    assert f"<strong>The platform</strong> added {editor.email}" in page
    assert AuditEvent.objects.filter(action="limit.set").count() == 2


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("?group=keys", {"api_key.revoked"}),
        ("?group=members", {"member.joined", "member.role_changed"}),
        ("?thing=web", {"api_key.revoked"}),
        ("?person=PERSON", {"api_key.revoked"}),
        ("?since=2099-01-01", set()),
        ("?until=2020-01-01", set()),
        ("?since=2099-01-01&until=2020-01-01", None),
        ("?person=none&group=x", None),
    ],
)
def test_filters_narrow_the_log(team, query, seen):
    other = make_member(team, "admin")
    record("api_key.revoked", by=actor_for(team, other), name="Website")
    record("member.role_changed", by=actor_for(team), name="Kim")
    record("api_key.revoked", by=actor_for(make_team()), name="Website of others")

    browser = signed_in(owner_of(team))
    query = query.replace("PERSON", str(other.pk))
    lines = b"".join(browser.get(f"/t/{team.slug}/audit.csv{query}").streaming_content).decode().splitlines()
    rows = list(csv.DictReader(lines))

    everything = {"team.created", "member.joined", "api_key.revoked", "member.role_changed"}
    assert {row["action"] for row in rows} == (everything if seen is None else seen)
    assert "of others" not in "".join(lines)
    assert browser.get(f"/t/{team.slug}/audit/{query}").status_code == 200


def test_pages_follow_each_other_without_gap_or_double(team):
    for number in range(7):
        record("api_key.revoked", by=actor_for(team), name=f"Key {number}")
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = audit_page(team=team, wanted=AuditFilter(group="keys"), cursor=cursor, size=3)
        record("api_key.revoked", by=actor_for(team), name="Meanwhile")
        seen += [event.object_name for event in page.events]
        cursor = page.older

    assert seen == [f"Key {number}" for number in reversed(range(7))]
    assert signed_in(owner_of(team)).get(f"/t/{team.slug}/audit/?cursor=x").status_code == 302
    assert len(list(audit_events(team=team, wanted=AuditFilter()))) == 11


STARTS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "|calc",
    "%0A",
    "\t=1",
    "\r=1",
    "\n=1",
    "\uff1d1",
    "\uff0b1",
    "\uff0d1",
    "\uff201",
]


def test_no_name_becomes_a_formula():
    payloads = [before + start for start in STARTS for before in ("", " ", "\u00a0", "\u3000", "\ufeff")]
    response = csv_response("x.csv", ["a"], [[payload] for payload in payloads])

    text = b"".join(response.streaming_content).decode()
    cells = [row[0] for row in csv.reader(text.splitlines(keepends=True))][1:]

    assert len(cells) == len(payloads) >= 60
    assert [cell for cell in cells if not cell.startswith("'")] == []


def test_an_empty_answer_says_so(team):
    assert "Nothing matches" in page_of(team, "?thing=nothing-like-that")
