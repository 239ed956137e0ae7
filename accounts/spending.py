"""What members spent: known to billing, which stands above this app and registers here when Django starts."""

from collections.abc import Callable, Mapping
from datetime import date

from accounts.models import Team

# µ$ by user id, for clips delivered from the first to the last day, both included; in UTC.
SpendingOf = Callable[[Team, date, date], Mapping[int, int]]

_sources: list[SpendingOf] = []


def register(source: SpendingOf) -> None:
    """Have `source` asked by the members page; the last one to register counts."""
    _sources.append(source)


def spent_by_members(team: Team, first: date, last: date) -> Mapping[int, int]:
    """Members who spent nothing are left out."""
    return _sources[-1](team, first, last) if _sources else {}
