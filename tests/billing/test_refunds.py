"""Refunds: ours and those made at Stripe, succeeding, failing early and late."""

from uuid import uuid4

import pytest
from django.utils import timezone

from billing import services
from billing.models import Debt, Entry
from billing.services import CreditSpent
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
    """$1.00 of credit, paid with $0.19 tax."""
    return buy(make_wallet(), 1_000_000, tax_cents=19)


def ours(bought, cents):
    return services.request_refund(purchase=bought, gross_cents=cents, actor="staff:1", reason="Asked for")


def made_at_stripe(bought, cents):
    refund = services.note_stripe_refund(purchase=bought, stripe_id=f"re_{uuid4()}", gross_cents=cents)
    finish(refund)
    return refund


def finish(refund, succeeded=True):
    return services.settle_refund(refund=refund, succeeded=succeeded, actor="stripe", now=NOW)


def legs(key):
    return sorted(Entry.objects.filter(transaction__key=key).values_list("account__kind", "amount"))


def frozen(team):
    return services.balance_of(team).frozen


def test_a_refund_of_ours_freezes_then_takes(bought):
    refund = ours(bought, 119)
    assert (wallet(bought.team), frozen(bought.team)) == ((0, 0), 1_000_000)

    assert finish(refund)
    assert not finish(refund)

    assert (wallet(bought.team), frozen(bought.team)) == ((0, 0), 0)
    assert legs(f"refund:{refund.pk}:done") == [
        ("clearing", 1_190_000),
        ("frozen", -1_000_000),
        ("tax_payable", -190_000),
    ]


def test_a_refund_that_fails_returns_what_it_froze(bought):
    refund = ours(bought, 50)
    assert wallet(bought.team) == (579_832, 0)  # 1,000,000 less floor(1,000,000 x 50 / 119)

    finish(refund, succeeded=False)

    assert (wallet(bought.team), refund.state) == ((1_000_000, 0), "failed")


def test_partial_refunds_move_to_the_cumulative_target(bought):
    taken = [made_at_stripe(bought, cents).posted for cents in (40, 40, 39)]

    assert taken == [336_134, 336_134, 327_732]
    assert sum(taken) == 1_000_000
    assert wallet(bought.team) == (0, 0)


def test_spent_credit_cannot_be_refunded_by_us(bought):
    spend(bought.team, 600_000)

    with pytest.raises(CreditSpent):
        ours(bought, 119)
    assert wallet(bought.team) == (400_000, 0)
    with pytest.raises(ValueError, match="what was paid"):
        ours(bought, 120)
    with pytest.raises(ValueError, match="reason"):
        services.request_refund(purchase=bought, gross_cents=1, actor="staff:1", reason=" ")


def test_two_requests_never_promise_the_same_credit(bought):
    ours(bought, 60)
    with pytest.raises(CreditSpent):
        ours(bought, 60)
    ours(bought, 59)

    assert frozen(bought.team) == 1_000_000


def test_a_refund_at_stripe_of_spent_credit_leaves_a_debt(bought):
    team = bought.team
    spend(team, 600_000)

    refund = made_at_stripe(bought, 119)

    assert wallet(team) == (-600_000, 0)
    (debt,) = Debt.objects.filter(team=team)
    assert (debt.amount, debt.open_amount) == (600_000, 600_000)
    assert team.accounts.get(kind="available").floor == -600_000
    assert legs(f"refund:{refund.pk}:claw") == [
        ("available", -1_000_000),
        ("clearing", 1_190_000),
        ("tax_payable", -190_000),
    ]


def test_other_credit_pays_before_there_is_debt(bought):
    team = bought.team
    services.grant_promo(team=team, amount=100_000, key="k", actor="test", reason="Test")
    buy(team, 50_000)
    spend(team, 700_000)  # the 100,000 given, then 600,000 of the purchase

    made_at_stripe(bought, 119)

    assert wallet(team) == (-550_000, 0)
    assert Debt.objects.get().amount == 550_000


def test_the_next_credit_repays_debt(bought):
    team = bought.team
    spend(team, 600_000)
    made_at_stripe(bought, 119)

    services.grant_promo(team=team, amount=500_000, key="first", actor="test", reason="Test")
    assert (wallet(team), Debt.objects.get().open_amount, services.lots_of(team)) == (
        (-100_000, 0),
        100_000,
        [],
    )
    buy(team, 1_000_000)

    assert (wallet(team), Debt.objects.get().open_amount) == ((900_000, 0), 0)
    assert sum(lot.remaining for lot in services.lots_of(team)) == 900_000


def test_credit_released_to_a_team_in_debt_repays_it(bought):
    team, attempt = bought.team, uuid4()
    hold(team, 600_000, attempt)
    made_at_stripe(bought, 119)
    assert (wallet(team), Debt.objects.get().amount) == ((-600_000, 600_000), 600_000)

    settle(attempt, 200_000)

    assert (wallet(team), Debt.objects.get().open_amount) == ((-200_000, 0), 200_000)


@pytest.mark.parametrize("spent", [0, 600_000])
def test_a_refund_that_fails_late_is_undone(bought, spent):
    team = bought.team
    if spent:
        spend(team, spent)
    refund = made_at_stripe(bought, 119)

    assert finish(refund, succeeded=False)
    assert not finish(refund, succeeded=False)

    assert wallet(team) == (1_000_000 - spent, 0)
    assert (refund.state, refund.posted) == ("failed", 0)
    assert not any(debt.open_amount for debt in Debt.objects.all())


def test_a_late_failure_after_the_debt_was_repaid_gives_new_credit(bought):
    team = bought.team
    spend(team, 600_000)
    refund = made_at_stripe(bought, 119)
    buy(team, 700_000)
    assert wallet(team) == (100_000, 0)

    finish(refund, succeeded=False)

    assert wallet(team) == (1_100_000, 0)
