"""Moments and days as people read them: in their own time zone, which is named, and in the form of their language."""

import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Final

from django.conf import settings
from django.utils import timezone, translation
from django.utils.formats import date_format

from accounts.models import User

_AREAS: Final = frozenset(
    {
        "Africa",
        "America",
        "Antarctica",
        "Arctic",
        "Asia",
        "Atlantic",
        "Australia",
        "Europe",
        "Indian",
        "Pacific",
    }
)


def moment(at: datetime) -> str:
    """Day, time and zone, as in "3 Nov 2026, 15:20 CET"."""
    return f"{date_format(timezone.localtime(at), 'DATETIME_FORMAT')} {zone_of(at)}"


def day(at: date) -> str:
    """The day alone, as in "3 Nov 2026"; a moment's day is the one it falls on in the reader's zone."""
    return date_format(timezone.localtime(at) if isinstance(at, datetime) else at, "DATE_FORMAT")


def zone_of(at: datetime) -> str:
    """The zone's short name at that moment; where it has none, its distance, as in "UTC-03"."""
    name = timezone.localtime(at).strftime("%Z")
    return name if name.isalpha() else f"UTC{name}"


def zone_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Every zone with a place in its name, by area: the older spellings beside them are left out."""
    areas: dict[str, list[tuple[str, str]]] = {"World": [("UTC", "UTC")]}
    for name in sorted(zoneinfo.available_timezones()):
        area, _, place = name.partition("/")
        if area in _AREAS and place:
            areas.setdefault(area, []).append((name, place.replace("_", " ").replace("/", ", ")))
    return list(areas.items())


def zone_named(name: str) -> zoneinfo.ZoneInfo | None:
    """None for no name, and for one that this machine's tables do not know (any more)."""
    try:
        return zoneinfo.ZoneInfo(name) if name else None
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return None


@contextmanager
def as_read_by(user: User | None) -> Iterator[None]:
    """What is written within is for this person: their clock, their language. For e-mails, which nobody asks for."""
    zone = zone_named(user.time_zone) if user is not None else None
    language = (user.language if user is not None else "") or settings.LANGUAGE_CODE
    with timezone.override(zone), translation.override(language):
        yield
