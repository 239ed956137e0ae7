"""Quotes that bind for fifteen minutes, and the price book they are taken from."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings

from accounts.errors import DomainError
from accounts.models import Team
from billing.models import PriceVersion, StoredQuote
from billing.services.pricing import PRODUCT, Quote, quote, quote_at

BINDING: Final = timedelta(minutes=15)


class QuoteExpired(DomainError):
    """The quote's time is over, or it was for another clip or another team."""

    code = "quote_expired"


def quote_for_15_minutes(*, team: Team, num_frames: int, detail_pass: bool, now: datetime) -> StoredQuote:
    """Promise the team today's price of a clip; it is charged until `expires_at` whatever the price book says.

    Raises ValueError for no frames.
    """
    price = quote(num_frames=num_frames, detail_pass=detail_pass, now=now)
    return StoredQuote.objects.create(
        team=team,
        price_version_id=price.price_version_id,
        num_frames=num_frames,
        detail_pass=detail_pass,
        amount=price.amount,
        expires_at=now + BINDING,
    )


def redeem_quote(*, team: Team, quote_id: UUID, num_frames: int, detail_pass: bool, now: datetime) -> Quote:
    """The price that was promised, for `hold_credits`. Raises QuoteExpired when it does not cover this clip."""
    promised = StoredQuote.objects.select_related("price_version").filter(team=team, pk=quote_id).first()
    if promised is None or promised.expires_at <= now:
        raise QuoteExpired("This quote is over. Ask for a new one.")
    if (promised.num_frames, promised.detail_pass) != (num_frames, detail_pass):
        raise QuoteExpired("This quote is for a clip with other settings. Ask for a new one.")
    return quote_at(promised.price_version, num_frames=num_frames, detail_pass=detail_pass)


def publish_price(
    *, cost_nanos: int, valid_from: datetime, margin_percent: int | None = None, detail_passes: int = 2
) -> PriceVersion:
    """Add a version to the price book: the provider's rate plus the margin, in n$ per billed second, rounded up.

    The margin is PRICE_MARGIN_PERCENT unless given. Versions are never changed; the newest that is valid counts.
    Raises ValueError for a cost that is not above zero or a margin below it.
    """
    margin = settings.PRICE_MARGIN_PERCENT if margin_percent is None else margin_percent
    if cost_nanos <= 0 or margin < 0:
        raise ValueError("A price needs a cost above zero and a margin that is not below it.")
    return PriceVersion.objects.create(
        product=PRODUCT,
        rate_nanos=-(-cost_nanos * (100 + margin) // 100),
        detail_passes=detail_passes,
        valid_from=valid_from,
    )
