"""A team's statement, page by page: every line of its books with its job, who ordered it, and what was left.

Lines are numbered by their transaction. A page costs the same whether there are a thousand lines or ten million: it is
read from an index backwards, and where a filter finds few of them, only so many are looked at for one page.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import BigIntegerField, Exists, F, Func, OuterRef, Q, QuerySet, Value

from accounts.errors import DomainError
from accounts.models import ApiKey, Project, Team
from billing.models import Account, AccountKind, Entry, Transaction, TransactionKind
from billing.services.balances import Balance
from billing.services.people import PLATFORM, Who, labels_of_person, people_behind
from billing.services.statement_words import CLIP_KINDS, GROUPS, NOT_THE_TEAMS, about, what_happened

PAGE: Final = 50
# The most lines that are looked at for one page, when a filter leaves few of them.
LOOKED_AT: Final = 5_000
# A line is dated before it waits for the wallet, three seconds at the longest: so far may dates and order differ.
JITTER: Final = timedelta(seconds=10)
_WALLET: Final = (AccountKind.AVAILABLE, AccountKind.HELD, AccountKind.FROZEN)


class BadCursor(DomainError):
    """The cursor was not made by `statement_page`."""

    code = "invalid_cursor"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which lines: of a group of kinds, ordered by a person or by a key, for a project, made from `since` until before
    `until`."""

    group: str = ""
    person: int | None = None
    key: UUID | None = None
    project: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def leaves_gaps(self) -> bool:
        return bool(self.group or self.person or self.key or self.project)


@dataclass(frozen=True, slots=True)
class StatementLine:
    """What one transaction did to the team's wallet. Amounts in µ$; `balance` is what could be spent after it, None
    where a filter hides the lines that say so."""

    number: int
    at: datetime
    kind: str
    what: str
    about: str
    clip: UUID | None
    who: Who
    project: str | None
    available: int
    held: int
    frozen: int
    balance: int | None


@dataclass(frozen=True, slots=True)
class StatementPage:
    """Newest first. `older` is the next page's cursor; `looked_back_to` is set when the search stopped before the
    page was full."""

    lines: Sequence[StatementLine]
    older: str | None
    looked_back_to: datetime | None = None


def statement_page(
    *, team: Team, wanted: Filter, cursor: str | None = None, size: int = PAGE
) -> StatementPage:
    """At most `size` lines before `cursor`; nine queries at most. Raises BadCursor."""
    accounts = dict(Account.objects.filter(team=team).values_list("pk", "kind"))
    every = _in_order(team, accounts, wanted, cursor)
    found = list(_matching(team, every, wanted)[: size + 1])
    rows, more = found[:size], len(found) > size
    lines = _lines(team, accounts, rows, carry=not wanted.leaves_gaps)
    if more:
        return StatementPage(lines, str(min(row.pk for row in rows)))
    if wanted.person or wanted.key or wanted.project:
        last = every[LOOKED_AT - 1 : LOOKED_AT].first()
        if last is not None:
            return StatementPage(lines, str(last.pk), last.created_at)
    return StatementPage(lines, None)


def statement_lines(*, team: Team, wanted: Filter) -> Iterator[StatementLine]:
    """Every line, newest first, read in pages: for files."""
    cursor: str | None = ""
    while cursor is not None:
        page = statement_page(team=team, wanted=wanted, cursor=cursor, size=500)
        yield from page.lines
        cursor = page.older


def balance_at(*, team: Team, at: datetime) -> Balance:
    """What the team had at `at`; found by halving, so also in very long books: one query."""
    then = Func(F("pk"), Value(at), function="billing_balance_at", output_field=BigIntegerField())
    accounts = Account.objects.filter(team=team, kind__in=_WALLET)
    found = dict(accounts.annotate(then=then).values_list("kind", "then"))
    return Balance(*(found.get(kind, 0) for kind in _WALLET))


def _in_order(
    team: Team, accounts: dict[int, str], wanted: Filter, cursor: str | None
) -> QuerySet[Transaction]:
    """The lines of the group and the time, newest first."""
    rows = Transaction.objects.filter(team=team).exclude(kind__in=NOT_THE_TEAMS).order_by("-id")
    if wanted.group in GROUPS:
        kinds = GROUPS[wanted.group][1]
        rows = rows.filter(kind__in=kinds)
        if not set(kinds) & set(CLIP_KINDS):
            rows = rows.exclude(kind__in=CLIP_KINDS)  # says to the planner that the small index will do
    if cursor:
        rows = rows.filter(id__lt=_number(cursor))
    available = next((pk for pk, kind in accounts.items() if kind == AccountKind.AVAILABLE), None)
    if wanted.since is not None:
        first = _line_near(available, wanted.since - JITTER, step=-1)
        rows = rows.filter(id__gt=first or 0, created_at__gte=wanted.since)
    if wanted.until is not None:
        after = _line_near(available, wanted.until + JITTER, step=0)
        rows = rows.filter(created_at__lt=wanted.until, **({"id__lt": after} if after else {}))
    return rows


