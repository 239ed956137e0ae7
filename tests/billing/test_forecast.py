"""The forecast: how long the credit lasts, and what the month comes to."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from billing.services.forecast import forecast_of
from tests.billing.test_usage import add_day
from tests.contracts.world import browser_of
from tests.support import factories
from tests.support.api import api_for

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def team():
    team = factories.make_team()
    factories.give_credits(team, 10_000_000)
    return team


def used(team, days, spent=1_000_000, until=NOON):
    for number in range(1, days + 1):
        add_day(team, until.date() - number * DAY, spent)


def test_less_than_seven_days_say_nothing(team):
    assert forecast_of(team=team, now=NOON) is None
    used(team, 6)
    assert forecast_of(team=team, now=NOON) is None


def test_a_steady_use_ends_when_the_credit_does(team):
    used(team, 7)
    add_day(team, NOON.date(), 250_000)

    found = forecast_of(team=team, now=NOON)

    assert (found.rate, found.basis, found.days_left, found.runs_out) == (
        1_000_000,
        7,
        10,
        date(2026, 11, 30),
    )
    # Seven days and a quarter so far; half of today and ten days to come.
    assert (found.spent_this_month, found.month_total) == (7_250_000, 17_750_000)
    assert (found.balance_at_month_end, found.lasts_the_month, found.short) == (-500_000, False, 500_000)


def test_quiet_days_count_and_old_ones_do_not(team):
    add_day(team, NOON.date() - 200 * DAY, 99_000_000)
    add_day(team, NOON.date() - 28 * DAY, 28_000)
    add_day(team, NOON.date() - 29 * DAY, 28_000_000)

    found = forecast_of(team=team, now=NOON)

    assert (found.rate, found.basis) == (1000, 28)
    assert (found.days_left, found.runs_out) == (10_000, None)
    assert found.lasts_the_month


def test_who_spends_nothing_runs_out_never(team):
    add_day(team, NOON.date() - 100 * DAY, 1)

    found = forecast_of(team=team, now=NOON)

    assert (found.rate, found.days_left, found.runs_out) == (0, None, None)
    assert found.balance_at_month_end == 10_000_000


def test_the_usage_page_and_the_api_say_so(team):
    program = api_for(team)
    assert set(program.get("/forecast").json().values()) == {None}
    used(team, 10, until=timezone.now())

    page = browser_of(factories.owner_of(team)).get(f"/t/{team.slug}/billing/usage/").content.decode()
    found = program.get("/forecast").json()

    assert "Days left at this rate" in page
    assert (found["days_left"], found["a_day"], found["basis_days"]) == (10, "1.000000", 10)
