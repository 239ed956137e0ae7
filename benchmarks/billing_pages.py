"""What the pages of billing ask, in books of a thousand lines and of a million: the time should hardly differ.

Run by `python -m benchmarks.billing_pages [ENTRIES ...]`; ten million take some minutes to write. The books are written
past the walls: a million jobs by the front door would take an hour.
"""

import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from accounts.models import Team

SIZES = (1_000, 1_000_000)  # ledger entries; a job makes four
CALLS = 150
RATIO = 1.5  # of the median, at most
# Grow with days and people instead of with clips: a thousand entries fill few of a year's days.
BY_DAYS = frozenset({"usage of a year"})

# Job n of a team: a hold and its capture, $0.10 each, spread over a year; member n mod 20 ordered it.
WRITE = """
SET LOCAL session_replication_role = replica;
INSERT INTO billing_account (team_id, kind, materialised, balance, version, floor)
    VALUES (%(team)s, 'available', true, 0, %(jobs)s, 0), (%(team)s, 'held', true, 0, 2 * %(jobs)s, 0),
        (%(team)s, 'frozen', true, 0, 0, 0);
CREATE TEMP TABLE job ON COMMIT DROP AS
    SELECT n, gen_random_uuid() AS attempt, nextval('billing_hold_id_seq') AS hold,
        nextval('billing_transaction_id_seq') AS ordered, nextval('billing_transaction_id_seq') AS paid,
        now() - interval '365 days' * (%(jobs)s - n) / %(jobs)s AS made
    FROM generate_series(1, %(jobs)s::bigint) AS n ORDER BY n;
INSERT INTO billing_hold (
        id, team_id, attempt, amount, captured, released, state, price_version_id, rate_nanos, num_frames, passes,
        expires_at, settled_at, created_at
    ) SELECT hold, %(team)s, attempt, 100000, 100000, 0, 'settled', (SELECT min(id) FROM billing_priceversion),
        20000000, 120, 1, made, made, made FROM job ORDER BY n;
INSERT INTO billing_transaction (id, key, kind, team_id, actor, request_hash, hold_id, created_at)
    SELECT ordered, 'hold:' || attempt, 'hold', %(team)s::uuid, 'member:' || n %% 20, '', hold, made FROM job
    UNION ALL SELECT paid, 'settle:' || hold, 'capture', %(team)s::uuid, 'system', '', hold, made FROM job ORDER BY 1;
INSERT INTO billing_entry (transaction_id, account_id, amount, balance_after, version)
    SELECT e.made, a.id, e.amount, e.after, e.version FROM (
        SELECT ordered AS made, 'available' AS kind, -100000 AS amount, 100000 * (%(jobs)s - n) AS after, n AS version
            FROM job
        UNION ALL SELECT ordered, 'held', 100000, 100000, 2 * n - 1 FROM job
        UNION ALL SELECT paid, 'held', -100000, 0, 2 * n FROM job
    ) AS e JOIN billing_account AS a ON a.team_id = %(team)s AND a.kind = e.kind
    UNION ALL SELECT paid, a.id, 100000, NULL, NULL FROM job, billing_account AS a
        WHERE a.team_id IS NULL AND a.kind = 'revenue'
    ORDER BY 1;
INSERT INTO billing_usageday (team_id, day, actor, clips, spent)
    SELECT %(team)s, (made AT TIME ZONE 'UTC')::date, 'member:' || n %% 20, count(*), 100000 * count(*)
        FROM job GROUP BY 2, 3;
SET LOCAL session_replication_role = DEFAULT;
"""


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]] or SIZES
    folder = Path(tempfile.mkdtemp(prefix="bench"))
    try:
        from ltxplatform import embedded_postgres

        with embedded_postgres.running(folder / "postgres") as address:
            os.environ["DATABASE_URL"] = address
            _prepare()
            too_slow = _compare([_write(size) for size in sizes], sizes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if too_slow:
        sys.exit(f"More than {RATIO} times slower in long books: {', '.join(too_slow)}")


def _prepare() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ltxplatform.settings")
    os.environ["DEBUG"] = "false"
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def _write(entries: int) -> "Team":
    from django.db import connection, transaction

    from accounts.models import Team

    team = Team.objects.create(name="Bench", slug=uuid4().hex[:12])
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(WRITE, {"team": team.pk, "jobs": entries // 4})
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return team


def _compare(teams: "list[Team]", sizes: "list[int] | tuple[int, ...]") -> list[str]:
    too_slow = []
    for name in _questions(teams[0]):
        medians = []
        for team, size in zip(teams, sizes, strict=True):
            taken = _time(_questions(team)[name])
            medians.append(taken[49])
            print(
                f"{name:28} {size:>11,} entries: p50 {taken[49]:6.2f} ms, p99 {taken[98]:6.2f} ms", flush=True
            )
        if name in BY_DAYS:
            continue
        ratio = max(medians) / medians[0]
        print(f"{name:28} ratio {ratio:.2f} (goal < {RATIO})")
        if ratio > RATIO:
            too_slow.append(name)
    return too_slow


def _time(ask: Callable[[], object]) -> list[float]:
    """Percentiles 1 to 99 in ms."""
    for _ in range(10):
        ask()
    taken = []
    for _ in range(CALLS):
        began = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - began) * 1000)
    return quantiles(taken, n=100)


def _questions(team: "Team") -> dict[str, Callable[[], Any]]:
    from django.utils import timezone

    from billing.models import Transaction
    from billing.services import balance_of
    from billing.services.forecast import forecast_of
    from billing.services.statement_pages import Filter, balance_at, statement_page
    from billing.services.usage import usage_of

    now, chance = timezone.now(), random.Random(1)
    ids = Transaction.objects.filter(team=team).order_by("id").values_list("id", flat=True)
    low, high = ids.first() or 0, ids.last() or 0

    def past() -> Any:
        return now - timedelta(days=chance.random() * 364)

    def middle() -> str:
        return str(chance.randint(low + (high - low) // 3, high))

    return {
        "balance": lambda: balance_of(team),
        "statement, newest page": lambda: statement_page(team=team, wanted=Filter()),
        "statement, page in between": lambda: statement_page(team=team, wanted=Filter(), cursor=middle()),
        "statement, of a period": lambda: statement_page(
            team=team, wanted=Filter(since=now - timedelta(days=200), until=now - timedelta(days=100))
        ),
        "balance at a past moment": lambda: balance_at(team=team, at=past()),
        "usage of a year": lambda: usage_of(
            team=team, first=(now - timedelta(days=364)).date(), last=now.date()
        ),
        "forecast": lambda: forecast_of(team=team, now=now),
    }


if __name__ == "__main__":
    main()
