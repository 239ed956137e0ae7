"""Five thousand jobs at fal at once on this machine: memory, status calls, CPU, and the time added to a job.

Web, live, poller and two workers a queue run as in production. 4,900 jobs stay at fal for the whole time; while they
are there, sixty more come and go, one a second, and what their way takes longer than fal's work is the time added. A
clip's previews are drawn after it is ready. PostgreSQL and the stand-in are reported apart: they are not ours.
Memory is counted so that pages which processes share count once (PSS).
Run by `python -m benchmarks.five_thousand_in_flight`.
"""

import os
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from accounts.models import Team
    from tests.support.product import Product

WAITING = 4900
BATCH = 100
PROBES = 60
PROBE_SECONDS = 5.0  # of inference
WINDOW_SECONDS = 30.0
GIVE_UP_SECONDS = 1200
MEMORY_GOAL_MB = 600


@dataclass(frozen=True, slots=True)
class Usage:
    """Of some processes: memory in MB, shared pages counted once, and CPU seconds so far."""

    memory: float
    cpu: float


def main() -> None:
    from benchmarks._surroundings import prepared_database

    with tempfile.TemporaryDirectory(prefix="bench") as folder, prepared_database(Path(folder)) as address:
        _measure(address, Path(os.environ["MEDIA_ROOT"]), Path(folder) / "postgres")


def _measure(address: str, media: Path, data: Path) -> None:
    from tests.support import factories
    from tests.support.product import COMMANDS, product
    from tests.support.sandbox_process import sandbox_server

    team = factories.make_team()
    factories.give_credits(team, 1_000_000_000)
    with (
        sandbox_server(inference_seconds=3600, concurrency=10_000, log_level="warning") as fal,
        product(
            database=address,
            fal=fal,
            media=media,
            names=tuple(COMMANDS),
            FAL_MAX_IN_FLIGHT="5000",
            DEBUG="false",
        ) as running,
    ):
        fal.control(fixed_seed=1)
        fal.rule("submit", "speed", prompt="probe", inference_seconds=PROBE_SECONDS)
        counter = fal.rule("status", "delay", seconds=0)  # counts what it lets pass
        _fill(team)
        _report_steady_state(running, data, counter)
        _report_time_added(team)


def _fill(team: "Team") -> None:
    """Order the jobs that stay, and wait until all are at fal."""
    from generations.models import Generation
    from tests.support import factories

    image = factories.make_image(team)
    started = time.monotonic()
    for _ in range(WAITING // BATCH):
        factories.make_batch(team, clips=BATCH, image=image)
    ordered = time.monotonic() - started
    while (count := Generation.objects.filter(status="processing").count()) < WAITING:
        if time.monotonic() - started > GIVE_UP_SECONDS:
            raise RuntimeError(f"only {count} jobs were at fal after {GIVE_UP_SECONDS} s")
        time.sleep(1)
    sent = time.monotonic() - started
    print(
        f"five thousand in flight: {WAITING} jobs ordered in {ordered:.0f} s, at fal after {sent:.0f} s "
        f"({WAITING / sent:.0f} a second)",
        flush=True,
    )
    time.sleep(20)  # until what sending left behind in the queues is done


def _report_steady_state(running: "Product", data: Path, counter: str) -> None:
    groups = {
        "ours": _family(program.child.pid for program in running.running.values()),
        "PostgreSQL": _family([int((data / "postmaster.pid").read_text().split()[0])]),
        "the stand-in": _family([running.fal.process.pid]),
    }
    asked = _hits(running, counter)
    before = {name: _usage(processes) for name, processes in groups.items()}
    time.sleep(WINDOW_SECONDS)
    after = {name: _usage(processes) for name, processes in groups.items()}
    polls = (_hits(running, counter) - asked) / WINDOW_SECONDS
    cores = psutil.cpu_count() or 1
    number = len(groups["ours"])
    for name, used in after.items():
        share = (used.cpu - before[name].cpu) / WINDOW_SECONDS / cores
        goal = f" in {number} processes (goal: under {MEMORY_GOAL_MB})" if name == "ours" else ""
        print(f"  {name}: {used.memory:.0f} MB{goal}, {share:.1%} of {cores} cores", flush=True)
    print(f"  {polls:.1f} status calls a second", flush=True)


def _report_time_added(team: "Team") -> None:
    from generations.models import Generation
    from tests.support import factories

    image = factories.make_image(team)
    probes = []
    for _ in range(PROBES):
        probes.append(factories.make_generation(team, image=image, prompt="probe", seed=1).pk)
        time.sleep(1)
    jobs = Generation.objects.filter(pk__in=probes)
    deadline = time.monotonic() + 120
    while jobs.filter(ended_at=None).exists() and time.monotonic() < deadline:
        time.sleep(0.5)
    added = sorted(
        (ended - created).total_seconds() - PROBE_SECONDS
        for created, ended in jobs.filter(status="succeeded").values_list("created_at", "ended_at")
    )
    print(
        f"  time added to a job while {WAITING} others are at fal: median {median(added):.2f} s, "
        f"p95 {quantiles(added, n=20)[-1]:.2f} s over {len(added)} of {PROBES} clips",
        flush=True,
    )


def _hits(running: "Product", rule: str) -> int:
    return next(entry["hits"] for entry in running.fal.rules() if entry["id"] == rule)


def _family(pids: Iterable[int]) -> list[psutil.Process]:
    tops = [psutil.Process(pid) for pid in pids]
    return [*tops, *(child for top in tops for child in top.children(recursive=True))]


def _usage(processes: Iterable[psutil.Process]) -> Usage:
    memory = cpu = 0.0
    for process in processes:
        try:
            memory += process.memory_full_info().pss / 1e6
            times = process.cpu_times()
        except psutil.NoSuchProcess:  # a worker that was replaced
            continue
        cpu += times.user + times.system
    return Usage(memory, cpu)


if __name__ == "__main__":
    main()
