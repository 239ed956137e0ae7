"""How right the expected times were: what was said at submission beside what it took."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection


@dataclass(frozen=True, slots=True)
class EtaError:
    """Of the clips of one kind, or of all (`bucket` is "").

    `median` is the middle one of |actual - said| / actual; `within` the share that was ready in the range it was told.
    """

    bucket: str
    clips: int
    median: float
    within: float


def eta_errors(*, since: datetime) -> list[EtaError]:
    """For the clips that were ready after `since`, all together first, then by kind. Empty without any."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT
                coalesce(eta_bucket, ''),
                count(*),
                percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(actual - eta_seconds) / actual),
                avg((actual BETWEEN eta_low_seconds AND eta_high_seconds)::int)::float8
            FROM (
                SELECT eta_bucket, eta_seconds, eta_low_seconds, eta_high_seconds,
                    greatest(extract(epoch FROM ended_at - created_at), 0.001)::float8 AS actual
                FROM generations_generation
                WHERE status = 'succeeded' AND eta_seconds IS NOT NULL AND ended_at >= %s
            ) AS clips
            GROUP BY GROUPING SETS ((), (eta_bucket))
            ORDER BY grouping(eta_bucket) DESC, eta_bucket
            """,
            [since],
        )
        return [EtaError(*row) for row in cursor.fetchall() if row[1]]
