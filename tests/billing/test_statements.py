"""Statements: what there was at any moment, and the lines that led to it; as a command, too."""

import io
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from billing import services
from billing.models import Transaction
from tests.billing.books import buy, hold, make_wallet, settle

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    """Given 500, held 75 and captured 60 of it; then bought $0.01."""
    team, attempt = make_wallet(500), uuid4()
    hold(team, 75, attempt)
    settle(attempt, 60)
    buy(team, 10_000)
    return team


def run_statement(*arguments):
    out = io.StringIO()
    call_command("billing_statement", *arguments, stdout=out)
    return out.getvalue().splitlines()


def test_a_statement_says_what_there_is_and_why(team):
    found = services.statement_of(team=team, at=timezone.now())

    assert (found.available, found.held, found.frozen) == (10_440, 0, 0)
    assert [(line.what, line.amount, line.balance) for line in found.lines] == [
        ("Credit bought", 10_000, 10_440),
        ("Partial capture", 15, 440),
        ("Hold", -75, 425),
        ("Promotional credit", 500, 500),
    ]


def test_a_statement_says_what_there_was(team):
    held_at = Transaction.objects.get(team=team, kind="hold").created_at

    found = services.statement_of(team=team, at=held_at)

    assert (found.available, found.held, len(found.lines)) == (425, 75, 2)
    before = services.statement_of(team=team, at=held_at - timedelta(days=1))
    assert (before.available, before.lines) == (0, [])


def test_a_team_without_a_wallet_has_an_empty_statement():
    found = services.statement_of(team=make_wallet(), at=timezone.now())

    assert (found.available, found.held, found.frozen, found.lines) == (0, 0, 0, [])


def test_the_command_prints_the_statement(team):
    lines = run_statement(team.slug, "--last", "2")

    assert lines[1] == "available $0.01044, held $0.00, frozen $0.00"
    assert len(lines) == 4
    assert lines[2].endswith(f"Credit bought  (purchase:{team.purchases.get().pk}:credit, test)")
    assert run_statement(team.slug, "--at", "2020-01-01T00:00") == [
        f"{team} at 2020-01-01 00:00:00 UTC",
        "available $0.00, held $0.00, frozen $0.00",
    ]


@pytest.mark.parametrize("moment", ["soon", "2026-13-01T00:00"])
def test_the_command_refuses_what_is_no_moment(team, moment):
    with pytest.raises(CommandError, match="is not a moment"):
        run_statement(team.slug, "--at", moment)
    with pytest.raises(CommandError, match="no team called"):
        run_statement("nobody")
