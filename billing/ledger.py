"""The only module that makes the database write money: one call, one round trip, per operation.

The rules live in functions and triggers that migrations install (docs/decisions/0003-ledger-in-postgresql.md).
Each function locks the team's available row before it reads anything it decides on, then the hold.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import OperationalError, connection
from django.db.transaction import TransactionManagementError
from psycopg import errors

from accounts.errors import DomainError
from billing.models import Hold

# The transaction is lost, but the same call may well succeed a moment later.
_TRANSIENT: Final = (errors.LockNotAvailable, errors.DeadlockDetected, errors.SerializationFailure)


class Busy(DomainError):
    """The wallet stayed locked for longer than a request should wait. Nothing was written."""

    code = "busy"
    retryable = True


class KeyReused(DomainError):
    """The key already stands for another payload."""

    code = "idempotency_key_reuse"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a function found: its outcome word, the spendable µ$ it saw under the lock, and the hold."""

    outcome: str
    available: int
    hold: Hold | None


def hold(
    *,
    team_id: UUID,
    attempt: UUID,
    amount: int,
    actor: str,
    price_version_id: int,
    rate_nanos: int,
    num_frames: int,
    passes: int,
    expires_at: datetime,
) -> Answer:
    """Move `amount` µ$ from available to held. Outcome: held, replayed, key_reused or insufficient."""
    price = (price_version_id, rate_nanos, num_frames, passes)
    payload = _hash("hold", team_id, amount, *price)
    return _call(
        "SELECT r.outcome, r.available, (r.hold).* FROM billing_hold_credits("
        "%s::uuid, %s::uuid, %s::bigint, %s, %s, %s::bigint, %s::bigint, %s, %s, %s::timestamptz) AS r",
        [team_id, attempt, amount, actor, payload, *price, expires_at],
    )


def settle(*, attempt: UUID, used: int, actor: str) -> Answer:
    """Capture `used` µ$ of a hold and return the rest.

    Outcome: settled, replayed (the first result stands), missing or above_hold.
    """
    return _call(
        "SELECT r.outcome, r.available, (r.hold).* FROM billing_settle_hold("
        "%s::uuid, %s::bigint, %s, %s) AS r",
        [attempt, used, actor, _hash("settle", attempt, used)],
    )


def grant_promo(*, team_id: UUID, amount: int, key: str, actor: str, reason: str) -> Answer:
    """Give `amount` µ$ from promo to available. Outcome: granted, replayed or key_reused."""
    return _call(
        "SELECT r.outcome, r.available, (r.hold).* FROM billing_grant_promo("
        "%s::uuid, %s::bigint, %s, %s, %s, %s) AS r",
        [team_id, amount, key, actor, reason, _hash("promo", team_id, amount)],
    )


def _call(statement: str, parameters: Sequence[UUID | str | int | datetime]) -> Answer:
    if not connection.in_atomic_block:
        raise TransactionManagementError("Money moves inside the transaction of what it pays for.")
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            row: tuple[Any, ...] = cursor.fetchone() or ()
            names = [column.name for column in cursor.description or ()]
    except OperationalError as error:
        if isinstance(error.__cause__, _TRANSIENT):
            raise Busy("Your team's credits are in use right now. Try again in a moment.") from error
        raise
    return Answer(row[0], row[1] or 0, _hold(dict(zip(names[2:], row[2:], strict=True))))


def _hold(columns: dict[str, Any]) -> Hold | None:
    """The row that came with the answer: reading it again would be a second round trip."""
    if columns["id"] is None:
        return None
    fields = Hold._meta.concrete_fields
    return Hold.from_db(
        connection.alias, [field.attname for field in fields], [columns[field.column] for field in fields]
    )


def _hash(*payload: object) -> str:
    return hashlib.sha256(json.dumps(payload, default=str).encode()).hexdigest()
