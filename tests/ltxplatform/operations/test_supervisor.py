"""When a queue counts as moving."""

import subprocess
import time
from collections.abc import Iterator

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from ltxplatform import processes
from ltxplatform.operations.models import QueuePing
from ltxplatform.operations.supervisor import Cluster, Limits
from ltxplatform.operations.tasks import answer_ping

pytestmark = pytest.mark.django_db


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A cluster that answered once and does nothing since, watched with a patience of 100 s."""
    silent = Cluster("media", Limits(ping=1000, freeze=100, stop=1))
    silent.child = processes.start(["sleep", "60"])
    silent.alive_at = time.monotonic()
    silent.has_answered = True
    yield silent
    if silent.child:
        processes.kill_group(silent.child)


def silent_for(cluster: Cluster, seconds: float) -> None:
    cluster.alive_at = time.monotonic() - seconds


def test_it_pings_its_own_queue(cluster: Cluster) -> None:
    cluster.watch()
    cluster.watch()

    (ping,) = OrmQ.objects.all()
    assert ping.key == "media"
    assert ping.func() == "ltxplatform.operations.tasks.answer_ping"
    assert ping.kwargs() == {"queue": "media"}


def test_an_answer_is_a_sign_of_life(cluster: Cluster) -> None:
    silent_for(cluster, 101)
    answer_ping(queue="media")

    assert cluster.watch() is None
    assert time.monotonic() - cluster.alive_at < 50


def test_silence_ends_the_cluster_and_is_counted(cluster: Cluster) -> None:
    child = cluster.child
    silent_for(cluster, 101)

    assert cluster.watch() == "frozen"
    assert child.poll() is not None
    assert QueuePing.objects.get(queue="media").restarts == 1


def test_a_long_line_that_gets_shorter_is_a_sign_of_life(cluster: Cluster) -> None:
    rows = OrmQ.objects.bulk_create(OrmQ(key="media", payload="", lock=timezone.now()) for _ in range(3))
    silent_for(cluster, 60)
    assert cluster.watch() is None  # counts the line
    rows[0].delete()
    silent_for(cluster, 101)

    assert cluster.watch() is None
    silent_for(cluster, 101)
    assert cluster.watch() == "frozen"


def test_a_new_cluster_gets_a_minute_to_answer_first(cluster: Cluster) -> None:
    cluster.limits = Limits(ping=1000, freeze=5, stop=1)
    cluster.has_answered = False
    silent_for(cluster, 55)
    assert cluster.watch() is None

    silent_for(cluster, 65)
    assert cluster.watch() == "frozen"


def test_a_cluster_that_keeps_ending_is_started_less_and_less_often(cluster: Cluster) -> None:
    pauses = []
    processes.kill_group(cluster.child)
    for _ in range(7):
        cluster.child = subprocess.Popen(["true"])
        cluster.child.wait()
        assert cluster.watch() == "ended"
        pauses.append(cluster.start_at - time.monotonic())

    assert [round(pause) for pause in pauses] == [1, 2, 4, 8, 16, 30, 30]
