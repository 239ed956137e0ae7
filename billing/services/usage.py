"""What a team spent: by day, by member, by API key.

Read from days that the database counts as clips are captured, so a year costs as much as its days and people, whatever
the number of clips.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Sum

from accounts.models import Team
from billing.models import UsageDay
from billing.services.people import people_behind


@dataclass(frozen=True, slots=True)
class Share:
    """What one day, person or key came to; `spent` is µ$."""

    name: str
    clips: int
    spent: int
    detail: str = ""
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Every day from `first` to `last`, also those without any; people and keys by what they spent."""

    first: date
    last: date
    days: Sequence[Share]
    members: Sequence[Share]
    keys: Sequence[Share]
    clips: int
    spent: int


def usage_of(*, team: Team, first: date, last: date) -> Usage:
    """From `first` to `last`, both included, in UTC; three queries."""
    rows = list(
        UsageDay.objects.filter(team=team, day__range=(first, last)).values_list(
            "day", "actor", "clips", "spent"
        )
    )
    people = people_behind(team, {actor for _, actor, _, _ in rows})
    days: defaultdict[date, _Sum] = defaultdict(_Sum)
    members: defaultdict[tuple[int | None, str], _Sum] = defaultdict(_Sum)
    keys: defaultdict[tuple[str, str], _Sum] = defaultdict(_Sum)
    for day, actor, clips, spent in rows:
        who = people[actor]
        sums = [days[day], members[who.user_id, who.person]]
        if who.key:
            sums.append(keys[who.key, who.person])
        for total in sums:
            total.clips += clips
            total.spent += spent
    span = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return Usage(
        first=first,
        last=last,
        days=[_share(f"{day:%-d %b %Y}", days.get(day, _Sum()), day=day) for day in span],
        members=_by_amount(_share(name, total) for (_, name), total in members.items()),
        keys=_by_amount(_share(name, total, detail=maker) for (name, maker), total in keys.items()),
        clips=sum(clips for _, _, clips, _ in rows),
        spent=sum(spent for _, _, _, spent in rows),
    )


def spent_by_members(team: Team, first: date, last: date) -> dict[int, int]:
    """µ$ by user id from `first` to `last`, both included, with what their API keys spent; three queries."""
    rows = UsageDay.objects.filter(team=team, day__range=(first, last)).values_list("actor")
    by_actor = dict(rows.annotate(total=Sum("spent")).order_by())
    people = people_behind(team, by_actor)
    totals: defaultdict[int, int] = defaultdict(int)
    for actor, spent in by_actor.items():
        user_id = people[actor].user_id
        if user_id is not None:
            totals[user_id] += spent
    return dict(totals)


def spent_between(*, team: Team, first: date, last: date) -> int:
    """µ$ from `first` to `last`, both included."""
    found = UsageDay.objects.filter(team=team, day__range=(first, last)).aggregate(total=Sum("spent"))
    return found["total"] or 0


def first_day_of_use(team: Team) -> date | None:
    return UsageDay.objects.filter(team=team).order_by("day").values_list("day", flat=True).first()


@dataclass(slots=True)
class _Sum:
    clips: int = 0
    spent: int = 0


def _share(name: str, total: _Sum, *, detail: str = "", day: date | None = None) -> Share:
    return Share(name, total.clips, total.spent, detail, day)


def _by_amount(shares: Iterable[Share]) -> list[Share]:
    return sorted(shares, key=lambda share: (-share.spent, share.name))
