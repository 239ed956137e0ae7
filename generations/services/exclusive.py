"""At most one worker at a time on a generation, without leases: a dead worker's claim ends with its connection."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connection


@contextmanager
def exclusive(generation_id: UUID) -> Iterator[bool]:
    """True inside the block when this session holds the generation's advisory lock; False when another does.

    It saves work twice done, nothing more: what must happen once is decided by `advance`.
    """
    # 64 of a random UUID's bits, as PostgreSQL's signed bigint.
    key = (generation_id.int & (2**64 - 1)) - 2**63
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        taken = bool(cursor.fetchone()[0])
    try:
        yield taken
    finally:
        if taken:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [key])
