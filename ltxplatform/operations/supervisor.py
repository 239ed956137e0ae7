"""Keeps one django-q2 cluster per queue running, and replaces those that stopped answering.

Killing an idle worker can freeze its cluster: the worker dies holding the lock of the queue that the others
read, and every process still looks healthy. Only a task that comes back proves that a queue moves.
"""

import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import structlog
from django.db import DatabaseError, connection
from django.db.models import F
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from ltxplatform import processes
from ltxplatform.operations import forked_cluster
from ltxplatform.operations.models import QueuePing

logger = structlog.get_logger(__name__)

PING = "ltxplatform.operations.tasks.answer_ping"
FIRST_ANSWER_SECONDS = 60  # a busy machine needs a while to start a cluster
LONGEST_PAUSE = 30  # seconds between two starts of a cluster that keeps ending


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: between pings, without an answer until a cluster counts as frozen, and to stop."""

    ping: float
    freeze: float
    stop: float


@dataclass(slots=True)
class Cluster:
    """One queue's processes, in a session of their own."""

    queue: str
    limits: Limits
    child: processes.Child | None = None
    alive_at: float = 0  # monotonic time of the last sign of life
    has_answered: bool = False  # since it was started
    pinged_at: float = 0
    start_at: float = 0
    pause: float = 1
    answered: object = None  # the answer seen last
    waiting: int | None = field(default=None)  # due tasks seen last

    def start(self) -> None:
        self.child = forked_cluster.start(self.queue)
        self.alive_at = time.monotonic()
        self.has_answered, self.waiting = False, None
        logger.info("cluster_started", queue=self.queue, pid=self.child.pid)

    def watch(self) -> str | None:
        """Start, ping and look. Returns why the cluster had to be ended, or None while all is well."""
        if self.child is None:
            if time.monotonic() >= self.start_at:
                self.start()
            return None
        if (code := self.child.poll()) is not None:
            return self._ended("ended", code=code)
        self._ping()
        if self._shows_life():
            self.alive_at = time.monotonic()
        elif time.monotonic() - self.alive_at > self._patience():
            return self._ended("frozen", seconds=round(time.monotonic() - self.alive_at))
        return None

    def _patience(self) -> float:
        return self.limits.freeze if self.has_answered else max(self.limits.freeze, FIRST_ANSWER_SECONDS)

    def _ping(self) -> None:
        if time.monotonic() - self.pinged_at >= self.limits.ping:
            self.pinged_at = time.monotonic()
            async_task(PING, queue=self.queue, cluster=self.queue)

    def _shows_life(self) -> bool:
        """Whether a ping was answered, or the queue shrank: a long line may hold the pings up."""
        answered = QueuePing.objects.filter(queue=self.queue).values_list("answered_at", flat=True).first()
        is_new, self.answered = answered != self.answered, answered
        if is_new:
            self.has_answered, self.waiting, self.pause = True, None, 1
            return True
        if time.monotonic() - self.alive_at < self.limits.freeze / 2:
            return False  # counting a long line is work; a pause of this length is ordinary
        waiting = OrmQ.objects.filter(key=self.queue, lock__lte=timezone.now()).count()
        shrank, self.waiting = self.waiting is not None and waiting < self.waiting, waiting
        return shrank

    def _ended(self, reason: str, **details: object) -> str:
        """Kill what is left of the group, orphans too, and have it started again after a pause."""
        assert self.child is not None  # noqa: S101 - for the type checker
        logger.error("cluster_lost", queue=self.queue, reason=reason, **details)
        processes.kill_group(self.child)
        self.child = None
        self.start_at = time.monotonic() + self.pause
        self.pause = min(self.pause * 2, LONGEST_PAUSE)
        QueuePing.objects.update_or_create(
            queue=self.queue, defaults={"restarts": F("restarts") + 1}, create_defaults={"restarts": 1}
        )
        return reason


class Supervisor:
    """Watches clusters until `stop` is called, or, with `exit_when_lost`, until one is lost."""

    def __init__(self, clusters: Iterable[Cluster], *, exit_when_lost: bool) -> None:
        self.clusters: Sequence[Cluster] = list(clusters)
        self.exit_when_lost = exit_when_lost
        self.stopping = threading.Event()

    def stop(self) -> None:
        self.stopping.set()

    def run(self) -> bool:
        """Return True after an ordinary stop, False when a cluster was lost. All are stopped then."""
        tick = min(1.0, *(cluster.limits.ping / 4 for cluster in self.clusters))
        try:
            while self._database_answers() and not self.stopping.is_set():
                if self._lost_one() and self.exit_when_lost:
                    return False
                self.stopping.wait(tick)
            return True
        finally:
            children = {cluster.child: cluster.limits.stop for cluster in self.clusters if cluster.child}
            processes.stop_all(children)

    def _lost_one(self) -> bool:
        try:
            lost = [cluster.watch() for cluster in self.clusters]
        except DatabaseError as error:
            logger.warning("database_unavailable", error=str(error).strip())
            connection.close()
            return False
        return any(lost)

    def _database_answers(self) -> bool:
        """Wait for a migrated database, without which a cluster hangs for ever. False when told to stop."""
        patience = 1.0
        while not self.stopping.is_set():
            with suppress(DatabaseError):
                QueuePing.objects.exists()
                return True
            connection.close()
            logger.warning("waiting_for_database")
            self.stopping.wait(patience)
            patience = min(patience * 1.5, 5)
            for cluster in self.clusters:
                cluster.alive_at = time.monotonic()  # nobody could answer, which is no fault of theirs
        return False
