"""Where waiting jobs stand: how many are expected to be sent before each, by the turns that decide."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from generations.models import Generation
from generations.services.lines import STRIDE
from generations.states import Status

# One pass over the waiting jobs, whoever asks and for how many. Paused ones take no turn.
_QUERY: Final = """
    WITH waiting AS (
        SELECT team_id, created_by_id, count(*) AS jobs FROM generations_generation
        WHERE status = 'queued' AND paused_at IS NULL GROUP BY team_id, created_by_id
    ), asked AS (
        SELECT id, team_id, created_by_id, line_order FROM generations_generation
        WHERE id = ANY(%s) AND status = 'queued' AND paused_at IS NULL
    )
    SELECT 'team' AS kind, total.team_id, NULL::int, NULL::uuid, total.jobs,
            coalesce(line.turn, 0), coalesce(line.weight, 1), line.served_at, line.ready_at
        FROM (SELECT team_id, sum(jobs) AS jobs FROM waiting GROUP BY team_id) total
        LEFT JOIN generations_teamline line USING (team_id)
    UNION ALL
    SELECT 'member', waiting.team_id, waiting.created_by_id, NULL, waiting.jobs,
            coalesce(line.turn, 0), 1, line.served_at, line.ready_at
        FROM waiting LEFT JOIN generations_memberline line
            ON line.team_id = waiting.team_id AND line.member_id IS NOT DISTINCT FROM waiting.created_by_id
        WHERE waiting.team_id IN (SELECT team_id FROM asked)
    UNION ALL
    SELECT 'job', asked.team_id, asked.created_by_id, asked.id, (
            SELECT count(*) FROM generations_generation ahead
            WHERE ahead.team_id = asked.team_id AND ahead.created_by_id IS NOT DISTINCT FROM asked.created_by_id
                AND ahead.status = 'queued' AND ahead.paused_at IS NULL
                AND (ahead.line_order, ahead.id) < (asked.line_order, asked.id)
        ), 0, 1, NULL, NULL
        FROM asked
"""
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line with `jobs` waiting; each job that is sent adds `step` to its turn."""

    jobs: int
    turn: int
    step: int
    unserved_since: tuple[datetime, datetime]

    def sent_before(self, other: "_Line", ahead: int) -> int:
        """How many of this line's jobs go before the one that has `ahead` others of its own line in front."""
        distance = other.turn + ahead * other.step - self.turn
        if distance < 0:
            return 0
        rounds = -(-distance // self.step)
        comes_together = distance % self.step == 0
        if comes_together and self._waits_longer(rounds) < other._waits_longer(ahead):
            rounds += 1
        return min(rounds, self.jobs)

    def _waits_longer(self, rounds: int) -> tuple[Any, ...]:
        """Orders lines whose turn comes at the same moment, `rounds` jobs from now: the longest unserved first.

        One that had no job until then was served longest ago; after that the one with the longer step; and lines
        in step keep the order in which they came together, the later one first.
        """
        return (True, -self.step, -self.turn, self.unserved_since) if rounds else (False, self.unserved_since)


def places_in_line(generations: Iterable[Generation]) -> dict[UUID, int]:
    """1-based places of those that are queued and not paused, over all teams, in one query; others are left out.

    Exact while nobody joins or leaves, all teams weigh the same and their turns lie less than one round apart; with
    other weights off by at most one for each other team.
    """
    asked = [row.pk for row in generations if row.status == Status.QUEUED and row.paused_at is None]
    if not asked:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, [asked])
        rows = cursor.fetchall()
    teams = {row[1]: _line(row) for row in rows if row[0] == "team"}
    members = {(row[1], row[2]): _line(row) for row in rows if row[0] == "member"}
    jobs = [row for row in rows if row[0] == "job"]
    return {row[3]: _place(row[1], row[2], int(row[4]), teams, members) for row in jobs}


def _place(
    team: UUID,
    member: int | None,
    ahead: int,
    teams: dict[UUID, _Line],
    members: dict[tuple[UUID, int | None], _Line],
) -> int:
    own = members[team, member]
    in_team = ahead + sum(
        line.sent_before(own, ahead) for key, line in members.items() if key[0] == team and key[1] != member
    )
    others = (line.sent_before(teams[team], in_team) for key, line in teams.items() if key != team)
    return in_team + sum(others) + 1


def _line(row: tuple[Any, ...]) -> _Line:
    jobs, turn, weight, served_at, ready_at = row[4:]
    since = (served_at or _LONG_AGO, ready_at or _LONG_AGO)
    return _Line(jobs=int(jobs), turn=turn, step=STRIDE // weight, unserved_since=since)
