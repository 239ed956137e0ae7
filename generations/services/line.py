"""Where waiting jobs stand in our own line."""

from collections.abc import Iterable
from uuid import UUID

from django.db import connection

from generations.models import Generation
from generations.states import Status


def places_in_line(generations: Iterable[Generation]) -> dict[UUID, int]:
    """1-based places of those that are queued, over all teams, in one query; the others are left out."""
    waiting = [generation.pk for generation in generations if generation.status == Status.QUEUED]
    if not waiting:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT asked.id, (
                SELECT count(*) FROM generations_generation ahead
                WHERE ahead.status = 'queued' AND (ahead.created_at, ahead.id) <= (asked.created_at, asked.id)
            )
            FROM generations_generation asked WHERE asked.id = ANY(%s)
            """,
            [waiting],
        )
        return dict(cursor.fetchall())
