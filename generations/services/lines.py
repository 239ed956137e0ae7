"""Whose turn it is: round after round over the teams by their weight, in a team over its members, then by their order.

Every line has a number, `turn`, that grows by STRIDE / weight with each job that is sent; the smallest goes next,
and among equals the one that waited longest. A line that had nothing to send cannot save up turns.

Rows are locked in this order: team line, member line, and after them nothing that one could have to wait for. So
whoever calls `wake` does it last.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Min, QuerySet

from generations.models import Generation, MemberLine, TeamLine
from generations.states import Status

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


# The longest unserved among equals; then the one that has been ready longest.
_NEXT_TEAM: Final = """
    SELECT * FROM generations_teamline WHERE ready_at <= %(now)s AND team_id <> ALL(%(seen)s::uuid[])
    ORDER BY turn, served_at NULLS FIRST, ready_at, team_id LIMIT 1 FOR NO KEY UPDATE
"""
_NEXT_MEMBER: Final = """
    SELECT * FROM generations_memberline
    WHERE team_id = %(team)s AND ready_at <= %(now)s AND id <> ALL(%(seen)s::bigint[])
    ORDER BY turn, served_at NULLS FIRST, ready_at, id LIMIT 1 FOR NO KEY UPDATE
"""
# One step behind the others. A line that had fallen far behind them does not catch up. PostgreSQL's greatest()
# passes over the null that stands for no rival.
_SERVE_TEAM: Final = """
    UPDATE generations_teamline line SET served_at = %(now)s, turn = %(step)s + greatest(line.turn, (
        SELECT rival.turn FROM generations_teamline rival
        WHERE rival.ready_at <= %(now)s AND rival.team_id <> line.team_id ORDER BY rival.turn LIMIT 1
    ) - %(stride)s)
    WHERE line.team_id = %(line)s
"""
_SERVE_MEMBER: Final = """
    UPDATE generations_memberline line SET served_at = %(now)s, turn = %(step)s + greatest(line.turn, (
        SELECT rival.turn FROM generations_memberline rival
        WHERE rival.team_id = line.team_id AND rival.ready_at <= %(now)s AND rival.id <> line.id
        ORDER BY rival.turn LIMIT 1
    ) - %(stride)s)
    WHERE line.id = %(line)s
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
        line = next(iter(TeamLine.objects.raw(_NEXT_TEAM, {"now": now, "seen": seen})), None)
        if line is None:
            return None
        found = _take_of_team(line, now)
        if found is not None:
            generation, member_line = found
            _serve(_SERVE_TEAM, line.pk, STRIDE // line.weight, now)
            _serve(_SERVE_MEMBER, member_line.pk, STRIDE, now)
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


def _take_of_team(line: TeamLine, now: datetime) -> tuple[Generation, MemberLine] | None:
    seen: list[int] = []
    while len(seen) < LOOKS_MAX:
        wanted = {"now": now, "team": line.team_id, "seen": seen}
        member_line = next(iter(MemberLine.objects.raw(_NEXT_MEMBER, wanted)), None)
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
    members = MemberLine.objects.filter(team=line.team_id)
    line.ready_at = members.aggregate(at=Min("ready_at"))["at"]
    line.save(update_fields=["ready_at"])
    return None


def _waiting(line: MemberLine) -> QuerySet[Generation]:
    return Generation.objects.filter(
        team=line.team_id, created_by=line.member_id, status=Status.QUEUED, paused_at=None
    )


def _serve(statement: str, line: UUID | int, step: int, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"line": line, "step": step, "stride": STRIDE, "now": now})
