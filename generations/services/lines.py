"""Whose turn it is: round after round over the teams by their weight, in a team over its members, then by their order.

Every line has a number, `turn`, that grows by STRIDE / weight with each job that is sent; the smallest goes next,
and among equals the one that waited longest. A line that had nothing to send cannot save up turns.

Rows are locked in this order: team line, member line, and after them nothing that one could have to wait for. So
whoever calls `wake` does it last.
"""

from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Min, QuerySet, Subquery
from django.db.models.functions import Greatest

from generations.models import Generation, MemberLine, TeamLine
from generations.states import Status

LineT = TypeVar("LineT", TeamLine, MemberLine)

STRIDE: Final = 1_000_000
# Lines looked at for one decision: each that turns out to be empty is corrected, so the next decision skips it.
LOOKS_MAX: Final = 200

_WAKE_TEAM: Final = """
    INSERT INTO generations_teamline AS line (team_id, weight, turn, ready_at)
    VALUES (%(team)s, 1, coalesce(
        (SELECT turn FROM generations_teamline WHERE ready_at <= %(now)s ORDER BY turn LIMIT 1),
        (SELECT turn FROM generations_teamline ORDER BY turn DESC LIMIT 1), 0), %(at)s)
    ON CONFLICT (team_id) DO UPDATE SET
        turn = CASE WHEN line.ready_at IS NULL THEN greatest(line.turn, excluded.turn) ELSE line.turn END,
        ready_at = least(line.ready_at, excluded.ready_at)
"""
_WAKE_MEMBER: Final = """
    INSERT INTO generations_memberline AS line (team_id, member_id, turn, ready_at)
    VALUES (%(team)s, %(member)s, coalesce(
        (SELECT turn FROM generations_memberline
            WHERE team_id = %(team)s AND ready_at <= %(now)s ORDER BY turn LIMIT 1),
        (SELECT max(turn) FROM generations_memberline WHERE team_id = %(team)s), 0), %(at)s)
    ON CONFLICT (team_id, member_id) DO UPDATE SET
        turn = CASE WHEN line.ready_at IS NULL THEN greatest(line.turn, excluded.turn) ELSE line.turn END,
        ready_at = least(line.ready_at, excluded.ready_at)
"""
# Lines that sleep, or sleep too long, although a job of theirs is ready. Whatever wakes them should have done so:
# this mends what an older release, a removed member or a hand in the database left behind.
_ASLEEP: Final = """
    SELECT job.team_id, job.created_by_id, job.at FROM (
        SELECT team_id, created_by_id, min(due_at) AS at FROM generations_generation
        WHERE status = 'queued' AND paused_at IS NULL AND due_at IS NOT NULL GROUP BY team_id, created_by_id
    ) AS job
    LEFT JOIN generations_teamline team ON team.team_id = job.team_id
    LEFT JOIN generations_memberline member
        ON member.team_id = job.team_id AND member.member_id IS NOT DISTINCT FROM job.created_by_id
    WHERE team.ready_at IS NULL OR team.ready_at > job.at OR member.ready_at IS NULL OR member.ready_at > job.at
    ORDER BY job.team_id, job.created_by_id
"""


def wake(generation: Generation, *, now: datetime) -> None:
    """Put the job's lines on the list of those with something to send, in the transaction that made it ready.

    One call serves many jobs of the same team and member. Locks both lines: nothing else may be locked after it.
    """
    _wake(generation.team_id, generation.created_by_id, generation.due_at or now, now)


def _wake(team_id: UUID, member_id: int | None, at: datetime, now: datetime) -> None:
    values = {"team": team_id, "member": member_id, "at": at, "now": now}
    with connection.cursor() as cursor:
        cursor.execute(_WAKE_TEAM, values)
        cursor.execute(_WAKE_MEMBER, values)


def take_next(*, now: datetime) -> Generation | None:
    """The job whose turn it is (its id alone), locked, and its lines served; None when no line has one that is ready.

    Only one caller at a time (the dispatcher holds a lock of its own). Jobs that somebody else has locked are
    passed over: they change right now.
    """
    seen: list[UUID] = []
    while len(seen) < LOOKS_MAX:
        line = _first(TeamLine.objects.exclude(pk__in=seen), now)
        if line is None:
            return None
        found = _take_of_team(line, now)
        if found is not None:
            generation, member_line = found
            _serve(line, TeamLine.objects.all(), STRIDE // line.weight, now)
            _serve(member_line, MemberLine.objects.filter(team=line.team_id), STRIDE, now)
            return generation
        seen.append(line.pk)
    return None


def give_back(generation: Generation) -> None:
    """Return the turn of a job that fal did not take. Locks both lines."""
    TeamLine.objects.filter(team=generation.team_id).update(turn=F("turn") - STRIDE / F("weight"))
    MemberLine.objects.filter(team=generation.team_id, member=generation.created_by_id).update(
        turn=F("turn") - STRIDE
    )


def mend(*, now: datetime) -> int:
    """Wake lines that sleep although a job of theirs is ready; returns how many. Each in its own transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_ASLEEP)
        found = cursor.fetchall()
    for team_id, member_id, at in found:
        with transaction.atomic():
            _wake(team_id, member_id, at, now)
    return len(found)


def _first(lines: QuerySet[LineT], now: datetime) -> LineT | None:
    longest_unserved = (F("served_at").asc(nulls_first=True), "ready_at", "pk")
    ready = lines.filter(ready_at__lte=now).order_by("turn", *longest_unserved)
    return ready.select_for_update(no_key=True).first()


def _take_of_team(line: TeamLine, now: datetime) -> tuple[Generation, MemberLine] | None:
    members = MemberLine.objects.filter(team=line.team_id)
    seen: list[int] = []
    while len(seen) < LOOKS_MAX:
        member_line = _first(members.exclude(pk__in=seen), now)
        if member_line is None:
            break
        jobs = _waiting(member_line)
        due = jobs.filter(due_at__lte=now, start_deadline__gt=now).order_by("line_order", "id")
        generation = due.select_for_update(skip_locked=True, of=("self",)).only("pk").first()
        if generation is not None:
            return generation, member_line
        # Read without passing over locked rows: a job that is being changed must not count as absent.
        member_line.ready_at = jobs.filter(start_deadline__gt=now).aggregate(at=Min("due_at"))["at"]
        member_line.save(update_fields=["ready_at"])
        seen.append(member_line.pk)
    line.ready_at = members.aggregate(at=Min("ready_at"))["at"]
    line.save(update_fields=["ready_at"])
    return None


def _waiting(line: MemberLine) -> QuerySet[Generation]:
    return Generation.objects.filter(
        team=line.team_id, created_by=line.member_id, status=Status.QUEUED, paused_at=None
    )


def _serve(line: LineT, lines: QuerySet[LineT], step: int, now: datetime) -> None:
    """Move the line behind the others by one step. One that had fallen far behind them does not catch up."""
    rivals = lines.filter(ready_at__lte=now).exclude(pk=line.pk).order_by("turn")
    one_behind = Subquery(rivals.values("turn")[:1]) - STRIDE
    # PostgreSQL's greatest() passes over the null that stands for no rival.
    lines.filter(pk=line.pk).update(turn=Greatest("turn", one_behind) + step, served_at=now)
