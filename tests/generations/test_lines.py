"""Whose turn it is: shares by weight, idle lines save nothing up, nothing that is ready is forgotten."""

import random
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Team, User
from generations.models import Generation, Image, MemberLine, TeamLine
from generations.parameters import ClipParams
from generations.services import lines, places_in_line
from generations.states import Status
from tests.contracts.world import picture_of
from tests.support import flow
from tests.support.factories import make_member, make_team, owner_of

pytestmark = pytest.mark.django_db
NOW = timezone.now()
PARAMS = ClipParams(prompt="A boat").as_json()


@pytest.fixture
def pictures() -> dict[Team, Image]:
    return {}


@pytest.fixture
def waiting(pictures):
    """Makes jobs that wait, without money: what is tested here is their order alone."""

    def make(team: Team, jobs: int = 1, member: User | None = None, **columns) -> list[Generation]:
        if team not in pictures:
            pictures[team] = picture_of(team)
        member = member or owner_of(team)
        made = []
        for _ in range(jobs):
            columns = {"due_at": NOW, "start_deadline": NOW + timedelta(days=1), **columns}
            row = Generation(
                team=team,
                created_by=member,
                image=pictures[team],
                params=PARAMS,
                idempotency_key=str(uuid4()),
                price=1,
                **columns,
            )
            row.save(force_insert=True)
            if row.paused_at is None:
                lines.wake(row, now=NOW)
            made.append(row)
        return made

    return make


def send(now: datetime = NOW) -> Generation | None:
    """What the dispatcher takes next; it is then away."""
    job = flow.take_next(now=now)
    if job is not None:
        Generation.objects.filter(pk=job.pk).update(status=Status.DISPATCHING)
    return job


def send_all(now: datetime = NOW) -> list[Generation]:
    sent = []
    while (job := send(now)) is not None:
        sent.append(job)
        now += timedelta(milliseconds=1)
    return sent


def teams_of(jobs: list[Generation], names: dict[Team, str]) -> str:
    return "".join(names[job.team] for job in jobs)


def test_a_team_with_one_job_does_not_wait_for_one_with_many(waiting):
    many, one = make_team(), make_team()
    waiting(many, 8)
    assert [send().team for _ in range(3)] == [many] * 3

    waiting(one)

    assert send(NOW + timedelta(seconds=1)).team == one


def test_teams_get_their_share_by_weight(waiting):
    heavy, light = make_team(), make_team()
    waiting(heavy, 9)
    waiting(light, 9)
    TeamLine.objects.filter(team=heavy).update(weight=2)

    order = teams_of(send_all()[:9], {heavy: "H", light: "L"})

    assert order.count("H") == 6


def test_members_of_a_team_take_turns(waiting):
    team = make_team()
    other = make_member(team, "editor")
    waiting(team, 4)
    waiting(team, 2, other)

    makers = [job.created_by for job in send_all()]

    assert makers[:4] in ([owner_of(team), other] * 2, [other, owner_of(team)] * 2)


def test_within_a_members_line_their_own_order_decides(waiting):
    team = make_team()
    late, early = waiting(team, line_order=2)[0], waiting(team, line_order=1)[0]

    assert send_all() == [early, late]


def test_an_idle_team_saves_up_no_turns(waiting):
    busy, idle = make_team(), make_team()
    waiting(idle)
    send()
    waiting(busy, 20)
    for number in range(10):
        send(NOW + timedelta(seconds=number))

    waiting(idle, 5)

    order = teams_of(send_all(NOW + timedelta(minutes=1)), {busy: "b", idle: "i"})
    assert order.startswith("ibibibibib")


def test_a_line_that_fell_behind_does_not_catch_up(waiting):
    behind, other = make_team(), make_team()
    waiting(behind, 5)
    waiting(other, 5)
    TeamLine.objects.filter(team=other).update(turn=1000 * lines.STRIDE)

    order = teams_of(send_all(), {behind: "b", other: "o"})

    assert "bbb" not in order[:6]


def test_paused_and_resting_jobs_let_others_pass_and_come_back(waiting):
    team = make_team()
    waiting(team, paused_at=NOW)
    resting = waiting(team, due_at=NOW + timedelta(seconds=30))[0]
    ready = waiting(team)[0]

    assert send_all() == [ready]
    assert MemberLine.objects.get(team=team).ready_at == resting.due_at
    assert TeamLine.objects.get(team=team).ready_at == resting.due_at
    assert send_all(NOW + timedelta(seconds=31)) == [resting]


def test_an_empty_line_sleeps_and_is_woken(waiting):
    team = make_team()
    waiting(team)
    send_all()
    assert send() is None
    assert TeamLine.objects.get(team=team).ready_at is None

    again = waiting(team)

    assert send_all() == again


def test_what_nobody_woke_is_mended(waiting):
    team = make_team()
    job = waiting(team)[0]
    MemberLine.objects.all().delete()
    TeamLine.objects.all().delete()
    assert send() is None

    assert lines.mend(now=NOW) == 1
    assert lines.mend(now=NOW) == 0
    assert send() == job


def test_jobs_of_a_removed_member_still_have_their_turn(waiting):
    team = make_team()
    job = waiting(team)[0]
    Generation.objects.update(created_by=None)

    lines.mend(now=NOW)

    assert send() == job


def test_a_returned_turn_is_the_next_one_again(waiting):
    first, second = make_team(), make_team()
    waiting(first, 3)
    waiting(second, 3)
    job = send()
    Generation.objects.filter(pk=job.pk).update(status=Status.QUEUED)
    before = TeamLine.objects.get(team=job.team).turn

    lines.give_back(job)

    assert TeamLine.objects.get(team=job.team).turn == before - lines.STRIDE


@pytest.mark.parametrize("seed", range(6))
def test_places_are_the_order_in_which_jobs_are_sent(waiting, seed):
    """With equal weights; jobs come in while others are sent."""
    chance = random.Random(seed)
    teams = [make_team() for _ in range(3)]
    members = [(team, user) for team in teams for user in (owner_of(team), make_member(team, "editor"))]
    for step in range(12):
        team, user = chance.choice(members)
        waiting(team, chance.randrange(1, 4), user)
        for number in range(chance.randrange(3)):
            send(NOW + timedelta(seconds=step, milliseconds=number))
    queue = list(Generation.objects.filter(status=Status.QUEUED))

    with connection.execute_wrapper(counting := _Counter()):
        places = places_in_line(queue)

    assert counting.count == 1
    sent = send_all(NOW + timedelta(minutes=1))
    assert sorted(places.values()) == list(range(1, len(queue) + 1))
    assert [places[job.pk] for job in sent] == list(range(1, len(sent) + 1))


@pytest.mark.parametrize("seed", range(4))
def test_with_other_weights_places_are_close(waiting, seed):
    chance = random.Random(seed)
    teams = [make_team() for _ in range(3)]
    for team in teams:
        waiting(team, chance.randrange(4, 9))
    for team in teams:
        TeamLine.objects.filter(team=team).update(weight=chance.randrange(1, 5))
    queue = list(Generation.objects.filter(status=Status.QUEUED))

    places = places_in_line(queue)

    sent = send_all(NOW)
    assert max(abs(places[job.pk] - place) for place, job in enumerate(sent, 1)) < len(teams)


class _Counter:
    count = 0

    def __call__(self, execute, sql, params, many, context):
        self.count += 1
        return execute(sql, params, many, context)
