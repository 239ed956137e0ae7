"""Disputes: frozen at once, restored exactly or taken, with the cash on its own way."""

from uuid import uuid4

import pytest
from django.utils import timezone

from billing import services
from billing.models import Account, Debt
from tests.billing.books import buy, check_walls, hold, make_wallet, settle, spend, wallet

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture(autouse=True)
def _books_balance():
    yield
    check_walls()
    assert services.find_violations() == []


@pytest.fixture
def bought():
    return buy(make_wallet(), 1_000_000)


def dispute(bought, cents=100):
    return services.open_dispute(purchase=bought, stripe_id="dp_1", gross_cents=cents, actor="stripe")


def close(claim, won):
    return services.close_dispute(dispute=claim, won=won, actor="stripe", now=NOW)


def in_disputes():
    account = Account.objects.get(kind="dispute_pending")
    return sum(account.entries.values_list("amount", flat=True))


def test_a_dispute_freezes_what_is_left_of_that_purchase(bought):
    buy(bought.team, 500_000)
    spend(bought.team, 300_000)

    claim = dispute(bought)
    assert dispute(bought) == claim

    assert (claim.frozen, wallet(bought.team)) == (700_000, (500_000, 0))


def test_a_dispute_that_is_won_restores_exactly_that(bought):
    spend(bought.team, 300_000)
    claim = dispute(bought)
    services.post_dispute_cash(dispute=claim, withdrawn=True, actor="stripe")

    assert close(claim, won=True)
    assert not close(claim, won=True)
    assert not close(claim, won=False)
    services.post_dispute_cash(dispute=claim, withdrawn=False, actor="stripe")

    assert (wallet(bought.team), claim.state, in_disputes()) == ((700_000, 0), "won", 0)


def test_a_dispute_that_is_lost_takes_it_and_the_rest_is_debt(bought):
    spend(bought.team, 300_000)
    claim = dispute(bought)
    services.post_dispute_cash(dispute=claim, withdrawn=True, actor="stripe")
    assert in_disputes() == -1_000_000

    close(claim, won=False)

    assert (wallet(bought.team), Debt.objects.get().amount, in_disputes()) == ((-300_000, 0), 300_000, 0)


def test_part_of_a_purchase_is_disputed(bought):
    claim = dispute(bought, cents=40)
    assert (claim.frozen, wallet(bought.team)) == (400_000, (600_000, 0))

    close(claim, won=False)

    assert wallet(bought.team) == (600_000, 0)


@pytest.mark.parametrize(("won", "left"), [(True, 1_000_000), (False, 0)])
def test_credit_released_while_disputed_is_frozen_too(bought, won, left):
    attempt = uuid4()
    hold(bought.team, 600_000, attempt)
    claim = dispute(bought)
    assert claim.frozen == 400_000

    settle(attempt, 0)
    claim.refresh_from_db()
    assert (claim.frozen, wallet(bought.team)) == (1_000_000, (0, 0))
    close(claim, won=won)

    assert wallet(bought.team) == (left, 0)


def test_more_than_was_disputed_returns_after_a_loss(bought):
    attempt = uuid4()
    hold(bought.team, 800_000, attempt)
    claim = dispute(bought, cents=50)
    settle(attempt, 0)

    close(claim, won=False)

    assert wallet(bought.team) == (500_000, 0)


def test_a_debt_can_be_written_off(bought):
    spend(bought.team, 1_000_000)
    close(dispute(bought), won=False)
    debt = Debt.objects.get()

    assert services.write_off_debt(debt=debt, actor="staff:1", reason="Lost cause") == 1_000_000
    assert services.write_off_debt(debt=debt, actor="staff:1", reason="Lost cause") == 0

    assert wallet(bought.team) == (0, 0)


def test_an_unpaid_purchase_is_not_disputed():
    started = services.start_purchase(team=make_wallet(), credit=10_000, actor="test")
    with pytest.raises(ValueError, match="Nobody paid"):
        dispute(started, cents=1)
