"""How many more jobs each of fal's keys may have.

The next job goes out with a key whose probe is due, else with the one that has most room: `generations_claim_next`
reads the same function in the database, under the dispatcher's lock, which keeps the answer true.
"""

from datetime import datetime

from django.db import connection

from generations import fal_gateway


def free_places(*, now: datetime) -> dict[str, int]:
    """By key, the jobs that may be sent now; of a key that rests only its probe, when that is due."""
    windows = fal_gateway.key_windows()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT key, free FROM generations_free_places(%s::text[], %s::integer[], %s)",
            [list(windows), list(windows.values()), now],
        )
        return dict(cursor.fetchall())
