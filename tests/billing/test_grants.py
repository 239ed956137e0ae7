"""Promotional credit, and the command that gives it."""

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from billing import services
from billing.models import Account, Entry, Transaction
from billing.services import KeyReused
from tests.billing.books import check_walls, make_wallet, wallet

pytestmark = pytest.mark.django_db


def grant(team, amount, key="welcome", reason="A welcome"):
    services.grant_promo(team=team, amount=amount, key=key, actor="operator", reason=reason)


def run_grant(*arguments):
    out = io.StringIO()
    call_command("billing_grant", *arguments, stdout=out)
    return out.getvalue()


def test_a_team_starts_without_a_wallet():
    team = make_wallet()

    assert wallet(team) == (0, 0)
    assert not Account.objects.filter(team=team).exists()


def test_a_grant_opens_the_wallet_and_fills_it():
    team = make_wallet()

    grant(team, 10_000_000)

    check_walls()
    assert wallet(team) == (10_000_000, 0)
    recorded = Transaction.objects.get(key="promo:welcome")
    assert (recorded.team, recorded.kind, recorded.actor, recorded.reason) == (
        team,
        "promo_grant",
        "operator",
        "A welcome",
    )
    amounts = Entry.objects.filter(transaction=recorded).values_list("account__kind", "amount")
    assert sorted(amounts) == [("available", 10_000_000), ("promo", -10_000_000)]
    assert services.find_violations() == []


def test_a_grant_is_given_once_per_key():
    team = make_wallet()

    for _ in range(3):
        grant(team, 500)

    assert wallet(team) == (500, 0)


def test_a_key_cannot_stand_for_another_grant():
    team, other = make_wallet(), make_wallet()
    grant(team, 500)

    with pytest.raises(KeyReused):
        grant(team, 501)
    with pytest.raises(KeyReused):
        grant(other, 500)
    assert (wallet(team), wallet(other)) == ((500, 0), (0, 0))


@pytest.mark.parametrize("amount", [0, -1])
def test_a_grant_adds_credit(amount):
    with pytest.raises(ValueError, match="above zero"):
        grant(make_wallet(), amount)


def test_a_grant_needs_a_reason():
    with pytest.raises(ValueError, match="reason"):
        grant(make_wallet(), 1, reason=" ")


def test_the_command_gives_credit_each_time():
    team = make_wallet()

    run_grant(team.slug, "2.50", "--reason", "Sorry")
    printed = run_grant(team.slug, "2.50", "--reason", "Sorry")

    assert printed == f"$2.50 granted. {team} can spend $5.00.\n"
    assert wallet(team) == (5_000_000, 0)


def test_the_command_gives_credit_once_per_key():
    team = make_wallet()

    for _ in range(2):
        run_grant(team.slug, "10", "--reason", "Sorry", "--key", "ticket-7")

    assert wallet(team) == (10_000_000, 0)


@pytest.mark.parametrize(
    ("slug", "amount", "reason", "said"),
    [
        ("nobody", "1", "Why not", "There is no team called nobody"),
        (None, "much", "Why not", "not an amount of dollars"),
        (None, "0", "Why not", "above zero"),
        (None, "1", "", "needs a reason"),
    ],
)
def test_the_command_explains_a_refusal(slug, amount, reason, said):
    team = make_wallet()

    with pytest.raises(CommandError, match=said):
        run_grant(slug or team.slug, amount, "--reason", reason)


def test_the_command_gives_credit_for_a_while():
    team = make_wallet()

    run_grant(team.slug, "10", "--reason", "A trial", "--days", "30")

    (lot,) = services.lots_of(team)
    assert timedelta(days=29) < lot.expires_at - timezone.now() <= timedelta(days=30)
