"""How long the credit lasts if a team goes on as it did, and what the month will come to."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from accounts.models import Team
from billing.services.balances import balance_of
from billing.services.usage import first_day_of_use, spent_between

# The days that the rate is taken from, and how many there must be: less says little about the next.
LONGEST: Final = 28
SHORTEST: Final = 7
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Forecast:
    """Amounts in µ$. `rate` is a day's mean over the last `basis` whole days; `days_left` is None when it is zero."""

    available: int
    rate: int
    basis: int
    spent_this_month: int
    month_total: int
    month_end: date
    balance_at_month_end: int
    days_left: int | None
    runs_out: date | None

    @property
    def lasts_the_month(self) -> bool:
        return self.balance_at_month_end >= 0

    @property
    def short(self) -> int:
        """µ$ that are missing at the month's end."""
        return max(0, -self.balance_at_month_end)


def forecast_of(*, team: Team, now: datetime) -> Forecast | None:
    """Four queries. None while the team has used credit for less than seven whole days."""
    today = now.date()
    began = first_day_of_use(team)
    basis = min(LONGEST, (today - began).days) if began else 0
    if basis < SHORTEST:
        return None
    rate = spent_between(team=team, first=today - basis * _DAY, last=today - _DAY) // basis
    month_end = today.replace(day=monthrange(today.year, today.month)[1])
    to_come = _share_of_days(rate, now, month_end)
    spent = spent_between(team=team, first=today.replace(day=1), last=today)
    available = balance_of(team).available
    days_left = max(available, 0) // rate if rate > 0 else None
    return Forecast(
        available=available,
        rate=max(rate, 0),
        basis=basis,
        spent_this_month=spent,
        month_total=spent + to_come,
        month_end=month_end,
        balance_at_month_end=available - to_come,
        days_left=days_left,
        runs_out=_date_in(today, days_left),
    )


def _share_of_days(rate: int, now: datetime, month_end: date) -> int:
    """What is to come until the month's end, what is left of today included."""
    ends = datetime.combine(month_end + _DAY, datetime.min.time(), tzinfo=now.tzinfo)
    return max(rate, 0) * int((ends - now).total_seconds()) // 86_400


def _date_in(today: date, days: int | None) -> date | None:
    """None when it is too far away to mean anything."""
    return today + timedelta(days=days) if days is not None and days <= 3650 else None
