"""Whose turn it is: round after round over the teams by their weight, in a team over its members, then by their order.

Every line has a number, `turn`, that grows by STRIDE / weight with each job that is sent; the smallest goes next,
and among equals the one that waited longest. A line that had nothing to send cannot save up turns, and one that had
fallen far behind does not catch up: once served, it stands with the others.

Choosing is `generations_take_next` in the database, a part of the dispatcher's claim, because it is many small reads.
It passes over jobs that somebody else has locked: they change right now. Lines that turn out to have nothing ready are
corrected there; all else that changes a line is here.

Rows are locked in this order: team line, member line, and after them nothing that one could have to wait for. So
whoever calls `wake` does it last.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F

from accounts.actors import Actor
from accounts.audit import record
from accounts.models import Team
from generations.models import Generation, MemberLine, TeamLine

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


@transaction.atomic
def set_weight(*, team: Team, weight: int, by: Actor) -> None:
    """Give a team `weight` turns where others have one. Locks its line, whose other columns the dispatcher moves."""
    line = TeamLine.objects.select_for_update().get(team=team)
    if line.weight == weight:
        return
    TeamLine.objects.filter(team=team).update(weight=weight)
    record(
        "team.weight_changed",
        by=by,
        team=team,
        about=team,
        old={"weight": line.weight},
        new={"weight": weight},
    )
