"""Many jobs at fal at once with two workers a queue: nobody waits for fal.

The wall time of two hundred such jobs is a benchmark of its own (benchmarks/jobs_in_flight.py).
"""

import pytest

from accounts.models import Team
from billing.services import balance_of, find_violations
from generations.models import Generation
from ltxplatform.processes import wait_until
from tests.support.factories import make_generation, make_image
from tests.support.product import Product

pytestmark = pytest.mark.processes

JOBS = 24
INFERENCE_SECONDS = 10


def test_two_dozen_jobs_are_at_fal_together_with_two_workers(running: Product, team: Team):
    """A worker that waited for fal would hold the line at two; here all are there before the first is done."""
    running.fal.control(inference_seconds=INFERENCE_SECONDS)
    image = make_image(team)
    jobs = Generation.objects.filter(team=team)

    for _ in range(JOBS):
        make_generation(team, image=image, seed=1)

    together = wait_until(lambda: jobs.filter(status="processing").count() == JOBS, seconds=60)
    assert together, running.output()[-3000:]
    done = wait_until(lambda: jobs.filter(status="succeeded").count() == JOBS, seconds=120)
    assert done, running.output()[-3000:]
    assert len(running.fal.requests()) == JOBS
    assert balance_of(team).held == 0
    assert find_violations() == []
