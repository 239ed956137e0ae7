"""kill -9 of everything while jobs are on their way: each process of the product, and PostgreSQL itself.

KILLS, KILL_JOBS and FAULT_SEED make another storm of it; `make soak` kills a hundred times.
"""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker

from ltxplatform import embedded_postgres
from tests.faults.cases import Case, rule
from tests.faults.storm import Storm
from tests.support import databases
from tests.support.product import COMMANDS, Product, product
from tests.support.sandbox_process import sandbox_server

pytestmark = pytest.mark.processes

KILLS = int(os.environ.get("KILLS", "10"))
JOBS = int(os.environ.get("KILL_JOBS", "40"))
SETTLED_WITHIN_SECONDS = 200
# What is killed: each of these once, then any of them. "workers" is the supervisor, "cluster" one queue's main
# process, "worker" any process below it.
TARGETS = ("web", "workers", "cluster", "worker", "poller", "live", "postgres")
CASES = (
    Case("nothing wrong", ()),
    Case("nothing wrong, no webhook", (rule("webhook", "withhold"),)),
    Case("submit lost", (rule("submit", "drop_after", times=1),)),
    Case("webhook often", (rule("webhook", "duplicate", copies=3),)),
    Case(
        "content refused",
        (rule("inference", "error", type="content_policy_violation"),),
        frozenset({"rejected"}),
    ),
)


@dataclass
class Database:
    """A PostgreSQL with durable commits, which is killed and started again."""

    folder: Path
    stack: ExitStack = field(default_factory=ExitStack)
    address: str = ""

    def start(self) -> None:
        self.address = self.stack.enter_context(embedded_postgres.running(self.folder / "postgres"))

    def kill(self) -> None:
        pid = int((self.folder / "postgres" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def database(server_folders: Callable[[], Path], django_db_blocker: DjangoDbBlocker) -> Iterator[Database]:
    own = Database(server_folders())
    own.start()
    with own.stack, django_db_blocker.unblock():
        databases.fill(own.address)
        with databases.connected_to_address(own.address):
            yield own


@pytest.fixture
def killable(database: Database, settings, server_folders: Callable[[], Path]) -> Iterator[Product]:
    with (
        sandbox_server(inference_seconds=1) as fal,
        product(
            database=database.address,
            fal=fal,
            media=server_folders(),
            names=tuple(COMMANDS),
            FAL_MAX_IN_FLIGHT="8",
            FAL_LOST_REPLY_SECONDS="1",
        ) as running,
    ):
        settings.MEDIA_ROOT = running.media
        yield running


def test_kills_at_random_moments_lose_and_double_nothing(killable: Product, database: Database) -> None:
    seed = int(os.environ.get("FAULT_SEED", random.randrange(2**32)))
    print(f"FAULT_SEED={seed}")
    dice = random.Random(seed)
    victims = [*TARGETS, *dice.choices(TARGETS, k=max(KILLS - len(TARGETS), 0))][:KILLS]
    dice.shuffle(victims)
    with Storm(killable, dice) as storm:
        with ordering(storm, dice.choices(CASES, k=JOBS)):
            for victim in victims:
                time.sleep(dice.uniform(0.3, 1.5))
                print(f"killing {victim}")
                strike(victim, killable, database, dice)
        storm.settle(seconds=SETTLED_WITHIN_SECONDS, meanwhile=killable.start_missing)

        assert storm.findings(calm=False) == []
    assert len(storm.cases) == JOBS


@contextmanager
def ordering(storm: Storm, cases: list[Case]) -> Iterator[None]:
    """Clips are ordered in small groups as long as the block lasts, the rest at its end."""
    groups = [cases[start : start + 4] for start in range(0, len(cases), 4)]
    over = threading.Event()

    def order() -> None:
        for group in groups:
            storm.order(group)
            over.wait(0.8)

    thread = threading.Thread(target=order)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def strike(victim: str, running: Product, database: Database, dice: random.Random) -> None:
    """kill -9, then what a supervisor does: clear the remains and start it again."""
    if victim == "postgres":
        database.kill()
        time.sleep(dice.uniform(0, 1))
        database.start()
        connections.close_all()
    elif victim in COMMANDS:
        running.kill(victim)
    else:
        clusters = psutil.Process(running.running["workers"].child.pid).children()
        families = [cluster.children(recursive=True) for cluster in clusters]
        processes = clusters if victim == "cluster" else [one for family in families for one in family]
        if processes:
            with suppress(psutil.NoSuchProcess):  # it ended by itself just now
                dice.choice(processes).kill()
    running.start_missing()
