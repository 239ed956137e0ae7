"""Hold and settle per second: one busy team, and fifty teams at once.

The reference in the same run does what is left of the two steps without any rule: two transactions that insert and
update as many rows, 9 and 6, over the same connections and for as many teams, in plain tables without checks. Beside
the rates stands the processor time of one job, PostgreSQL's and the client's, which says more on a busy machine.
Workers are processes on a database of their own with fsync on. Run by `python -m benchmarks.billing_holds`.
"""

import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psutil

if TYPE_CHECKING:
    from billing.services import Quote

SECONDS = 3.0
WARM_UP = 10  # jobs of each connection before the clock starts: connecting and planning are done once
CREDIT = 10**12  # µ$: nobody runs out
SETUPS = ((1, 8, 250), (50, 20, 700))  # teams, workers, jobs/s we aim for on two cores

# Does one job for one of the ids, by its place; returns the seconds that the first of its two steps took.
Job = Callable[[list[Any], int], float]


@dataclass(frozen=True, slots=True)
class Share:
    """One worker's part: how long each job's first step took, and the processor time of both ends; in seconds."""

    taken: list[float]
    server: float
    client: float


@dataclass(frozen=True, slots=True)
class Run:
    per_second: float
    p50_ms: float
    p99_ms: float
    server_ms: float
    client_ms: float


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="bench"))
    try:
        from ltxplatform import embedded_postgres

        with embedded_postgres.running(folder / "postgres") as address:
            os.environ["DATABASE_URL"] = address
            _prepare()
            for teams, workers, goal in SETUPS:
                _report(teams, workers, goal)
            _check_books()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _prepare() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ltxplatform.settings")
    os.environ["DEBUG"] = "false"  # no list of queries
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bare_row (id serial PRIMARY KEY, team int, n bigint)")
        cursor.execute("CREATE INDEX ON bare_row (team)")
        cursor.execute("CREATE TABLE bare_log (id bigserial PRIMARY KEY, team int, amount bigint, note text)")


def _report(teams: int, workers: int, goal: int) -> None:
    bare = _measure(_bare_job, _bare_rows(teams), workers)
    ours = _measure(_hold_and_settle, _wallets(teams), workers)
    print(
        f"{teams:>2} team{'s' if teams > 1 else ' '}, {workers:>2} connections: "
        f"{ours.per_second:5.0f} hold+settle/s (goal {goal}), "
        f"hold p50 {ours.p50_ms:.1f} ms, p99 {ours.p99_ms:.1f} ms; CPU {ours.server_ms:.2f} + {ours.client_ms:.2f} ms; "
        f"as many bare rows {bare.per_second:5.0f}/s, CPU {bare.server_ms:.2f} + {bare.client_ms:.2f} ms; "
        f"ratio {ours.per_second / bare.per_second:.2f}"
    )


def _measure(job: Job, ids: list[Any], workers: int) -> Run:
    """Run `job` in forked workers for SECONDS, all starting together."""
    from django.db import connections

    connections.close_all()
    context = multiprocessing.get_context("fork")
    start, results = context.Barrier(workers), context.Queue()
    crew = [
        context.Process(target=_work, args=(job, ids, number, start, results)) for number in range(workers)
    ]
    for process in crew:
        process.start()
    shares: list[Share] = [results.get(timeout=60) for _ in crew]
    for process in crew:
        process.join(10)
    taken = [seconds for share in shares for seconds in share.taken]
    cuts = quantiles(taken, n=100)
    return Run(
        per_second=len(taken) / SECONDS,
        p50_ms=cuts[49] * 1000,
        p99_ms=cuts[98] * 1000,
        server_ms=sum(share.server for share in shares) / len(taken) * 1000,
        client_ms=sum(share.client for share in shares) / len(taken) * 1000,
    )


def _work(
    job: Job,
    ids: list[Any],
    number: int,
    start: Barrier,
    results: "multiprocessing.Queue[Share]",
) -> None:
    from django.db import connection

    chance = random.Random(number)
    for _ in range(WARM_UP):
        job(ids, chance.randrange(len(ids)))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = psutil.Process(cursor.fetchone()[0])
    start.wait(60)
    end = time.monotonic() + SECONDS
    server, client = _spent(backend), time.process_time()
    taken = []
    while time.monotonic() < end:
        taken.append(job(ids, chance.randrange(len(ids))))
    share = Share(taken, _spent(backend) - server, time.process_time() - client)
    connection.close()
    results.put(share)


def _spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


# -- ours -----------------------------------------------------------------------------------------------


def _wallets(count: int) -> list[Any]:
    from accounts.models import Team
    from billing.services import grant_promo

    ids = []
    for _ in range(count):
        name = uuid4().hex[:12]
        team = Team.objects.create(name=name, slug=name)
        grant_promo(team=team, amount=CREDIT, key=name, actor="benchmark", reason="Benchmark")
        ids.append(team.pk)
    return ids


def _hold_and_settle(ids: list[Any], which: int) -> float:
    from django.db import transaction
    from django.utils import timezone

    from accounts.actors import system_actor
    from accounts.models import Team
    from billing import services

    attempt, actor = uuid4(), system_actor(Team(pk=ids[which]))
    price, until = _price(), timezone.now() + timedelta(hours=1)
    began = time.perf_counter()
    with transaction.atomic():
        services.hold_credits(actor=actor, generation_id=attempt, quote=price, expires_at=until)
    held = time.perf_counter()
    with transaction.atomic():
        services.settle_hold(generation_id=attempt, used=price.amount)
    return held - began


@cache
def _price() -> "Quote":
    """Asked for once in each worker: the price book is not what is measured."""
    from billing.services import quote

    return quote(num_frames=121, detail_pass=False)


def _check_books() -> None:
    from billing.services import find_violations

    if violations := find_violations():
        sys.exit(f"The books do not balance: {violations[:3]}")


# -- the reference --------------------------------------------------------------------------------------


def _bare_rows(count: int) -> list[Any]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE bare_row")
        cursor.execute(
            "INSERT INTO bare_row (team, n) SELECT team, 0 FROM generate_series(0, %s) AS team, generate_series(1, 3)",
            [count - 1],
        )
    return list(range(count))


def _bare_job(ids: list[Any], which: int) -> float:
    began = time.perf_counter()
    _bare_step(ids[which], inserts=5)  # a transaction, a hold, two entries, a move
    first = time.perf_counter()
    _bare_step(ids[which], inserts=4)  # a transaction, two entries, a move
    return first - began


def _bare_step(team: int, *, inserts: int) -> None:
    """Three updates (two accounts and a lot; a hold, an account and a lot) and inserts, in one round trip, as ours."""
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "WITH locked AS (SELECT id FROM bare_row WHERE team = %s ORDER BY id FOR NO KEY UPDATE), "
            "changed AS (UPDATE bare_row AS r SET n = n + 1 FROM locked WHERE r.id = locked.id) "
            "INSERT INTO bare_log (team, amount, note) SELECT %s, number, 'step' FROM generate_series(1, %s) AS number",
            [team, team, inserts],
        )


if __name__ == "__main__":
    main()
