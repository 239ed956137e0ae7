"""At most one worker at a time on a thing, without leases: a dead worker's claim ends with its connection."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connection


@contextmanager
def exclusive(thing: UUID) -> Iterator[bool]:
    """True inside the block when this session holds the thing's advisory lock; False when another does.

    It saves work twice done, nothing more: what must happen once to a generation is decided by `advance`.
    """
    # 64 of a UUID's random bits, as PostgreSQL's signed bigint.
    key = (thing.int & (2**64 - 1)) - 2**63
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        taken = bool(cursor.fetchone()[0])
    try:
        yield taken
    finally:
        if taken:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [key])
