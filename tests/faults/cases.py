"""The fault matrix: what goes wrong at which step of a job, and how the job must end.

Every fault that the stand-in knows appears at every step of a job's way; `UNUSED` says why a step is left out. A case's
rules strike only the job whose prompt carries the case's mark, so that five hundred jobs fail in five hundred ways at
once. Steps whose calls serve many jobs (uploading, the request list, the webhook keys) have rules of their own, which
strike whoever calls next and must not change how any job ends.
"""

from dataclasses import dataclass
from typing import Any

from sandbox.fal.errors import MODEL_ERRORS, REQUEST_ERRORS

Rule = dict[str, Any]

SUCCEEDS = frozenset({"succeeded"})
FAILS = frozenset({"failed"})
REJECTED = frozenset({"rejected"})
CANCELED = frozenset({"canceled"})
EXPIRES = frozenset({"expired"})

UNUSED = {
    "run": "the product never waits for a clip in one call",
    "account": "asked only when a key is suspected: tests/generations/test_breaker*.py",
    "billing": "asked once an hour, about no job's way: tests/generations/test_costs.py",
}


@dataclass(frozen=True, slots=True)
class Case:
    """`rules` get the job's mark. `requests` is how many requests fal may have accepted for the job, least and most.

    `cancel`: its maker cancels it once it is at fal. `slow`: takes minutes, for the soak alone.
    """

    name: str
    rules: tuple[Rule, ...]
    ends: frozenset[str] = SUCCEEDS
    codes: frozenset[str] = frozenset()
    requests: tuple[int, int] = (1, 1)
    cancel: bool = False
    slow: bool = False


def rule(step: str, fault: str, **fields: Any) -> Rule:
    return {"step": step, "fault": fault, **fields}


WITHHOLD = rule("webhook", "withhold")
# Longer than it may take until everything is ordered: only the cancellation ends such a job.
LASTS_LONG = rule("submit", "speed", inference_seconds=900)
LOST = rule("submit", "drop_after", times=1)

# Answers that are evidence of nothing: the caller must ask again, and nothing may change.
NO_EVIDENCE: tuple[tuple[str, Rule], ...] = (
    ("drop", {"fault": "drop"}),
    ("delay", {"fault": "delay", "seconds": 0.7}),
    ("garbage", {"fault": "garbage"}),
    ("wrong_type", {"fault": "wrong_type"}),
    ("a number", {"fault": "wrong_type", "body": 7}),
    ("empty object", {"fault": "wrong_type", "body": {}}),
    ("empty", {"fault": "empty"}),
    ("huge", {"fault": "huge", "bytes": 3_000_000}),
    ("408", {"fault": "http", "status": 408, "body": "slow"}),
    ("429", {"fault": "error", "type": "concurrent_requests_limit"}),
    ("500", {"fault": "http", "status": 500, "body": "<h1>nginx</h1>", "content_type": "text/html"}),
    ("502", {"fault": "http", "status": 502, "body": "bad gateway"}),
    ("503", {"fault": "http", "status": 503, "body": {"detail": "later"}}),
    ("504", {"fault": "http", "status": 504, "body": ""}),
)

# How a job ends when fal's last word is this error; `failed` unless listed.
ENDS_OF_ERRORS = {
    "content_policy_violation": REJECTED,
    "request_timeout": EXPIRES,
    "client_cancelled": CANCELED,
}
ERRORS = sorted({**MODEL_ERRORS, **REQUEST_ERRORS})


def status_of(error: str) -> int:
    return MODEL_ERRORS[error][0] if error in MODEL_ERRORS else REQUEST_ERRORS[error][0]


# One error of each kind and HTTP status, for the steps that look at nothing else.
KINDS = list({(error in MODEL_ERRORS, status_of(error)): error for error in ERRORS}.values())


def at_submit() -> list[Case]:
    found = [
        Case(f"submit {name}", ({"step": "submit", **answer, "times": 1},)) for name, answer in NO_EVIDENCE
    ]
    for error in {*KINDS, "content_policy_violation"}:
        struck = rule("submit", "error", type=error)
        if status_of(error) >= 500:  # it may have come from a gateway in front of the queue
            found.append(Case(f"submit error {error}", ({**struck, "times": 1},)))
        else:  # fal refuses the same input as often as it is sent, and a busy machine may lose the first answer
            ends = REJECTED if error == "content_policy_violation" else FAILS
            found.append(Case(f"submit error {error}", (struck,), ends, requests=(0, 0)))
    refused = [
        Case(f"submit {code}", (rule("submit", "http", status=code, body="no"),), FAILS, requests=(0, 0))
        for code in (400, 404, 422)
    ]
    hidden = rule("list", "hide")
    return [
        *found,
        *refused,
        Case("submit refused before", (rule("submit", "drop_before", times=1),)),
        Case("submit lost, webhook names it", (LOST,)),
        Case("submit lost, list names it", (LOST, WITHHOLD)),
        Case("submit lost for good", (LOST, WITHHOLD, hidden), requests=(2, 2)),
        Case(
            "submit lost, webhook late", (LOST, rule("webhook", "delay", seconds=3), hidden), requests=(1, 2)
        ),
        Case("submit lost, webhook forged", (LOST, rule("webhook", "wrong_signature"))),
        Case(
            "submit silent twice",
            (rule("submit", "drop_before", times=2),),
            FAILS,
            codes=frozenset({"provider_silent"}),
            requests=(0, 0),
            slow=True,
        ),
        Case(
            "submit slower than patience",
            (rule("submit", "delay", seconds=25, times=1),),
            requests=(1, 2),
            slow=True,
        ),
    ]


