"""How long until a clip is ready: what clips of its kind took lately, and who waits before it.

Kinds are told apart by resolution, passes and length. Of each the last SAMPLES clips count, from the moment fal took
them until they were saved. A kind that was hardly ever made is judged by the others: how much quicker or slower they
were than assumed. What was said at submission is kept with the clip, so that the error can be measured.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from statistics import fmean
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core.cache import caches
from django.db import connection

from accounts.models import Team
from generations import fal_gateway
from generations.models import BreakerState, Generation
from generations.parameters import FRAMES_MAX, ClipParams
from generations.states import IN_FLIGHT, TERMINAL, Status

# Seconds by kind, shortest first.
Times = Mapping[str, Sequence[float]]

SAMPLES: Final = 50
# Fewer clips of a kind say too little about it alone.
SAMPLES_ENOUGH: Final = 5
LOW, MIDDLE, HIGH = 0.2, 0.5, 0.8
RESOLUTIONS: Final = ("480p", "720p")
FRAME_STEPS: Final = (57, 121, 257, 513, FRAMES_MAX)
# How clips are assumed to compare with the one of settings.ETA_PRIOR_SECONDS: 121 frames of 720p in one pass.
PRIOR_FRAMES: Final = 121
FIXED_SHARE: Final = 0.25  # of its time that does not grow with the length
SMALL_SHARE: Final = 0.6  # of the time, for 480p
# How far the assumption may be off when nothing was measured at all.
PRIOR_RATIOS: Final = (0.6, 1.0, 1.7)
# How far the wait for a place may be off: others cancel, pause or take longer.
WAIT_LOW, WAIT_HIGH = 0.8, 1.25
ANY: Final = ""
HISTORY_SECONDS: Final = 30
LINE_SECONDS: Final = 5
# A team's own line is counted no further than this.
COUNTED_MOST: Final = 2000
COLUMNS: Final = ("eta_bucket", "eta_seconds", "eta_low_seconds", "eta_high_seconds")


@dataclass(frozen=True, slots=True)
class Eta:
    """Seconds from now until the clip is ready: three clips in five between `low` and `high`, half by `typical`.

    All are 0 when it takes longer than any clip of its kind did lately.
    """

    low: int
    typical: int
    high: int

    @property
    def is_overdue(self) -> bool:
        return self.high == 0


@dataclass(frozen=True, slots=True)
class Line:
    """The line as a whole: places at fal and the jobs in them by kind, jobs that wait, and teams with such jobs."""

    slots: int
    at_fal: Mapping[str, int]
    waiting: int
    teams: int

    @property
    def free(self) -> int:
        return max(self.slots - sum(self.at_fal.values()), 0)


def bucket_of(params: ClipParams) -> str:
    """The kind of clip, as it is stored: "720p-2x-121"."""
    frames = next((step for step in FRAME_STEPS if params.num_frames <= step), FRAMES_MAX)
    return _bucket(params.resolution, 2 if params.enable_detail_pass else 1, frames)


def expected(team: Team, params: ClipParams, *, behind: int = 0) -> Eta | None:
    """For a clip the team would submit now, `behind` others of its own; None while nothing is sent to fal.

    One query of its own.
    """
    line = current_line()
    if not line.slots:
        return None
    return _eta(params, line, place=_next_place(team.pk, line) + behind)


def expected_of(
    generations: Iterable[Generation], places: Mapping[UUID, int], *, now: datetime
) -> dict[UUID, Eta]:
    """For clips on their way; `places` are those in line. Clips without an answer (paused, in review) are left out.

    No query but the two that all requests of this process share for a while.
    """
    on_the_way = [clip for clip in generations if clip.status not in TERMINAL and clip.paused_at is None]
    found: dict[UUID, Eta] = {}
    if not on_the_way:
        return found
    line = current_line()
    for clip in on_the_way:
        if clip.sent_at is not None and clip.status in {Status.PROCESSING, Status.FINALIZING}:
            found[clip.pk] = _remaining(clip.clip_params, (now - clip.sent_at).total_seconds())
        elif clip.status == Status.DISPATCHING:
            found[clip.pk] = _eta(clip.clip_params, line, place=0)
        elif clip.pk in places and line.slots:
            found[clip.pk] = _eta(clip.clip_params, line, place=places[clip.pk])
    return found


def predict(generations: Sequence[Generation]) -> None:
    """Write into new clips of one team, not saved yet, when they should be ready. One query of its own."""
    line = current_line()
    first = _next_place(generations[0].team_id, line) if generations else 0
    for number, clip in enumerate(generations):
        clip.eta_bucket = bucket_of(clip.clip_params)
        if line.slots:
            said = _eta(clip.clip_params, line, place=first + number)
            clip.eta_seconds, clip.eta_low_seconds, clip.eta_high_seconds = said.typical, said.low, said.high


def withdraw(generation: Generation) -> None:
    """Take back what was said, unsaved: its maker paused or changed the clip, so that it says nothing about us."""
    generation.eta_bucket = bucket_of(generation.clip_params)
    generation.eta_seconds = generation.eta_low_seconds = generation.eta_high_seconds = None


def times() -> Times:
    """What clips of each kind took lately, or may take by what others took. Asked once in HISTORY_SECONDS."""
    cached: Times | None = caches["local"].get("eta:times")
    if cached is None:
        cached = _judged(_measured())
        caches["local"].set("eta:times", cached, HISTORY_SECONDS)
    return cached


def current_line() -> Line:
    """As it was at most LINE_SECONDS ago. Keys that rest offer no places."""
    cached: Line | None = caches["local"].get("eta:line")
    if cached is None:
        cached = _line()
        caches["local"].set("eta:line", cached, LINE_SECONDS)
    return cached


def _eta(params: ClipParams, line: Line, *, place: int) -> Eta:
    """For a job that is sent as the `place`-th from now, counted from 1; 0 is being sent."""
    own = times()[bucket_of(params)]
    wait = max(place - line.free, 0) * _place_seconds(line) / line.slots if line.slots else 0.0
    return Eta(
        low=_whole(wait * WAIT_LOW + _quantile(own, LOW)),
        typical=_whole(wait + _quantile(own, MIDDLE)),
        high=_whole(wait * WAIT_HIGH + _quantile(own, HIGH)),
    )


def _remaining(params: ClipParams, spent: float) -> Eta:
    """For a job that fal has had for so many seconds: what those clips took longer that were not ready by then."""
    longer = [seconds - spent for seconds in times()[bucket_of(params)] if seconds > spent]
    if not longer:
        return Eta(0, 0, 0)
    return Eta(*(_whole(_quantile(longer, share)) for share in (LOW, MIDDLE, HIGH)))


def _place_seconds(line: Line) -> float:
    """How long a job keeps its place at fal: the mean of the kinds there now, or of what was made lately."""
    known = times()
    there = [(_quantile(known[kind], MIDDLE), jobs) for kind, jobs in line.at_fal.items() if kind in known]
    if there:
        return sum(seconds * jobs for seconds, jobs in there) / sum(jobs for _, jobs in there)
    return fmean(known[ANY])


def _next_place(team_id: UUID, line: Line) -> int:
    """Where another job of the team would stand: its own jobs before it, and as many of every other team."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FROM (
                SELECT 1 FROM generations_generation
                WHERE team_id = %s AND status = 'queued' AND paused_at IS NULL LIMIT %s
            ) AS own
            """,
            [team_id, COUNTED_MOST],
        )
        own = int(cursor.fetchone()[0])
    others = line.teams - (1 if own else 0)
    return min(own + (own + 1) * others, max(line.waiting, own)) + 1


def _line() -> Line:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT
                (SELECT array_agg(name) FROM generations_falkey WHERE breaker <> %s),
                (SELECT jsonb_object_agg(eta_bucket, jobs) FROM (
                    SELECT eta_bucket, count(*) AS jobs FROM generations_generation
                    WHERE status = ANY(%s) GROUP BY eta_bucket
                ) AS kinds),
                (SELECT count(*) FROM generations_generation WHERE status = 'queued' AND paused_at IS NULL),
                (SELECT count(*) FROM generations_teamline WHERE ready_at IS NOT NULL)
            """,
            [BreakerState.CLOSED, [str(status) for status in IN_FLIGHT]],
        )
        resting, at_fal, waiting, teams = cursor.fetchone()
    windows = fal_gateway.key_windows().items()
    return Line(
        slots=sum(window for name, window in windows if name not in (resting or ())),
        at_fal=json.loads(at_fal or "{}"),
        waiting=waiting,
        teams=teams,
    )


