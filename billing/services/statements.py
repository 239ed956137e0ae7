"""A team's credit, line by line, and what there was at any moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.models import Team
from billing.models import Account, AccountKind, Entry

KINDS = (AccountKind.AVAILABLE, AccountKind.HELD, AccountKind.FROZEN)


@dataclass(frozen=True, slots=True)
class Line:
    """One change of what the team can spend: when, what, by whom, how much, and what was left, in µ$."""

    at: datetime
    what: str
    key: str
    actor: str
    reason: str
    amount: int
    balance: int


@dataclass(frozen=True, slots=True)
class Statement:
    """Balances at `at` in µ$, and the last changes before it, newest first."""

    at: datetime
    available: int
    held: int
    frozen: int
    lines: Sequence[Line]


def statement_of(*, team: Team, at: datetime, last: int = 50) -> Statement:
    """What the team had at `at`, with at most `last` changes before it. Reads only; a query for each account."""
    accounts = dict(Account.objects.filter(team=team).values_list("kind", "pk"))
    available, held, frozen = (_balance_at(accounts.get(kind), at) for kind in KINDS)
    entries = (
        Entry.objects.filter(account=accounts.get(AccountKind.AVAILABLE), transaction__created_at__lte=at)
        .select_related("transaction")
        .order_by("-version")[:last]
    )
    return Statement(at, available, held, frozen, [_line(entry) for entry in entries])


def _balance_at(account: int | None, at: datetime) -> int:
    entry = (
        Entry.objects.filter(account=account, transaction__created_at__lte=at).order_by("-version").first()
    )
    return 0 if entry is None or entry.balance_after is None else entry.balance_after


def _line(entry: Entry) -> Line:
    made = entry.transaction
    return Line(
        at=made.created_at,
        what=made.get_kind_display(),
        key=made.key,
        actor=made.actor,
        reason=made.reason,
        amount=entry.amount,
        balance=entry.balance_after or 0,
    )
