"""Two hundred jobs at fal at once with two workers a queue: nobody waits for fal."""

import time

import pytest

from billing.services import balance_of, find_violations
from generations.models import Generation
from tests.support.factories import make_generation, make_image
from tests.support.product import product

pytestmark = pytest.mark.processes

JOBS = 200
INFERENCE_SECONDS = 20
WALL_SECONDS = 60


def test_two_hundred_jobs_share_two_workers(fal, team, cloned_database, media_root):
    fal.control(inference_seconds=INFERENCE_SECONDS, queue_seconds=0, concurrency=1000)
    image = make_image(team)
    with product(database=cloned_database, fal=fal, media=media_root, FAL_MAX_IN_FLIGHT="200") as running:
        started = time.monotonic()
        for seed in range(JOBS):
            make_generation(team, image=image, seed=seed)
        most = 0
        while time.monotonic() - started < WALL_SECONDS:
            open_jobs = Generation.objects.exclude(status="succeeded").count()
            most = max(most, Generation.objects.filter(status="processing").count())
            if not open_jobs:
                break
            print(
                round(time.monotonic() - started, 1),
                dict(
                    Generation.objects.values_list("status").annotate(
                        n=__import__("django").db.models.Count("id")
                    )
                ),
                __import__("os").getloadavg()[0],
            )
            time.sleep(0.25)
        elapsed = time.monotonic() - started
        states = list(Generation.objects.exclude(status="succeeded").values_list("status", flat=True))

        assert states == [], f"{len(states)} unfinished after {elapsed:.0f} s\n{running.output()[-3000:]}"

    assert most == JOBS  # all were at fal together
    assert len(fal.requests()) == JOBS
    assert balance_of(team).held == 0
    assert find_violations() == []