def at_status() -> list[Case]:
    """Without webhooks, so that the poller is the only way to know."""
    found = [
        Case(f"status {name}", ({"step": "status", **answer, "times": 2}, WITHHOLD))
        for name, answer in NO_EVIDENCE
    ]
    found += [
        Case(f"status error {error}", (rule("status", "error", type=error, times=2), WITHHOLD))
        for error in KINDS
    ]
    return [*found, Case("status unknown", (rule("status", "http", status=404, body={}, times=1), WITHHOLD))]


def at_result() -> list[Case]:
    found = [
        Case(f"result {name}", ({"step": "result", **answer, "times": 1},)) for name, answer in NO_EVIDENCE
    ]
    found += [
        Case(
            f"result error {error}", (rule("result", "error", type=error),), ENDS_OF_ERRORS.get(error, FAILS)
        )
        for error in ERRORS
    ]
    gone = frozenset({"result_missing"})
    return [
        *found,
        Case("result late", (rule("result", "expired", times=1),)),
        Case("result expired", (rule("result", "expired"),), FAILS, gone),
        Case("result 410", (rule("result", "http", status=410, body="gone"),), FAILS, gone),
    ]


def at_inference() -> list[Case]:
    found = [
        Case(
            f"inference error {error}",
            (rule("inference", "error", type=error),),
            ENDS_OF_ERRORS.get(error, FAILS),
        )
        for error in ERRORS
    ]
    return [
        *found,
        Case("inference requeued", (rule("inference", "requeue", after_seconds=0.2, times=1),)),
        Case("inference stalls, canceled", (rule("inference", "stall"),), CANCELED, cancel=True),
    ]


def at_cancel() -> list[Case]:
    """The clip would take longer than anybody waits: only a cancellation that arrives ends it."""
    found = [
        Case(f"cancel {name}", (LASTS_LONG, {"step": "cancel", **answer, "times": 1}), CANCELED, cancel=True)
        for name, answer in NO_EVIDENCE
    ]
    return [
        *found,
        Case("cancel", (LASTS_LONG,), CANCELED, cancel=True),
        Case("cancel, webhook withheld", (LASTS_LONG, WITHHOLD), CANCELED, cancel=True),
        Case(
            "cancel unknown at first",
            (LASTS_LONG, rule("cancel", "http", status=404, body={"status": "NOT_FOUND"}, times=1)),
            CANCELED,
            cancel=True,
        ),
        Case("cancel in line at fal", (rule("submit", "speed", queue_seconds=900),), CANCELED, cancel=True),
    ]


def at_webhook() -> list[Case]:
    kinds: list[Rule] = [
        {"fault": "withhold"},
        {"fault": "delay", "seconds": 2},
        {"fault": "duplicate", "copies": 4},
        {"fault": "unsigned"},
        {"fault": "wrong_signature"},
        {"fault": "stale", "seconds": 600},
        {"fault": "stale", "seconds": -600},
        {"fault": "garbage"},
        {"fault": "payload_error"},
    ]
    found = [Case(f"webhook {kind}", ({"step": "webhook", **kind},)) for kind in kinds]
    both = (rule("webhook", "duplicate", copies=3), rule("webhook", "delay", seconds=1))
    return [*found, Case("webhook late and often", both)]


def at_media() -> list[Case]:
    """A file that cannot be had is tried again; one that is not a clip three times, then the money comes back."""
    found = [
        Case(f"media {name}", ({"step": "media", **answer, "times": 1},)) for name, answer in NO_EVIDENCE
    ]
    broken = frozenset({"result_broken"})
    missing = frozenset({"result_missing"})
    found += [
        Case(f"media {code} once", (rule("media", "http", status=code, body="no", times=1),))
        for code in (401, 403, 404, 410)
    ]
    return [
        *found,
        Case("media truncated once", (rule("media", "truncated", times=1),)),
        Case("media not a clip once", (rule("media", "not_mp4", times=1),)),
        Case("media trickles", (rule("media", "trickle", bytes=20_000, seconds=0.02),)),
        Case("media gone", (rule("media", "http", status=404, body="no"),), FAILS, missing),
        Case("media never a clip", (rule("media", "not_mp4"),), FAILS, broken),
        Case("media endless", (rule("media", "endless"),), FAILS, broken),
        Case(
            "media never served", (rule("media", "http", status=500, body="no"),), FAILS, missing, slow=True
        ),
        Case("media always cut", (rule("media", "truncated"),), FAILS, missing, slow=True),
    ]


# Said of an upload's bytes, these would claim that fal has a picture which it has not; and while the webhook keys
# cannot be had, no webhook counts for ten seconds. Such answers are tried one by one instead, all of them:
# tests/generations/test_shared_calls.py.
LIES = {"garbage", "wrong_type", "a number", "empty object", "empty", "huge"}
KEYS_ONCE = {"503"}


def for_everybody() -> list[Rule]:
    """Faults of the calls that serve many jobs: each strikes once, whoever calls."""
    spread = enumerate(
        (step, answer)
        for step in ("upload", "list", "jwks")
        for name, answer in NO_EVIDENCE
        if not (step == "upload" and name in LIES) and not (step == "jwks" and name not in KEYS_ONCE)
    )
    return [
        {"step": step, **answer, "times": 1, "after": 0 if step == "jwks" else number % 5}
        for number, (step, answer) in spread
    ]


def all_cases() -> list[Case]:
    well = [Case("nothing wrong", ())]
    return [
        *well,
        *at_submit(),
        *at_status(),
        *at_result(),
        *at_inference(),
        *at_cancel(),
        *at_webhook(),
        *at_media(),
    ]