def _matching(team: Team, every: QuerySet[Transaction], wanted: Filter) -> QuerySet[Transaction]:
    rows = every.select_related("hold")
    labels: set[str] | None = None
    if wanted.person is not None:
        labels = labels_of_person(team, wanted.person)
    if wanted.key is not None:
        key = ApiKey.objects.filter(team=team, pk=wanted.key).values_list("public_id", flat=True).first()
        labels = ({f"key:{key}"} if key else set()) & (labels if labels is not None else {f"key:{key}"})
    if wanted.project is not None:
        rows = rows.filter(pk__in=every.values("pk")[:LOOKED_AT], hold__project_id=wanted.project)
    if labels is None:
        return rows
    orders = Transaction.objects.filter(
        hold_id=OuterRef("hold_id"), kind=TransactionKind.HOLD, actor__in=labels
    )
    looked_at = every.values("pk")[:LOOKED_AT]
    return rows.filter(pk__in=looked_at).filter(
        Q(actor__in=labels) | Q(Exists(orders), hold_id__isnull=False)
    )


def _lines(
    team: Team, accounts: dict[int, str], rows: list[Transaction], *, carry: bool
) -> list[StatementLine]:
    entries: dict[int, dict[str, Entry]] = {}
    for entry in Entry.objects.filter(transaction__in=rows, account__in=accounts):
        entries.setdefault(entry.transaction_id, {})[accounts[entry.account_id]] = entry
    # Entries are written under the wallet's lock, so their numbers are the order in which things happened.
    rows = sorted(rows, key=lambda row: max((e.pk for e in entries.get(row.pk, {}).values()), default=0))
    orders = _orders(rows)
    people = people_behind(team, {*orders.values(), *(row.actor for row in rows)})
    for_projects = {row.hold.project_id for row in rows if row.hold is not None and row.hold.project_id}
    names = (
        dict(Project.objects.filter(pk__in=for_projects).values_list("pk", "name")) if for_projects else {}
    )
    lines: list[StatementLine] = []
    balance: int | None = None
    for place, row in enumerate(rows):
        legs = entries.get(row.pk, {})
        changed = legs.get(AccountKind.AVAILABLE)
        if changed is not None:
            balance = changed.balance_after
        elif not carry:
            balance = None
        elif place == 0:
            balance = _balance_before(team, accounts, row)
        amounts = {kind: leg.amount for kind, leg in legs.items()}
        label = orders.get(row.hold_id or 0, row.actor)
        project = names.get(row.hold.project_id) if row.hold is not None and row.hold.project_id else None
        lines.append(_line(row, people.get(label, PLATFORM), project, amounts, balance))
    return lines[::-1]


def _line(
    row: Transaction, who: Who, project: str | None, amounts: dict[str, int], balance: int | None
) -> StatementLine:
    return StatementLine(
        number=row.pk,
        at=row.created_at,
        kind=row.kind,
        what=what_happened(row),
        about=about(row),
        clip=row.hold.attempt if row.hold is not None else None,
        who=who,
        project=project,
        available=amounts.get(AccountKind.AVAILABLE, 0),
        held=amounts.get(AccountKind.HELD, 0),
        frozen=amounts.get(AccountKind.FROZEN, 0),
        balance=balance,
    )


def _orders(rows: Sequence[Transaction]) -> dict[int, str]:
    """Hold -> the label of whoever ordered the clip: settling is the system's work."""
    settled = [row.hold_id for row in rows if row.hold_id and row.kind != TransactionKind.HOLD]
    orders = Transaction.objects.filter(hold_id__in=settled, kind=TransactionKind.HOLD)
    found = dict(orders.values_list("hold_id", "actor")) if settled else {}
    return {pk: actor for pk, actor in found.items() if pk is not None}


def _balance_before(team: Team, accounts: dict[int, str], row: Transaction) -> int:
    """What could be spent before a line that did not change it, by the last line before it that did."""
    available = [pk for pk, kind in accounts.items() if kind == AccountKind.AVAILABLE]
    earlier = Entry.objects.filter(transaction__team=team, transaction__lt=row.pk, account__in=available)
    return earlier.order_by("-transaction_id").values_list("balance_after", flat=True).first() or 0


def _line_near(account: int | None, at: datetime, *, step: int) -> int | None:
    """The transaction of the first line made after `at` (`step` 0), or of the one before it (-1)."""
    if account is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT transaction_id FROM billing_entry "
            "WHERE account_id = %s AND version = billing_version_after(%s, %s) + %s",
            [account, account, at, step],
        )
        row = cursor.fetchone()
    return row[0] if row else None


def _number(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= 18):
        raise BadCursor("This page address is not valid. Start again from the first page.")
    return int(cursor)
