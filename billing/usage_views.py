"""What the team spent, drawn and in numbers, and how long its credit lasts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django import forms
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.csv_export import Amount, csv_response
from accounts.http import TeamRequest, requires
from accounts.permissions import BILLING_VIEW
from billing.money import as_decimal_string, format_exact
from billing.sections import billing_tabs
from billing.services.forecast import SHORTEST, forecast_of
from billing.services.usage import Share, Usage, usage_of

PERIODS = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "12 months"}
USUAL = "30"
# Longer periods are drawn by month: a bar for each day would be thinner than a line.
DAYS_DRAWN = 92
LONGEST_DAYS = 366


class PeriodForm(forms.Form):
    """A number of days up to today, or two days, both included; in UTC."""

    days = forms.ChoiceField(choices=list(PERIODS.items()), required=False)
    since = forms.DateField(required=False)
    until = forms.DateField(required=False)

    def span(self, today: date) -> tuple[date, date]:
        """The first and the last day, at most a year; the usual period for what makes no sense."""
        data = self.cleaned_data if self.is_valid() else {}
        since, until = data.get("since"), data.get("until") or today
        if since is not None and since <= until:
            return max(since, until - timedelta(days=LONGEST_DAYS - 1)), until
        return today - timedelta(days=int(data.get("days") or USUAL) - 1), today


@dataclass(frozen=True, slots=True)
class Bar:
    """One mark of a chart; places and sizes in a drawing 1000 wide and 100 high."""

    title: str
    x: float
    y: float
    width: float
    height: float
    empty: bool


@require_safe
@requires(BILLING_VIEW)
def usage(request: TeamRequest) -> HttpResponse:
    now = timezone.now()
    form = PeriodForm(request.GET)
    found = usage_of(team=request.team, **_span(form, now.date()))
    marks = _marks(found)
    most = max((mark.spent for mark in marks), default=0)
    context = {
        "tabs": billing_tabs(request.actor, "billing:usage"),
        "usage": found,
        "marks": marks,
        "bars": _bars(marks, most),
        "most": most,
        "members": _shares(found.members, found.spent),
        "keys": _shares(found.keys, found.spent),
        "projects": _shares(found.projects, found.spent),
        "used_days": [day for day in reversed(marks) if day.clips],
        "by_month": len(found.days) > DAYS_DRAWN,
        "periods": list(PERIODS.items()),
        "usual": USUAL,
        "chosen": _chosen(request),
        "forecast": forecast_of(team=request.team, now=now),
        "shortest": SHORTEST,
        "file_query": request.GET.urlencode(),
    }
    return render(request, "billing/usage.html", context)


@require_safe
@requires(BILLING_VIEW)
def usage_file(request: TeamRequest) -> HttpResponseBase:
    """Days, members, keys and projects of the period, one after the other, as CSV."""
    found = usage_of(team=request.team, **_span(PeriodForm(request.GET), timezone.now().date()))
    name = f"usage-{request.team.slug}-{found.first:%Y-%m-%d}-{found.last:%Y-%m-%d}.csv"
    groups = (
        *(("day", found.days), ("member", found.members)),
        *(("api_key", found.keys), ("project", found.projects)),
    )
    rows = [
        (
            group,
            str(share.day or share.name),
            share.detail,
            share.clips,
            Amount(as_decimal_string(share.spent)),
        )
        for group, shares in groups
        for share in shares
    ]
    return csv_response(name, ("group", "name", "person", "clips", "spent"), rows)


def _span(form: PeriodForm, today: date) -> dict[str, date]:
    first, last = form.span(today)
    return {"first": first, "last": last}


def _chosen(request: TeamRequest) -> str:
    return "" if request.GET.get("since") else request.GET.get("days") or USUAL


def _marks(found: Usage) -> Sequence[Share]:
    """What is drawn: the days, or the months of a long period."""
    if len(found.days) <= DAYS_DRAWN:
        return found.days
    months: dict[str, list[Share]] = {}
    for day in found.days:
        months.setdefault(f"{day.day:%b %Y}", []).append(day)
    return [
        Share(name, sum(day.clips for day in days), sum(day.spent for day in days))
        for name, days in months.items()
    ]


def _bars(marks: Sequence[Share], most: int) -> list[Bar]:
    step = 1000 / max(len(marks), 1)
    bars = []
    for place, mark in enumerate(marks):
        height = max(mark.spent * 100 / most, 0.8) if most else 0.8
        clips = f"{mark.clips:,} clip{'' if mark.clips == 1 else 's'}"
        title = f"{mark.name}: {format_exact(mark.spent)}, {clips}"
        x, width = place * step + step * 0.12, step * 0.76
        bars.append(
            Bar(title, round(x, 2), round(100 - height, 2), round(width, 2), round(height, 2), not mark.clips)
        )
    return bars


def _shares(shares: Sequence[Share], total: int) -> list[tuple[Share, Any]]:
    """Each with its part of all, in percent to a tenth."""
    return [(share, round(share.spent * 100 / total, 1) if total > 0 else 0) for share in shares]
