"""What clips cost, to the last µ$."""

import inspect
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from billing.models import PriceVersion
from billing.services import default_clip_price, quote
from billing.services.pricing import PRODUCT, price_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("frames", "seconds", "normal", "detail"),
    [
        (9, "0.3750", 7_500, 15_000),
        (120, "5.0000", 100_000, 200_000),
        (121, "5.0417", 100_834, 201_667),
        (240, "10.0000", 200_000, 400_000),
        (720, "30.0000", 600_000, 1_200_000),
        (1200, "50.0000", 1_000_000, 2_000_000),
        (1441, "60.0417", 1_200_834, 2_401_667),
    ],
)
def test_price_list(frames, seconds, normal, detail):
    plain, detailed = quote(num_frames=frames, detail_pass=False), quote(num_frames=frames, detail_pass=True)

    assert (plain.amount, detailed.amount) == (normal, detail)
    assert (plain.passes, detailed.passes) == (1, 2)
    assert plain.billed_seconds == detailed.billed_seconds == Decimal(seconds)


def test_ten_clips_cost_ten_times_one():
    assert sum(quote(num_frames=121, detail_pass=False).amount for _ in range(10)) == 1_008_340


def test_frame_rate_and_resolution_are_not_even_asked_for():
    assert set(inspect.signature(quote).parameters) == {"num_frames", "detail_pass", "now"}


def test_fewer_delivered_frames_cost_what_they_would_have_cost():
    asked = quote(num_frames=121, detail_pass=True)

    delivered = price_of(rate_nanos=asked.rate_nanos, num_frames=97, passes=asked.passes)

    assert delivered == quote(num_frames=97, detail_pass=True).amount == 161_667


def test_the_default_clip_has_121_frames():
    assert default_clip_price() == 100_834


@pytest.mark.parametrize("frames", [0, -24])
def test_no_frames_have_no_price(frames):
    with pytest.raises(ValueError, match="at least one frame"):
        quote(num_frames=frames, detail_pass=False)


def test_a_new_price_counts_from_its_date():
    change = timezone.now() + timedelta(days=1)
    later = PriceVersion.objects.create(
        product=PRODUCT, rate_nanos=30_000_000, detail_passes=3, valid_from=change
    )
    PriceVersion.objects.create(product="something else", rate_nanos=1, valid_from=change)

    before = quote(num_frames=24, detail_pass=True, now=change - timedelta(microseconds=1))
    after = quote(num_frames=24, detail_pass=True, now=change)

    assert (before.amount, before.rate_nanos) == (40_000, 20_000_000)
    assert (after.amount, after.passes, after.price_version_id) == (90_000, 3, later.pk)
    assert quote(num_frames=24, detail_pass=True).amount == 40_000


def test_before_the_first_price_there_is_none():
    with pytest.raises(PriceVersion.DoesNotExist):
        quote(num_frames=24, detail_pass=False, now=datetime(2024, 12, 31, tzinfo=UTC))


def test_a_quote_is_one_query(django_assert_num_queries):
    with django_assert_num_queries(1):
        quote(num_frames=121, detail_pass=False)