def _measured() -> dict[str, list[float]]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT wanted.bucket, array_agg(latest.seconds ORDER BY latest.seconds)
            FROM unnest(%s::text[]) AS wanted (bucket) CROSS JOIN LATERAL (
                SELECT extract(epoch FROM ended_at - sent_at)::float8 AS seconds
                FROM generations_generation
                WHERE status = 'succeeded' AND eta_bucket = wanted.bucket AND sent_at IS NOT NULL
                ORDER BY ended_at DESC LIMIT %s
            ) AS latest
            GROUP BY wanted.bucket
            """,
            [list(_priors()), SAMPLES],
        )
        return {bucket: list(seconds) for bucket, seconds in cursor.fetchall()}


def _judged(measured: Times) -> dict[str, list[float]]:
    """Times for every kind: its own, else its assumed time corrected by those of its look, else by all.

    Under ANY stands what was measured of all kinds.
    """
    priors = _priors()
    by_look: dict[str, list[float]] = {}
    for bucket, seconds in measured.items():
        ratios = [each / priors[bucket] for each in seconds]
        by_look.setdefault(_look(bucket), []).extend(ratios)
    everything = [ratio for ratios in by_look.values() for ratio in ratios]
    judged = {}
    for bucket, prior in priors.items():
        own = list(measured.get(bucket, ()))
        if len(own) < SAMPLES_ENOUGH:
            candidates = (by_look.get(_look(bucket), []), everything, list(PRIOR_RATIOS))
            ratios = next(
                each for each in candidates if len(each) >= SAMPLES_ENOUGH or each == candidates[-1]
            )
            own = [prior * ratio for ratio in ratios]
        judged[bucket] = sorted(own)
    lately = [each for seconds in measured.values() for each in seconds]
    judged[ANY] = lately or [float(settings.ETA_PRIOR_SECONDS)]
    return judged


def _priors() -> dict[str, float]:
    """The assumed seconds of every kind."""
    return {
        _bucket(resolution, passes, frames): settings.ETA_PRIOR_SECONDS
        * (FIXED_SHARE + (1 - FIXED_SHARE) * passes * frames / PRIOR_FRAMES)
        * (SMALL_SHARE if resolution == "480p" else 1)
        for resolution, passes, frames in product(RESOLUTIONS, (1, 2), FRAME_STEPS)
    }


def _bucket(resolution: str, passes: int, frames: int) -> str:
    return f"{resolution}-{passes}x-{frames}"


def _look(bucket: str) -> str:
    """A kind without its length."""
    return bucket.rpartition("-")[0]


def _quantile(values: Sequence[float], share: float) -> float:
    """Of sorted values, between neighbours in proportion."""
    place = share * (len(values) - 1)
    lower = int(place)
    upper = min(lower + 1, len(values) - 1)
    return values[lower] + (values[upper] - values[lower]) * (place - lower)


def _whole(seconds: float) -> int:
    return max(round(seconds), 1)
