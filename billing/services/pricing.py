"""What a clip costs: from the price book, in whole µ$, rounded up once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from django.utils import timezone

from billing.models import PriceVersion
from billing.money import format_exact

PRODUCT: Final = "fal-ai/ltxv-13b-098-distilled/image-to-video"
# The provider bills 24 frames as one second, whatever the clip's own frame rate.
FRAMES_PER_BILLED_SECOND: Final = 24
NANOS_PER_MICRO: Final = 1000
DEFAULT_FRAMES: Final = 121
TIMES: Final = "\u00d7"
DIVIDED: Final = "\u00f7"
KINDS_IN_FORMULA: Final = 3

# What a price depends on: frames, and whether there is a detail pass.
Clip = tuple[int, bool]


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
    (price,) = quote_all([(num_frames, detail_pass)], now=now)
    return price


def quote_all(clips: Sequence[Clip], *, now: datetime | None = None) -> list[Quote]:
    """The price of each clip, by the version valid at `now`. One query. Raises ValueError for no frames."""
    version = price_at(now or timezone.now())
    return [quote_at(version, num_frames=num_frames, detail_pass=detail) for num_frames, detail in clips]


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


def formula_of(prices: Sequence[Quote]) -> str:
    """How the price of one clip, or of several together, comes about, for whoever wants to check it."""
    total = format_exact(sum(price.amount for price in prices))
    if len(prices) == 1:
        return f"{steps_of(prices[0].num_frames, prices[0].passes, prices[0].rate_nanos)} = {total}"
    kinds = Counter(prices).most_common()
    shown = [
        f"{number} {TIMES} {format_exact(price.amount)} "
        f"({steps_of(price.num_frames, price.passes, price.rate_nanos)})"
        for price, number in kinds[:KINDS_IN_FORMULA]
    ]
    more = ["\u2026"] if len(kinds) > KINDS_IN_FORMULA else []
    return f"{' + '.join(shown + more)} = {total}"


def steps_of(num_frames: int, passes: int, rate_nanos: int) -> str:
    """The formula's left side for one clip, at a rate in n$."""
    rate = format_exact(rate_nanos // NANOS_PER_MICRO)
    detail = f" {TIMES} {passes} for the detail pass" if passes > 1 else ""
    return (
        f"{num_frames} frames {DIVIDED} {FRAMES_PER_BILLED_SECOND} a second {TIMES} {rate} a second{detail}"
    )


def price_at(now: datetime) -> PriceVersion:
    """The version of the book that counts at `now`."""
    return PriceVersion.objects.filter(product=PRODUCT, valid_from__lte=now).latest("valid_from")
