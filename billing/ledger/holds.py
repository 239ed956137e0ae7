"""Hold, settle, grant and expire."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection
from psycopg.types.numeric import Int8

from billing.ledger.calls import digest, run
from billing.models import Hold

_HOLD_NAMES: Final = [field.attname for field in Hold._meta.concrete_fields]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a function found: its outcome word, the spendable µ$ it saw under the lock, the hold, and why not."""

    outcome: str
    available: int
    hold: Hold | None
    blockers: list[dict[str, Any]]


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
    now: datetime,
    member_id: int | None,
    key_id: UUID | None,
    project_id: UUID | None,
) -> Answer:
    """Move `amount` µ$ from available to held. Outcome: held, replayed, key_reused or refused, with blockers."""
    price = (price_version_id, rate_nanos, num_frames, passes)
    payload = digest("hold", team_id, amount, *price)
    return _call(
        _HOLD,
        [
            *(team_id, attempt, Int8(amount), actor, payload, *map(Int8, price), expires_at, now),
            *(None if member_id is None else Int8(member_id), key_id, project_id),
        ],
    )


def check_holds(
    *,
    team_id: UUID,
    amount: int,
    largest: int,
    now: datetime,
    member_id: int | None,
    key_id: UUID | None,
    project_id: UUID | None,
) -> Answer:
    """Whether `amount` µ$ could be held, in several holds of at most `largest`. Outcome: allowed or refused.

    Keeps the team's available row locked, so that holds of this transaction find what this found.
    """
    subjects = [None if member_id is None else Int8(member_id), key_id, project_id]
    return _call(_CHECK, [team_id, Int8(amount), Int8(largest), now, *subjects])


def settle(*, attempt: UUID, used: int, actor: str, now: datetime) -> Answer:
    """Capture `used` µ$ of a hold and return the rest.

    Outcome: settled, replayed (the first result stands), missing or above_hold.
    """
    return _call(_SETTLE, [attempt, Int8(used), actor, digest("settle", attempt, used), now])


def grant_promo(
    *, team_id: UUID, amount: int, key: str, actor: str, reason: str, expires_at: datetime | None
) -> Answer:
    """Give `amount` µ$ from promo to available. Outcome: granted, replayed or key_reused."""
    return _call(
        _GRANT, [team_id, Int8(amount), key, actor, reason, digest("promo", team_id, amount), expires_at]
    )


def expire(*, team_id: UUID, now: datetime) -> int:
    """Take what is left of the team's overdue lots; returns how much, in µ$."""
    row = run("SELECT billing_expire_lots(%s::uuid, %s::timestamptz)", [team_id, now])
    return int(row[0])


def _returning_hold(call: str, blockers: str = "NULL") -> str:
    """The outcome, the balance seen, and the hold's columns in the model's order."""
    columns = ", ".join(f"(r.hold).{field.column}" for field in Hold._meta.concrete_fields)
    return f"SELECT r.outcome, r.available, {blockers}, {columns} FROM {call} AS r"  # noqa: S608 (our own column names)


_HOLD: Final = _returning_hold(
    "billing_hold_credits(%s::uuid, %s::uuid, %s::bigint, %s::text, %s::text, %s::bigint, %s::bigint, "
    "%s::int, %s::int, %s::timestamptz, %s::timestamptz, %s::bigint, %s::uuid, %s::uuid)",
    blockers="r.blockers::text",
)
_CHECK: Final = _returning_hold(
    "billing_check_holds(%s::uuid, %s::bigint, %s::bigint, %s::timestamptz, %s::bigint, %s::uuid, %s::uuid)",
    blockers="r.blockers::text",
)
_SETTLE: Final = _returning_hold(
    "billing_settle_hold(%s::uuid, %s::bigint, %s::text, %s::text, %s::timestamptz)"
)
_GRANT: Final = _returning_hold(
    "billing_grant_promo(%s::uuid, %s::bigint, %s::text, %s::text, %s::text, %s::text, %s::timestamptz)"
)


def _call(statement: str, parameters: Sequence[Any]) -> Answer:
    outcome, available, blockers, *columns = run(statement, parameters)
    # The row that came with the answer: reading it again would be a second round trip.
    made = None if columns[0] is None else Hold.from_db(connection.alias, _HOLD_NAMES, columns)
    return Answer(outcome, available or 0, made, json.loads(blockers) if blockers else [])


def wait_for_wallet(*, team_id: UUID) -> None:
    """Lock the team's available row until the transaction ends, if it has one."""
    run("SELECT billing_wait_for_wallet(%s::uuid)", [team_id])
