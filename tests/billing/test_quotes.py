"""Quotes that bind: what was promised is charged, for fifteen minutes and for that clip alone."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from billing import services
from billing.services import QuoteExpired
from tests.billing.books import hold, make_wallet

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def team():
    return make_wallet(1_000_000)


@pytest.fixture
def promised(team):
    return services.quote_for_15_minutes(team=team, num_frames=121, detail_pass=False, now=NOW)


def redeem(promised, after=timedelta(minutes=14, seconds=59), **other):
    wish = {"team": promised.team, "quote_id": promised.pk, "num_frames": 121, "detail_pass": False}
    return services.redeem_quote(**{**wish, **other}, now=NOW + after)


def test_the_promised_price_is_charged_when_the_book_has_changed(team, promised):
    services.publish_price(cost_nanos=40_000_000, valid_from=NOW + timedelta(minutes=1))
    later = NOW + timedelta(minutes=14)
    assert services.quote(num_frames=121, detail_pass=False, now=later).amount == 201_667

    made = hold(team, redeem(promised))

    assert (made.amount, promised.amount) == (100_834, 100_834)
    assert (made.price_version, made.rate_nanos) == (promised.price_version, 20_000_000)


@pytest.mark.parametrize(
    "other",
    [
        {"after": timedelta(minutes=15)},
        {"quote_id": uuid4()},
        {"num_frames": 122},
        {"detail_pass": True},
    ],
)
def test_a_quote_covers_its_clip_for_its_time(promised, other):
    with pytest.raises(QuoteExpired):
        redeem(promised, **other)


def test_a_quote_belongs_to_its_team(promised):
    with pytest.raises(QuoteExpired):
        redeem(promised, team=make_wallet())


@pytest.mark.parametrize(("margin", "rate"), [(0, 20_000_000), (25, 25_000_000), (33, 26_600_000)])
def test_a_price_is_the_providers_plus_the_margin(margin, rate, settings):
    settings.PRICE_MARGIN_PERCENT = margin

    assert services.publish_price(cost_nanos=20_000_000, valid_from=NOW).rate_nanos == rate
    assert (
        services.publish_price(cost_nanos=3, valid_from=NOW + timedelta(1), margin_percent=50).rate_nanos == 5
    )


@pytest.mark.parametrize(("cost", "margin"), [(0, 0), (1, -1)])
def test_a_price_is_not_made_of_nothing(cost, margin):
    with pytest.raises(ValueError, match="cost above zero"):
        services.publish_price(cost_nanos=cost, margin_percent=margin, valid_from=NOW)
