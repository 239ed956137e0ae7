"""One round trip to a function of the database, prepared once for each connection."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final, Self

import psycopg
from django.db import OperationalError, connection
from django.db.transaction import TransactionManagementError
from psycopg import errors

from accounts.errors import DomainError

# Django switches preparing off altogether, whoever asks; with this a statement that asks is prepared, and no other.
_NEVER_BY_COUNTING: Final = 2**31
# The transaction is lost, but the same call may well succeed a moment later.
_TRANSIENT: Final = (errors.LockNotAvailable, errors.DeadlockDetected, errors.SerializationFailure)


class Busy(DomainError):
    """The wallet stayed locked for longer than a request should wait. Nothing was written."""

    code = "busy"
    retryable = True


class KeyReused(DomainError):
    """The key already stands for another payload."""

    code = "idempotency_key_reuse"


class _PreparedCursor(psycopg.Cursor[Any]):
    """Parsed and planned once for each connection: that is a third of a short call's time."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        return super().execute(query, params, **{**options, "prepare": True})

    def _convert_query(self, query: Any, params: Any = None) -> Any:
        # Where Django looks for the statement it logs while debugging; psycopg fills it on its other cursors alone.
        self._query = super()._convert_query(query, params)
        return self._query


def run(statement: str, parameters: Sequence[Any]) -> tuple[Any, ...]:
    """One round trip, inside the caller's transaction."""
    if not connection.in_atomic_block:
        raise TransactionManagementError("Money moves inside the transaction of what it pays for.")
    connection.ensure_connection()
    connection.connection.prepare_threshold = _NEVER_BY_COUNTING
    plain = _PreparedCursor(connection.connection)
    make = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    try:
        with make(plain) as cursor:  # type: ignore[arg-type]
            cursor.execute(statement, parameters)
            return cursor.fetchone() or ()
    except OperationalError as error:
        if isinstance(error.__cause__, _TRANSIENT):
            raise Busy("Your team's credit is in use right now. Try again in a moment.") from error
        raise


def digest(*payload: object) -> str:
    return hashlib.sha256(json.dumps(payload, default=str).encode()).hexdigest()
