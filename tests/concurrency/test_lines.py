"""Everything that touches lines at once: submitting, sending, refusals, pauses, moves, edits, cancellations."""

import random
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from accounts.errors import DomainError
from billing.models import Hold
from billing.services import find_violations
from generations.models import Generation, TeamLine
from generations.parameters import ClipParams
from generations.services import (
    breaker,
    cancel_generation,
    dispatch,
    edit_generation,
    lines,
    move_generation,
    pause_generation,
    resume_generation,
    run_next,
    sweep,
)
from tests.concurrency.racing import race
from tests.support.factories import actor_for, give_credits, make_generation, make_image, make_team
from tests.support.sandbox_process import sandbox_server

pytestmark = [pytest.mark.concurrency, pytest.mark.usefixtures("cloned_database")]
STEPS = 25


@pytest.fixture
def fal(settings):
    with sandbox_server(inference_seconds=60) as handle:
        for name, value in handle.fal_settings.items():
            setattr(settings, name, value)
        settings.FAL_MAX_IN_FLIGHT = 12
        yield handle


@pytest.mark.parametrize("seed", range(2))
def test_a_crowd_around_the_lines_neither_deadlocks_nor_forgets_a_job(cloned_database, fal, seed):
    fal.rule("submit", "http", status=429, times=15, after=2)
    teams = [make_team() for _ in range(2)]
    for team in teams:
        give_credits(team)
    images = {team: make_image(team) for team in teams}

    def visit(number: int) -> list[str]:
        chance = random.Random(100 * seed + number)
        return [act(chance, chance.choice(teams)) for _ in range(STEPS)]

    def act(chance: random.Random, team) -> str:
        actor = actor_for(team)
        ids = list(Generation.objects.filter(team=team, status="queued").values_list("pk", flat=True))
        now = timezone.now() + timedelta(seconds=chance.randrange(20))
        if len(ids) < 2 or chance.random() < 0.3:
            make_generation(team, image=images[team])
            return "made"
        one, other = chance.sample(ids, 2)
        actions = [
            partial(dispatch.dispatch_next, clock=lambda: now),
            partial(dispatch.dispatch_next, clock=lambda: now),
            partial(pause_generation, actor=actor, generation_id=one),
            partial(resume_generation, actor=actor, generation_id=one),
            partial(run_next, actor=actor, generation_id=one),
            partial(move_generation, actor=actor, generation_id=one, before=other),
            partial(edit_generation, actor=actor, generation_id=one, params=edited(chance)),
            partial(cancel_generation, actor=actor, generation_id=one),
            partial(sweep.enqueue_due, now=now),
            partial(breaker.recall, now=now),
        ]
        try:
            chance.choice(actions)()
        except DomainError as error:
            return error.code
        return "done"

    results = race([partial(visit, number) for number in range(6)])

    assert [each for each in results if isinstance(each, Exception)] == []
    assert find_violations() == []
    open_holds = set(Hold.objects.filter(state="open").values_list("attempt", flat=True))
    alive = Generation.objects.exclude(status__in=["canceled", "expired", "failed", "rejected"])
    assert open_holds == set(alive.values_list("hold_attempt", flat=True))
    assert alive.filter(status__in=["dispatching", "processing"]).count() <= 12
    assert lines.mend(now=timezone.now()) == 0  # no line sleeps beside a job that is ready
    assert TeamLine.objects.count() == 2


def edited(chance: random.Random) -> ClipParams:
    return ClipParams(prompt="Edited", num_frames=chance.choice((9, 17)), resolution="480p")
