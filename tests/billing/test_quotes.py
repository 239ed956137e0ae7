"""Quotes that bind: what was promised is charged, for fifteen minutes and for that clip alone."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from billing import services
from billing.services import QuoteExpired, QuoteMismatch
from tests.billing.books import hold, make_wallet

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def team():
    return make_wallet(1_000_000)


@pytest.fixture
def promised(team):
    return services.quote_for_15_minutes(team=team, clips=[(121, False)], now=NOW)


def redeem(promised, after=timedelta(minutes=14, seconds=59), **other):
    wish = {"team": promised.team, "quote_id": promised.pk, "clips": [(121, False)]}
    return services.redeem_quote(**{**wish, **other}, now=NOW + after)


def test_the_promised_price_is_charged_when_the_book_has_changed(team, promised):
    services.publish_price(cost_nanos=40_000_000, valid_from=NOW + timedelta(minutes=1))
    later = NOW + timedelta(minutes=14)
    assert services.quote(num_frames=121, detail_pass=False, now=later).amount == 201_667

    (price,) = redeem(promised)
    made = hold(team, price)

    assert (made.amount, promised.amount) == (100_834, 100_834)
    assert (made.price_version, made.rate_nanos) == (promised.price_version, 20_000_000)


@pytest.mark.parametrize("other", [{"after": timedelta(minutes=15)}, {"quote_id": uuid4()}])
def test_a_quote_covers_its_time(promised, other):
    with pytest.raises(QuoteExpired):
        redeem(promised, **other)


@pytest.mark.parametrize("clips", [[(122, False)], [(121, True)], [(121, False)] * 2, []])
def test_a_quote_covers_its_clip(promised, clips):
    with pytest.raises(QuoteMismatch):
        redeem(promised, clips=clips)


def test_a_quote_for_several_clips_covers_them_in_any_order(team):
    clips = [(25, False), (121, True), (25, False)]
    promised = services.quote_for_15_minutes(team=team, clips=clips, now=NOW)
    services.publish_price(cost_nanos=40_000_000, valid_from=NOW)

    prices = redeem(promised, clips=[(121, True), (25, False), (25, False)])

    assert [price.amount for price in prices] == [201_667, 20_834, 20_834]
    assert promised.amount == 243_335
    with pytest.raises(QuoteMismatch):
        redeem(promised, clips=clips[:2])


def test_a_quote_is_for_something(team):
    with pytest.raises(ValueError, match="at least one clip"):
        services.quote_for_15_minutes(team=team, clips=[], now=NOW)


def test_quotes_are_forgotten_a_day_after_their_end(promised):
    assert services.forget_quotes(now=promised.expires_at + timedelta(hours=23)) == 0
    assert services.forget_quotes(now=promised.expires_at + timedelta(days=1)) == 1


def test_a_formula_says_how_a_price_comes_about(team):
    one, other = services.quote_all([(121, True), (25, False)])

    assert services.formula_of([one]) == (
        "121 frames ÷ 24 a second \u00d7 $0.02 a second \u00d7 2 for the detail pass = $0.201667"
    )
    assert services.formula_of([other, one, other]) == (
        "2 \u00d7 $0.020834 (25 frames ÷ 24 a second \u00d7 $0.02 a second) + 1 \u00d7 $0.201667 "
        "(121 frames ÷ 24 a second \u00d7 $0.02 a second \u00d7 2 for the detail pass) = $0.243335"
    )
    many = services.quote_all([(frames, False) for frames in (9, 17, 25, 33)])
    assert "+ … = $0.07" in services.formula_of(many)


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
