"""What a team spent: by day, by member, by API key, by project.

Read from days that the database counts as clips are captured, so a year costs as much as its days and people, whatever
the number of clips.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from django.db.models import Sum

from accounts.models import Project, Team
from billing.models import UsageDay
from billing.services.people import people_behind


@dataclass(frozen=True, slots=True)
class Share:
    """What one day, person, key or project came to; `spent` is µ$."""

    name: str
    clips: int
    spent: int
    detail: str = ""
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Every day from `first` to `last`, also those without any; people, keys and projects by what they spent.

    `projects` has a last row without a name for what belongs to none, where anything belongs to one.
    """

    first: date
    last: date
    days: Sequence[Share]
    members: Sequence[Share]
    keys: Sequence[Share]
    projects: Sequence[Share]
    clips: int
    spent: int


def usage_of(*, team: Team, first: date, last: date) -> Usage:
    """From `first` to `last`, both included, in UTC; three queries, and one for projects."""
    rows = list(
        UsageDay.objects.filter(team=team, day__range=(first, last)).values_list(
            "day", "actor", "project_id", "clips", "spent"
        )
    )
    people = people_behind(team, {actor for _, actor, *_ in rows})
    days: defaultdict[date, _Sum] = defaultdict(_Sum)
    members: defaultdict[tuple[int | None, str], _Sum] = defaultdict(_Sum)
    keys: defaultdict[tuple[str, str], _Sum] = defaultdict(_Sum)
    projects: defaultdict[UUID | None, _Sum] = defaultdict(_Sum)
    for day, actor, project, clips, spent in rows:
        who = people[actor]
        sums = [days[day], members[who.user_id, who.person], projects[project]]
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
        projects=_named(team, projects),
        clips=sum(clips for *_, clips, _ in rows),
        spent=sum(spent for *_, spent in rows),
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


def _named(team: Team, projects: Mapping[UUID | None, _Sum]) -> list[Share]:
    """Nothing while no clip belonged to a project; what belonged to none comes last, without a name."""
    if not any(projects):
        return []
    names = dict(
        Project.objects.filter(team=team, pk__in=[pk for pk in projects if pk]).values_list("pk", "name")
    )
    shares = _by_amount(
        _share(names.get(pk, "A former project"), total) for pk, total in projects.items() if pk
    )
    return [*shares, _share("", projects[None])] if None in projects else shares


def _by_amount(shares: Iterable[Share]) -> list[Share]:
    return sorted(shares, key=lambda share: (-share.spent, share.name))
