"""`publish_price`: the operator's way to a new version of the price book."""

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from billing import services
from billing.models import PriceVersion

pytestmark = pytest.mark.django_db


def publish(*arguments):
    out = io.StringIO()
    call_command("publish_price", *arguments, stdout=out)
    return out.getvalue()


def test_a_price_counts_from_now_on(settings):
    settings.PRICE_MARGIN_PERCENT = 25

    said = publish("0.02")

    assert services.default_clip_price() == 126_042
    assert said.endswith("costs: 121 frames ÷ 24 a second \u00d7 $0.025 a second = $0.126042.\n")


def test_a_price_may_wait_for_its_day():
    day = timezone.now() + timedelta(days=3)

    publish("0.03", "--margin", "10", "--detail-passes", "3", "--from", day.isoformat())

    assert services.default_clip_price() == 100_834
    assert services.quote(num_frames=24, detail_pass=True, now=day).amount == 99_000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["zero"], "not an amount"),
        (["NaN"], "at most nine decimals"),
        (["0.0000000001"], "at most nine decimals"),
        (["0"], "cost above zero"),
        (["0.02", "--margin", "-1"], "margin"),
        (["0.02", "--detail-passes", "0"], "one pass"),
        (["0.02", "--from", "tomorrow"], "moment with its zone"),
        (["0.02", "--from", "2027-13-01T00:00Z"], "moment with its zone"),
        (["0.02", "--from", "2020-01-01T00:00Z"], "from now on"),
    ],
)
def test_nonsense_is_refused(arguments, said):
    before = PriceVersion.objects.count()

    with pytest.raises(CommandError, match=said):
        publish(*arguments)

    assert PriceVersion.objects.count() == before
