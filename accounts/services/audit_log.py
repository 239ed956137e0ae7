"""A team's audit log, newest first: filtered, in pages, or all of it for a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from django.db.models import QuerySet

from accounts.audit_words import actions_of
from accounts.errors import DomainError
from accounts.models import AuditEvent, Team

PAGE: Final = 50


class BadCursor(DomainError):
    """The cursor was not made by `audit_page`."""

    code: ClassVar[str] = "invalid_cursor"


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Empty fields do not filter. `thing` is looked for in what objects were called."""

    person: int | None = None
    group: str = ""
    thing: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """`older` is the next page's cursor, None on the last one."""

    events: list[AuditEvent]
    older: str | None


def audit_page(*, team: Team, wanted: AuditFilter, cursor: str = "", size: int = PAGE) -> AuditPage:
    """At most `size` deeds before `cursor`: one query, along the index of the team's deeds. Raises BadCursor."""
    events = _matching(team, wanted)
    if cursor:
        if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= 18):
            raise BadCursor("This page address is not valid. Start again from the newest entries.")
        events = events.filter(pk__lt=int(cursor))
    rows = list(events[: size + 1])
    return AuditPage(rows[:size], str(rows[size - 1].pk) if len(rows) > size else None)


def audit_events(*, team: Team, wanted: AuditFilter) -> Iterator[AuditEvent]:
    """All of them, newest first, read page by page: a log of any length fits."""
    cursor: str | None = ""
    while cursor is not None:
        page = audit_page(team=team, wanted=wanted, cursor=cursor, size=500)
        yield from page.events
        cursor = page.older


def _matching(team: Team, wanted: AuditFilter) -> QuerySet[AuditEvent]:
    events = AuditEvent.objects.filter(team=team).select_related("user").order_by("-id")
    if wanted.person is not None:
        events = events.filter(user=wanted.person)
    if wanted.group:
        events = events.filter(action__in=actions_of(wanted.group))
    if wanted.thing:
        events = events.filter(object_name__icontains=wanted.thing)
    if wanted.since is not None:
        events = events.filter(at__gte=wanted.since)
    if wanted.until is not None:
        events = events.filter(at__lt=wanted.until)
    return events
