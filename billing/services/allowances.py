"""Limits as people see them: what they allow now, what is used, what is left, and when they start again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db.models import Q

from accounts.models import Project, Team, User
from billing.models import Budget, Limit, Period

# Where somebody should take notice, in percent of the cap.
MARKS: Final = (50, 80, 100)
_ALWAYS: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EACH: Final = {
    Period.DAY: "a day",
    Period.WEEK: "a week",
    Period.MONTH: "a month",
    Period.TOTAL: "in total",
    Period.JOB: "a clip",
}
_KINDS: Final = ("member", "project", "key")
_ORDER: Final = {period: place for place, period in enumerate(_EACH)}


@dataclass(frozen=True, slots=True)
class Allowance:
    """A limit in its present period. Amounts in µ$; `cap` is what counts now, with a raise that is under way."""

    limit: Limit
    cap: int
    held: int
    spent: int
    resets_at: datetime | None
    raised_until: datetime | None
    project: str = ""

    @property
    def used(self) -> int:
        return self.held + self.spent

    @property
    def left(self) -> int:
        return max(0, self.cap - self.used)

    @property
    def percent(self) -> int:
        """Of the cap, 100 for a cap of nothing; above 100 when the cap was lowered below what is used."""
        return self.used * 100 // self.cap if self.cap else 100

    @property
    def mark(self) -> int:
        """The highest of 50, 80 and 100 % that is reached; 0 for none, and for what each clip has to itself."""
        if self.limit.period == Period.JOB:
            return 0
        return max((mark for mark in MARKS if self.percent >= mark), default=0)

    @property
    def each(self) -> str:
        return _EACH[Period(self.limit.period)]

    @property
    def counts_up(self) -> bool:
        return self.limit.period != Period.JOB

    @property
    def subject(self) -> str:
        return self.limit.key.name if self.limit.key else self.project or self.person

    @property
    def person(self) -> str:
        """Whose it is, also for a key; nobody's where it is on a project."""
        member = self.limit.key.created_by if self.limit.key else self.limit.member
        return member.get_full_name() if member else ""

    @property
    def kind(self) -> str:
        return "key" if self.limit.key_id else "member" if self.limit.member_id else "project"


def allowances_of(*, team: Team, now: datetime, user: User | None = None) -> list[Allowance]:
    """The active limits of a team, or those that hold for `user`: their own, their keys' and the projects'.

    Two queries, and one more for the names of projects.
    """
    limits = (
        Limit.objects.filter(team=team, active=True)
        .select_related("member", "key__created_by")
        .order_by("key", "member", "pk")
    )
    if user is not None:
        limits = limits.filter(holds_for(user))
    return _allowances(list(limits), now)


def holds_for(user: User) -> Q:
    """The limits that somebody's work can meet."""
    return Q(member=user) | Q(key__created_by=user) | Q(project_id__isnull=False)


def allowance_of(*, limit: Limit, now: datetime) -> Allowance:
    return _allowances([limit], now)[0]


def period_start(period: str, now: datetime) -> datetime:
    """When the present period began, in UTC; weeks begin on Monday."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == Period.DAY:
        return midnight
    if period == Period.WEEK:
        return midnight - timedelta(days=midnight.weekday())
    return midnight.replace(day=1) if period == Period.MONTH else _ALWAYS


def period_end(period: str, now: datetime) -> datetime | None:
    """When the next period begins; None where there is no next one."""
    start = period_start(period, now)
    if period == Period.DAY:
        return start + timedelta(days=1)
    if period == Period.WEEK:
        return start + timedelta(days=7)
    return (start + timedelta(days=32)).replace(day=1) if period == Period.MONTH else None


def _allowances(limits: Sequence[Limit], now: datetime) -> list[Allowance]:
    present = Q(pk__in=[])
    for period in {limit.period for limit in limits}:
        present |= Q(limit__period=period, period_start=period_start(period, now))
    budgets = {budget.limit_id: budget for budget in Budget.objects.filter(present, limit__in=limits)}
    named = {limit.project_id for limit in limits if limit.project_id}
    names = dict(Project.objects.filter(pk__in=named).values_list("pk", "name")) if named else {}
    found = [
        _allowance(
            limit, budgets.get(limit.pk), now, names.get(limit.project_id, "") if limit.project_id else ""
        )
        for limit in limits
    ]
    return sorted(
        found,
        key=lambda each: (
            _KINDS.index(each.kind),
            each.subject.casefold(),
            _ORDER[Period(each.limit.period)],
        ),
    )


def _allowance(limit: Limit, budget: Budget | None, now: datetime, project: str) -> Allowance:
    raised = limit.raised_until is not None and limit.raised_until > now
    cap = limit.raised_cap if raised and limit.raised_cap is not None else limit.cap
    return Allowance(
        limit=limit,
        cap=cap,
        held=budget.held if budget else 0,
        spent=budget.spent if budget else 0,
        resets_at=period_end(limit.period, now),
        raised_until=limit.raised_until if raised else None,
        project=project,
    )
