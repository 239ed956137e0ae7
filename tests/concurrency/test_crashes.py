"""kill -9 of PostgreSQL under load: what was acknowledged survives, and the books balance.

CRASH_CYCLES and CRASH_SEED make another storm of it; `make soak` runs fifty cycles.
"""

import os
import random
import signal
import threading
import time
from contextlib import ExitStack, suppress
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import Error, connection, connections, transaction
from django.utils import timezone

from billing import services
from billing.models import Hold
from billing.services import Busy
from ltxplatform import embedded_postgres
from tests.billing.books import hold, make_wallet, settle
from tests.support import databases

pytestmark = [pytest.mark.concurrency, pytest.mark.processes]

CYCLES = int(os.environ.get("CRASH_CYCLES", "3"))
WORKERS = 4
CREDIT = 10**12


class Worker(threading.Thread):
    """Holds and settles until the database is gone; keeps what was acknowledged to it."""

    def __init__(self, teams, seed):
        super().__init__()
        self.teams, self.dice = teams, random.Random(seed)
        self.held: dict[UUID, int] = {}
        self.settled: dict[UUID, int] = {}
        self.open: list[UUID] = []

    def run(self):
        try:
            while True:
                with suppress(Busy):  # a wallet that others kept for long; the next step is another one's
                    self.step()
        except Error:
            pass  # killed
        finally:
            connection.close()

    def step(self):
        attempt, amount = uuid4(), self.dice.randrange(1, 1000)
        hold(self.dice.choice(self.teams), amount, attempt)
        self.held[attempt] = amount
        used = self.dice.choice([0, amount // 2, amount])
        settle(attempt, used)
        self.settled[attempt] = used


def test_nothing_acknowledged_is_lost_when_the_database_is_killed(server_folders, django_db_blocker, request):
    seed = int(os.environ.get("CRASH_SEED", random.randrange(2**32)))
    request.node.add_report_section("setup", "seed", f"CRASH_SEED={seed}")
    dice = random.Random(seed)
    folder = server_folders() / "postgres"
    with ExitStack() as stack:
        stack.enter_context(django_db_blocker.unblock())
        address = stack.enter_context(embedded_postgres.running(folder))
        databases.fill(address)
        stack.enter_context(databases.connected_to_address(address))
        teams = [make_wallet(CREDIT) for _ in range(3)]
        for _ in range(CYCLES):
            workers = [Worker(teams, dice.random()) for _ in range(WORKERS)]
            kill_under_load(folder, workers, seconds=dice.uniform(0.2, 0.6))
            with embedded_postgres.running(folder):
                check(workers)
                call_the_orphans_off()
                assert services.find_violations() == []
                connections.close_all()


def kill_under_load(folder, workers, *, seconds):
    with embedded_postgres.running(folder):
        for worker in workers:
            worker.start()
        time.sleep(seconds)
        while not all(worker.held for worker in workers) or not any(worker.settled for worker in workers):
            time.sleep(0.05)
        pid = int((folder / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        for worker in workers:
            worker.join(30)
            assert not worker.is_alive()
    connections.close_all()


def check(workers):
    """Everything that was answered is there as it was answered, once."""
    found = {made.attempt: made for made in Hold.objects.all()}
    for worker in workers:
        assert worker.held
        for attempt, amount in worker.held.items():
            assert found[attempt].amount == amount
        for attempt, used in worker.settled.items():
            assert (found[attempt].is_settled, found[attempt].captured) == (True, used)


def call_the_orphans_off():
    """Holds whose settlement nobody acknowledged: the sweep's part, which settles each once, whatever became of it."""
    for attempt in services.overdue_holds(now=timezone.now() + timedelta(days=1), limit=100):
        with transaction.atomic():
            services.settle_hold(generation_id=attempt, used=0)
    assert services.overdue_holds(now=timezone.now() + timedelta(days=1), limit=1) == []
