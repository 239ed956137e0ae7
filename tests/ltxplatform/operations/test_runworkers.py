"""The supervisor with real clusters: killed, frozen, stopped, and without a database."""

import signal
from collections.abc import Callable

import psutil
import pytest
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from ltxplatform.management.commands.runworkers import queues
from ltxplatform.operations.models import QueuePing
from tests.support.programs import Running, all_ended, manage

pytestmark = pytest.mark.processes

QUICK = ("--ping-seconds", "0.4", "--freeze-seconds", "7", "--stop-seconds", "15")


def answered(*names: str) -> Callable[[], bool]:
    """Whether all these queues have answered since now."""
    now = timezone.now()
    return lambda: QueuePing.objects.filter(queue__in=names, answered_at__gt=now).count() == len(names)


def known_to_answer(supervisor: Running, *names: str) -> None:
    """Wait until the supervisor, too, has seen an answer; before its first it gives a cluster a whole minute."""
    for _ in range(3):
        supervisor.wait_for(answered(*names))


def restarted(name: str) -> Callable[[], bool]:
    return QueuePing.objects.filter(queue=name, restarts__gte=1).exists


def clusters(supervisor: Running) -> dict[str, psutil.Process]:
    """Each queue's main process."""
    children = psutil.Process(supervisor.child.pid).children()
    return {child.name().removeprefix("queue "): child for child in children}


def group(main: psutil.Process) -> list[psutil.Process]:
    return [main, *main.children(recursive=True)]


def test_killed_and_frozen_clusters_are_replaced_whole_and_a_stop_lets_tasks_finish(
    cloned_database: str,
) -> None:
    with manage("runworkers", *QUICK) as supervisor:
        known_to_answer(supervisor, *queues())
        killed, frozen = group(clusters(supervisor)["default"]), group(clusters(supervisor)["media"])

        killed[0].kill()  # its workers live on as orphans
        for process in frozen:
            process.suspend()  # every process is there, and nothing moves

        supervisor.wait_for(restarted("default"))
        supervisor.wait_for(restarted("media"))
        supervisor.wait_for(answered("default", "media"))
        assert all_ended(*killed, *frozen)
        everyone = supervisor.descendants()
        async_task("time.sleep", 2)
        supervisor.wait_for(lambda: any(row.lock > timezone.now() for row in sleeping()))

        supervisor.child.send_signal(signal.SIGTERM)

        assert supervisor.ended() == 0
        assert sleeping() == []
        assert all_ended(*everyone)


def sleeping() -> list[OrmQ]:
    """The queue's rows that sleep; a row in work has its lock in the future."""
    return [row for row in OrmQ.objects.all() if row.func() == "time.sleep"]


def test_a_single_cluster_that_freezes_fails_its_container(cloned_database: str) -> None:
    with manage("runworkers", "--cluster", "hooks", *QUICK) as supervisor:
        known_to_answer(supervisor, "hooks")
        frozen = group(clusters(supervisor)["hooks"])
        for process in frozen:
            process.suspend()

        assert supervisor.ended() == 1
        assert all_ended(*frozen)
        assert "The workers froze or ended" in supervisor.output


def test_it_waits_for_a_missing_database(cloned_database: str) -> None:
    missing = cloned_database.replace("/clone_", "/missing_")
    with manage("runworkers", *QUICK, DATABASE_URL=missing) as supervisor:
        supervisor.wait_for(lambda: "waiting_for_database" in supervisor.output)
        assert supervisor.descendants() == []

        supervisor.child.send_signal(signal.SIGTERM)
        assert supervisor.ended() == 0
