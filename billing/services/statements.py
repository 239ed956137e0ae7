"""A team's credit, line by line, and what there was at any moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import BigIntegerField, Func, QuerySet, Value

from accounts.models import Team
from billing.models import Account, AccountKind, Entry
from billing.services.statement_pages import JITTER, balance_at


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
    """What the team had at `at`, with at most `last` changes before it. Reads only, and little of very long books."""
    balance = balance_at(team=team, at=at)
    available = Account.objects.filter(team=team, kind=AccountKind.AVAILABLE).first()
    entries = [] if available is None else _entries_until(available, at)[:last]
    return Statement(at, balance.available, balance.held, balance.frozen, [_line(entry) for entry in entries])


def _entries_until(account: Account, at: datetime) -> QuerySet[Entry]:
    """Newest first, from where halving finds the moment: what came later is not read."""
    after = Func(
        Value(account.pk),
        Value(at + JITTER),
        function="billing_version_after",
        output_field=BigIntegerField(),
    )
    rows = Entry.objects.filter(account=account, version__lt=after, transaction__created_at__lte=at)
    return rows.select_related("transaction").order_by("-version")


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
