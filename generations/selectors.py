"""Reads that pages and API share: a team's clips, newest first, paged by position instead of by number."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.errors import DomainError
from accounts.models import Team
from generations.models import Batch, Generation, Image

Listed = TypeVar("Listed", Generation, Batch)


class InvalidCursor(DomainError):
    """The cursor was not made by `page_after`."""

    code = "invalid_cursor"


@dataclass(frozen=True, slots=True)
class Page(Generic[Listed]):
    """`next_cursor` is None on the last page."""

    rows: list[Listed]
    next_cursor: str | None


def clips_of(team: Team) -> QuerySet[Generation]:
    """Every clip of the team with its picture and maker, newest first."""
    clips = Generation.objects.filter(team=team).select_related(
        "team__retention", "image", "created_by", "project"
    )
    return clips.order_by("-created_at", "-id")


def batches_of(team: Team) -> QuerySet[Batch]:
    """Every batch of the team with its maker, newest first."""
    return Batch.objects.filter(team=team).select_related("team", "created_by").order_by("-created_at", "-id")


def page_after(queryset: QuerySet[Listed], cursor: str | None, limit: int) -> Page[Listed]:
    """The `limit` rows after `cursor`, newest first; rows that arrive meanwhile shift nothing.

    One query. Raises InvalidCursor.
    """
    if cursor:
        created_at, pk = _read(cursor)
        # The first condition repeats what the second implies: it lets the index start at the cursor.
        queryset = queryset.filter(
            Q(created_at__lte=created_at), Q(created_at__lt=created_at) | Q(created_at=created_at, id__lt=pk)
        )
    rows = list(queryset[: limit + 1])
    more = len(rows) > limit
    return Page(rows=rows[:limit], next_cursor=_write(rows[limit - 1]) if more else None)


def recent_images(team: Team, *, limit: int = 12) -> QuerySet[Image]:
    """The team's latest pictures, to use again."""
    return Image.objects.filter(team=team).order_by("-created_at")[:limit]


def _write(row: Generation | Batch) -> str:
    text = f"{row.created_at.isoformat()} {row.pk}"
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[datetime, UUID]:
    try:
        text = urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode("ascii")
        moment, _, pk = text.partition(" ")
        created_at = datetime.fromisoformat(moment)
        row_id = UUID(pk)
    except (binascii.Error, ValueError):
        raise InvalidCursor("This page address is not valid. Start again from the first page.") from None
    if created_at.tzinfo is None:
        raise InvalidCursor("This page address is not valid. Start again from the first page.")
    return created_at, row_id
