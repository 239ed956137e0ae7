"""How long it takes to decide which job is sent next: 100,000 waiting jobs of 1,000 teams against 100 jobs of 100.

A decision is the dispatcher's whole claim, committed: whose turn it is, which key, the move and the intent, and the
rows read back. Each claimed job is put back, untimed, so that the line stays as long. The reference in the same run
does the least for as many round trips: one row, committed, and one read. Also how long it takes to tell the places of a
page of clips from the far end of the line. Run by `python -m benchmarks.dispatch_decision`.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from generations.models import Generation, Submission

LONG = (100_000, 1_000)  # jobs, teams
SHORT = (100, 100)
DECISIONS = 200
GOAL_P95_MS = 20.0
GOAL_RATIO = 2.0
TILES = 24
ROUND_TRIPS = 2

# A member's jobs come one after another.
MEMBERS = 2
MORE_OF_EACH = """
    INSERT INTO generations_generation ({columns}) SELECT {values}
    FROM generations_generation, generate_series(2, {each}) AS n WHERE status = 'queued'
"""
OWN = {
    "id": "gen_random_uuid()",
    "hold_attempt": "gen_random_uuid()",
    "idempotency_key": "gen_random_uuid()::text",
    "line_order": "line_order + n",
}


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds."""

    p50: float
    p95: float

    @classmethod
    def of(cls, seconds: list[float]) -> "Times":
        cuts = quantiles(seconds, n=100)
        return cls(p50=cuts[49] * 1000, p95=cuts[94] * 1000)


def main() -> None:
    from benchmarks._surroundings import prepared_database

    # As in production: debugging keeps and formats every statement.
    os.environ |= {"FAL_MAX_IN_FLIGHT": "5000", "DEBUG": "false"}
    with tempfile.TemporaryDirectory(prefix="bench") as folder, prepared_database(Path(folder)):
        results = {}
        for jobs, teams in (SHORT, LONG):
            _fill(jobs, teams)
            results[jobs] = (Times.of(_measure(_decide, DECISIONS)), Times.of(_measure(_places, 20)))
        bare = Times.of(_measure(_bare, DECISIONS))
    _report(results, bare)


def _report(results: dict[int, tuple[Times, Times]], bare: Times) -> None:
    (short, _), (long, places) = results[SHORT[0]], results[LONG[0]]
    ratio = long.p95 / short.p95
    print(
        f"dispatch decision: {LONG[0]:,} jobs of {LONG[1]:,} teams p50 {long.p50:.1f} ms, p95 {long.p95:.1f} ms "
        f"(goal {GOAL_P95_MS:.0f}); {SHORT[0]} jobs p50 {short.p50:.1f} ms, p95 {short.p95:.1f} ms; "
        f"ratio {ratio:.2f} (goal {GOAL_RATIO:.0f}); {ROUND_TRIPS} bare round trips p50 {bare.p50:.1f} ms, "
        f"p95 {bare.p95:.1f} ms; places of {TILES} clips among {LONG[0]:,} "
        f"p50 {places.p50:.0f} ms, p95 {places.p95:.0f} ms",
        flush=True,
    )
    if long.p95 > GOAL_P95_MS or ratio > GOAL_RATIO:
        sys.exit("The dispatch decision misses its goal.")


def _measure(action: Callable[[], float], times: int) -> list[float]:
    for _ in range(10):
        action()
    return [action() for _ in range(times)]


def _decide() -> float:
    from django.utils import timezone

    from generations.services.dispatch import claim_next

    began = time.perf_counter()
    submission = claim_next(timezone.now())
    taken = time.perf_counter() - began
    if submission is None:
        raise RuntimeError("Nothing was claimed.")
    _put_back(submission)
    return taken


def _bare() -> float:
    from django.db import connection

    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO generations_falkey (name, breaker, reason, failures, openings, told_open) "
            "VALUES (gen_random_uuid()::text, 'closed', '', 0, 0, false)"
        )
        cursor.execute("SELECT 1")
    return time.perf_counter() - began


def _put_back(submission: "Submission") -> None:
    from django.db import transaction
    from django.utils import timezone

    from generations.models import Generation
    from generations.services import lines

    with transaction.atomic():
        submission.delete()
        generation = Generation.objects.get(pk=submission.generation_id)
        generation.status, generation.due_at = "queued", timezone.now()
        generation.save(update_fields=["status", "due_at"])
        lines.wake(generation, now=timezone.now())


def _places() -> float:
    from generations.models import Generation
    from generations.services import places_in_line

    page = list(Generation.objects.filter(status="queued").order_by("-line_order")[:TILES])
    began = time.perf_counter()
    places_in_line(page)
    return time.perf_counter() - began


def _fill(jobs: int, teams: int) -> None:
    """So many jobs of so many teams, beside those that wait already; one row of each member, then copies of it."""
    from django.db import connection, transaction
    from django.utils import timezone

    from generations.models import Generation
    from generations.services import lines

    rows = [row for _ in range(teams) for row in _first_jobs(min(MEMBERS, jobs // teams))]
    Generation.objects.bulk_create(rows)
    if jobs > len(rows):
        names = [field.column for field in Generation._meta.concrete_fields]
        values = ", ".join(OWN.get(name, name) for name in names)
        with connection.cursor() as cursor:
            cursor.execute(
                MORE_OF_EACH.format(columns=", ".join(names), values=values, each=jobs // len(rows))
            )
    with transaction.atomic():  # one commit for all lines
        lines.mend(now=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _first_jobs(members: int) -> "list[Generation]":
    from datetime import timedelta

    from django.utils import timezone

    from accounts.models import Team, User
    from generations.models import Generation, Image
    from generations.parameters import ClipParams

    now, name = timezone.now(), uuid4().hex
    team = Team.objects.create(name=name, slug=name)
    image = Image.objects.create(
        team=team, sha256=name, source_sha256=name, width=640, height=360, size=1, content_type="image/jpeg"
    )
    params = ClipParams(prompt="A boat drifts over a calm lake").as_json()
    return [
        Generation(
            team=team,
            created_by=User.objects.create(email=f"{number}-{name}@example.com"),
            image=image,
            params=params,
            idempotency_key=str(number),
            price=7500,
            due_at=now,
            start_deadline=now + timedelta(days=1),
        )
        for number in range(members)
    ]


if __name__ == "__main__":
    main()
