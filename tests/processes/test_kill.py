"""kill -9 of web, workers and poller at random moments: every job ends once, every hold is settled."""

import random
import time
from contextlib import suppress

import psutil
import pytest

from accounts.models import Team
from billing.models import Hold
from billing.services import balance_of, find_violations
from generations.models import Generation, Submission
from generations.states import TERMINAL
from ltxplatform.processes import wait_until
from tests.support.factories import make_generation, make_image
from tests.support.product import Product

pytestmark = pytest.mark.processes

JOBS = 20
KILLS = 10
SETTLED_WITHIN_SECONDS = 150


def test_kills_at_random_moments_lose_and_double_nothing(running: Product, team: Team):
    seed = random.randrange(2**32)
    print(f"random seed {seed}")
    dice = random.Random(seed)
    running.fal.control(inference_seconds=1.5, queue_seconds=0.2)
    image = make_image(team)
    for number in range(JOBS):
        make_generation(team, image=image, seed=number)
        if number % (JOBS // KILLS) == 0:
            time.sleep(dice.uniform(0.2, 1.2))
            strike(running, dice)
    wait_until_ended(running, team)
    done = list(Generation.objects.filter(team=team))

    assert {row.status for row in done} == {"succeeded"}, [(row.status, row.failure_code) for row in done]
    assert not Hold.objects.filter(team=team, state="open").exists()
    assert balance_of(team).held == 0
    assert balance_of(team).available == 100_000_000 - sum(row.price for row in done)
    requests = running.fal.requests()
    submissions = Submission.objects.filter(generation__team=team).exclude(request_id=None)
    ours = dict(submissions.values_list("request_id", "generation_id"))
    assert {request["request_id"] for request in requests} == set(ours)
    assert len(requests) == len(set(ours.values())) == JOBS
    assert find_violations() == []


def strike(running: Product, dice: random.Random) -> None:
    """kill -9 one process out of all that web, workers and poller consist of."""
    name = dice.choice(sorted(running.running))
    top = psutil.Process(running.running[name].child.pid)
    victim = dice.choice([top, *top.children(recursive=True)])
    print(f"killing {name}: {victim.pid} of {top.pid}")
    if victim.pid == top.pid:
        running.kill(name)
        running.revive(name)
    else:
        with suppress(psutil.NoSuchProcess):  # it ended by itself just now
            victim.kill()
        if name == "web":  # granian ends with its worker, and its supervisor starts it anew
            running.kill(name)
            running.revive(name)


def wait_until_ended(running: Product, team: Team) -> None:
    ours = Generation.objects.filter(team=team).exclude(status__in=TERMINAL)
    if not wait_until(lambda: not ours.exists(), seconds=SETTLED_WITHIN_SECONDS, every=0.5):
        waiting = list(ours.values_list("status", "due_at", "attempts"))
        raise AssertionError(f"still waiting: {waiting}\n{running.output()[-4000:]}")
