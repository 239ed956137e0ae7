"""What must be true of every job when all is over, whatever went wrong on the way.

Each finding is a sentence; a sound run has none. Tried by breaking a copy of the product and running the matrix in it:

| broken on purpose | what was found |
|---|---|
| a lost request is sent again without asking fal's list | "2 requests at fal, not 1 to 1" |
| a canceled job is released while fal still renders it | "ended while fal still works on it" |
| the hash of our file is kept as the hash of fal's | "is not what fal made" |

Broken transitions, missing settlements and ignored locks are caught by tests/generations/test_stateful.py, which
breaks them itself.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from django.core.files.storage import default_storage

from accounts.models import Team
from billing.models import Hold, Transaction
from billing.services import balance_of, find_violations
from generations.models import Generation, GenerationEvent, Submission
from tests.faults.cases import Case

TERMINAL = {"succeeded", "failed", "canceled", "expired", "rejected"}
# state -> states that may follow it, from the reference; "" is before the beginning.
NEXT = {
    "": {"queued"},
    "queued": {"dispatching", "failed", "canceled", "expired", "rejected"},
    "dispatching": {"processing", "failed", "queued"},
    "processing": {"finalizing", "failed", "canceled", "rejected", "queued", "expired"},
    "finalizing": {"succeeded", "failed"},
}


def findings(
    *, teams: Mapping[int, int], cases: Mapping[UUID, Case], requests: list[dict[str, Any]]
) -> list[str]:
    """`teams` is each team's credits at the start (µ$), `cases` the fate meant for each job, `requests` fal's list."""
    jobs = list(Generation.objects.filter(team__in=teams))
    told = [
        *_ends(jobs, cases),
        *_timelines(jobs),
        *_money(jobs, teams),
        *_requests(jobs, cases, requests),
        *_clips(jobs, requests),
    ]
    lost = set(cases) - {job.pk for job in jobs}
    return [*told, *(f"{pk} is lost" for pk in lost), *(str(violation) for violation in find_violations())]


def _ends(jobs: Iterable[Generation], cases: Mapping[UUID, Case]) -> Iterator[str]:
    for job in jobs:
        case = cases.get(job.pk)
        if case is None:
            yield f"{job.pk} was never ordered"
        elif job.status not in case.ends:
            yield f"{case.name}: ended {job.status} ({job.failure_code} {job.failure_detail}), not {set(case.ends)}"
        elif case.codes and job.failure_code not in case.codes:
            yield f"{case.name}: failed as {job.failure_code}, not {set(case.codes)}"
        elif (job.status == "succeeded") is bool(job.failure_code):
            yield f"{case.name}: ended {job.status} with the reason {job.failure_code!r}"
        elif job.ended_at is None:
            yield f"{case.name}: ended {job.status} at no time"


def _timelines(jobs: Iterable[Generation]) -> Iterator[str]:
    """Each goes from state to state without a gap, by allowed moves, and ends once."""
    events: dict[UUID, list[GenerationEvent]] = defaultdict(list)
    for event in GenerationEvent.objects.filter(generation__in=jobs).order_by("id"):
        events[event.generation_id].append(event)
    for job in jobs:
        before = ""
        for event in events[job.pk]:
            if event.from_status != before or event.to_status not in NEXT.get(before, set()):
                yield f"{job.pk} went from {before!r} by {event.from_status!r} to {event.to_status!r}"
            before = event.to_status
        if before != job.status:
            yield f"{job.pk} is {job.status}, and its timeline ends {before}"


def _money(jobs: list[Generation], teams: Mapping[int, int]) -> Iterator[str]:
    holds = {hold.attempt: hold for hold in Hold.objects.filter(team__in=teams)}
    if len(holds) != len(jobs):
        yield f"{len(holds)} holds for {len(jobs)} jobs"
    captures = Counter(
        Transaction.objects.filter(hold__team__in=teams, kind__in=["capture", "partial_capture"]).values_list(
            "hold_id", flat=True
        )
    )
    spent: Counter[int] = Counter()
    for job in jobs:
        hold = holds.get(job.hold_attempt)
        if hold is None or hold.state == "open":
            yield f"{job.pk} {job.status}: its hold is {'missing' if hold is None else 'open'}"
            continue
        due = job.price if job.status == "succeeded" else 0
        if hold.captured != due or captures[hold.pk] != (1 if due else 0):
            yield f"{job.pk} {job.status}: {hold.captured} µ$ captured {captures[hold.pk]} times, not {due}"
        spent[job.team_id] += hold.captured
    for team in Team.objects.filter(pk__in=teams):
        balance = balance_of(team)
        if (balance.available, balance.held) != (teams[team.pk] - spent[team.pk], 0):
            yield f"team {team.pk} has {balance}, and spent {spent[team.pk]} of {teams[team.pk]}"


def _requests(
    jobs: Iterable[Generation], cases: Mapping[UUID, Case], requests: Iterable[dict[str, Any]]
) -> Iterator[str]:
    """Each request at fal belongs to one submission by the token in its webhook address, each submission to one job."""
    submissions = {
        str(row.token): row for row in Submission.objects.filter(generation__in=jobs).order_by("number")
    }
    served: Counter[UUID] = Counter()
    seen: dict[str, str] = {}
    for request in requests:
        token = urlsplit(request["webhook_url"]).path.rstrip("/").rpartition("/")[2]
        submission = submissions.get(token)
        if submission is None:
            yield f"request {request['request_id']} belongs to no submission"
            continue
        if token in seen:
            yield f"submission {submission.pk} was sent twice: {seen[token]} and {request['request_id']}"
        seen[token] = request["request_id"]
        if request["status"] != "COMPLETED":
            yield f"{submission.generation_id} ended while fal still works on it"
        if submission.request_id not in {None, request["request_id"]}:
            yield f"submission {submission.pk} took {submission.request_id} for {request['request_id']}"
        served[submission.generation_id] += 1
    known = [row.request_id for row in submissions.values() if row.request_id]
    if foreign := set(known) - set(seen.values()):
        yield f"fal knows nothing of {foreign}"
    for pk, case in cases.items():
        least, most = case.requests
        if not least <= served[pk] <= most:
            yield f"{case.name}: {served[pk]} requests at fal, not {least} to {most}"


def _clips(jobs: Iterable[Generation], requests: Iterable[dict[str, Any]]) -> Iterator[str]:
    """What was delivered is what fal made, and what is stored is what was published."""
    results = {request["request_id"]: request["result"] for request in requests}
    accepted = dict(
        Submission.objects.filter(generation__in=jobs, state="accepted").values_list(
            "generation_id", "request_id"
        )
    )
    with httpx.Client(trust_env=False) as client:
        for job in jobs:
            if job.status != "succeeded":
                if job.video:
                    yield f"{job.pk} {job.status} has a video"
                continue
            url = results[accepted[job.pk]]["video"]["url"]
            if hashlib.sha256(client.get(url).content).hexdigest() != job.source_sha256:
                yield f"{job.pk} is not what fal made"
            with default_storage.open(job.video.name) as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != job.video_sha256:
                    yield f"{job.pk} is stored otherwise than published"
