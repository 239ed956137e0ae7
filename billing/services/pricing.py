"""What a clip costs: from the price book, in whole µ$, rounded up once."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from django.utils import timezone

from billing.models import PriceVersion

PRODUCT: Final = "fal-ai/ltxv-13b-098-distilled/image-to-video"
# The provider bills 24 frames as one second, whatever the clip's own frame rate.
FRAMES_PER_BILLED_SECOND: Final = 24
NANOS_PER_MICRO: Final = 1000
DEFAULT_FRAMES: Final = 121


@dataclass(frozen=True, slots=True)
class Quote:
    """An exact price and everything it was worked out from. `amount` is µ$, `rate_nanos` n$."""

    amount: int
    num_frames: int
    detail_pass: bool
    passes: int
    rate_nanos: int
    billed_seconds: Decimal
    price_version_id: int


def quote(*, num_frames: int, detail_pass: bool, now: datetime | None = None) -> Quote:
    """The price of one clip, by the version valid at `now`. Raises ValueError for no frames.

    Frame rate and resolution are not asked for: they cost nothing.
    """
    return quote_at(_price_at(now or timezone.now()), num_frames=num_frames, detail_pass=detail_pass)


def quote_at(version: PriceVersion, *, num_frames: int, detail_pass: bool) -> Quote:
    """The price of one clip by a version of the book. Raises ValueError for no frames."""
    if num_frames < 1:
        raise ValueError("A clip has at least one frame.")
    passes = version.detail_passes if detail_pass else 1
    return Quote(
        amount=price_of(rate_nanos=version.rate_nanos, num_frames=num_frames, passes=passes),
        num_frames=num_frames,
        detail_pass=detail_pass,
        passes=passes,
        rate_nanos=version.rate_nanos,
        billed_seconds=billed_seconds(num_frames),
        price_version_id=version.pk,
    )


def default_clip_price() -> int:
    """µ$ of a clip that nobody changed the settings of."""
    return quote(num_frames=DEFAULT_FRAMES, detail_pass=False).amount


def price_of(*, rate_nanos: int, num_frames: int, passes: int) -> int:
    """µ$ of `num_frames`: also what fewer delivered frames cost, at a hold's stored rate and passes."""
    # Rounded up once, after multiplying: rounding each pass would charge 1 µ$ more than the quote that
    # the customer accepted.
    return -(-rate_nanos * num_frames * passes // (FRAMES_PER_BILLED_SECOND * NANOS_PER_MICRO))


def billed_seconds(num_frames: int) -> Decimal:
    """For people to read, to four decimals; prices are worked out from frames."""
    return (Decimal(num_frames) / FRAMES_PER_BILLED_SECOND).quantize(Decimal("0.0001"))


def _price_at(now: datetime) -> PriceVersion:
    return PriceVersion.objects.filter(product=PRODUCT, valid_from__lte=now).latest("valid_from")
