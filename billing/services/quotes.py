"""Quotes that bind for fifteen minutes, and the price book they are taken from."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings

from accounts.errors import DomainError
from accounts.models import Team
from billing.models import PriceVersion, StoredQuote
from billing.services.pricing import PRODUCT, Clip, Quote, price_at, quote_at

BINDING: Final = timedelta(minutes=15)
KEPT: Final = timedelta(days=1)


class QuoteExpired(DomainError):
    """The quote's time is over, or the team has no such quote."""

    code = "quote_expired"


class QuoteMismatch(DomainError):
    """The quote is for other clips."""

    code = "quote_mismatch"


def quote_for_15_minutes(*, team: Team, clips: Sequence[Clip], now: datetime) -> StoredQuote:
    """Promise the team today's price of a clip, or of several together, until `expires_at`.

    It is charged whatever the price book says by then. Raises ValueError for no clip or no frames.
    """
    if not clips:
        raise ValueError("A quote is for at least one clip.")
    version = price_at(now)
    prices = [quote_at(version, num_frames=num_frames, detail_pass=detail) for num_frames, detail in clips]
    return StoredQuote.objects.create(
        team=team,
        price_version=version,
        clips=_counted(clips),
        amount=sum(price.amount for price in prices),
        expires_at=now + BINDING,
    )


def redeem_quote(*, team: Team, quote_id: UUID, clips: Sequence[Clip], now: datetime) -> list[Quote]:
    """The price of each clip as it was promised, for `hold_credits`; the clips may come in another order.

    Raises QuoteExpired, and QuoteMismatch when the promise was for other clips.
    """
    promised = StoredQuote.objects.select_related("price_version").filter(team=team, pk=quote_id).first()
    if promised is None or promised.expires_at <= now:
        raise QuoteExpired("This quote has expired. Get a new one.")
    if promised.clips != _counted(clips):
        raise QuoteMismatch("This quote is for clips of another length, number or kind. Get a new one.")
    version = promised.price_version
    return [quote_at(version, num_frames=num_frames, detail_pass=detail) for num_frames, detail in clips]


def forget_quotes(*, now: datetime) -> int:
    """Delete the quotes that were over a day ago; returns how many. What was charged by them is kept with the holds."""
    deleted, _ = StoredQuote.objects.filter(expires_at__lte=now - KEPT).delete()
    return deleted


def publish_price(
    *, cost_nanos: int, valid_from: datetime, margin_percent: int | None = None, detail_passes: int = 2
) -> PriceVersion:
    """Add a version to the price book: the provider's rate plus the margin, in n$ per billed second, rounded up.

    The margin is PRICE_MARGIN_PERCENT unless given. Versions are never changed; the newest that is valid counts.
    Raises ValueError for a cost that is not above zero, a margin below it or no passes.
    """
    margin = settings.PRICE_MARGIN_PERCENT if margin_percent is None else margin_percent
    if cost_nanos <= 0 or margin < 0 or detail_passes < 1:
        raise ValueError(
            "A price needs a cost above zero, a margin that is not below it, and at least one pass."
        )
    return PriceVersion.objects.create(
        product=PRODUCT,
        rate_nanos=-(-cost_nanos * (100 + margin) // 100),
        detail_passes=detail_passes,
        valid_from=valid_from,
    )


def _counted(clips: Sequence[Clip]) -> list[list[int | bool]]:
    return [[*kind, number] for kind, number in sorted(Counter(clips).items())]
