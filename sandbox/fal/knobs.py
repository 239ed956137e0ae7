"""What a test or a demo may turn: speed, accounts, webhooks, and rules that inject faults."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from sandbox.fal.errors import is_known

_HTTP_FAULTS = {"error", "http", "drop", "garbage", "wrong_type", "empty", "huge", "delay"}

# Faults that leave room for another one.
_TOGETHER = {"delay", "speed", "hide"}

# Which faults make sense at which step of a request's life.
STEPS: dict[str, set[str]] = {
    "submit": _HTTP_FAULTS | {"drop_before", "drop_after", "speed"},
    "status": _HTTP_FAULTS,
    "result": _HTTP_FAULTS | {"expired"},
    "cancel": _HTTP_FAULTS,
    "run": _HTTP_FAULTS,
    "upload": _HTTP_FAULTS,
    "jwks": _HTTP_FAULTS,
    "list": _HTTP_FAULTS | {"hide"},
    "billing": _HTTP_FAULTS,
    "account": _HTTP_FAULTS,
    "inference": {"error", "requeue", "stall"},
    "webhook": {
        "withhold",
        "delay",
        "duplicate",
        "unsigned",
        "wrong_signature",
        "stale",
        "garbage",
        "payload_error",
    },
    "media": _HTTP_FAULTS | {"truncated", "not_mp4", "endless", "trickle"},
}

_ids = itertools.count(1)


class BadControl(ValueError):
    """A control request that names something unknown."""


@dataclass(slots=True)
class Rule:
    """One fault: where it strikes, whom it strikes, how often."""

    step: str
    fault: str
    id: str = ""
    prompt: str | None = None  # a part of the prompt
    request_id: str | None = None
    key: str | None = None  # the key's id, without its secret
    times: int | None = None  # how many matches it strikes; None is for ever
    after: int = 0  # how many matches it lets pass first
    seen: int = 0
    hits: int = 0
    options: dict[str, Any] = field(default_factory=dict)

    def matches(self, step: str, prompt: str | None, request_id: str | None, key: str | None) -> bool:
        return (
            self.step == step
            and (self.times is None or self.hits < self.times)
            and (self.prompt is None or (prompt is not None and self.prompt in prompt))
            and (self.request_id is None or self.request_id == request_id)
            and (self.key is None or self.key == key)
        )

    def group(self) -> str:
        """Faults of one group exclude one another: there is one answer, one outcome."""
        return self.fault if self.step == "webhook" or self.fault in _TOGETHER else "outcome"

    def take(self) -> bool:
        """Count one match and say whether the rule strikes."""
        self.seen += 1
        if self.seen <= self.after:
            return False
        self.hits += 1
        return True


_OWN = {"id", "step", "fault", "prompt", "request_id", "key", "times", "after"}


def read_rule(data: Any) -> Rule:
    """A rule from JSON: the fields of Rule, everything else its fault's options."""
    if not isinstance(data, dict):
        raise BadControl("A rule is a JSON object.")
    step, fault = data.get("step"), data.get("fault")
    if step not in STEPS:
        raise BadControl(f"Unknown step {step!r}. Steps: {', '.join(STEPS)}.")
    if fault not in STEPS[step]:
        raise BadControl(f"Unknown fault {fault!r} at {step}. Faults: {', '.join(sorted(STEPS[step]))}.")
    if fault == "error" and not is_known(str(data.get("type"))):
        raise BadControl(f"Unknown error type {data.get('type')!r}.")
    own = {name: data[name] for name in _OWN if name in data}
    options = {name: value for name, value in data.items() if name not in _OWN | {"seen", "hits", "options"}}
    return Rule(**{"id": f"rule-{next(_ids)}", **own}, options=options)


@dataclass(slots=True)
class Knobs:
    """Everything adjustable while the stand-in runs."""

    queue_seconds: float = 0.5
    inference_seconds: float = 3.0
    concurrency: int = 40  # requests IN_PROGRESS at once, as fal's largest default
    fixed_seed: int | None = None  # used when the input has no seed; None draws one
    validate_at: str = "runner"  # or "submit": where a bad input is refused
    locked: str | None = None  # the reason, such as "Exhausted balance"
    refused_keys: list[str] = field(default_factory=list)  # "id" or "id:secret"
    balance_usd: float = 10_000.0
    list_unfinished: bool = True
    cancel_lets_finish: bool = False  # a request in progress ends as if nobody had cancelled it
    cancel_seconds: float = 0.2  # else it stops after this long
    billing_delay_seconds: float = 0.0
    clock_offset_seconds: float = 0.0
    webhook_retry_seconds: float = 10.0  # doubles after every attempt
    webhook_attempts: int = 10
    webhook_timeout_seconds: float = 15.0
    rules: list[Rule] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "rules"}
        return values | {"rules": [asdict(rule) for rule in self.rules]}

    def update(self, changes: Any) -> None:
        """Set the named knobs; refuse everything when one of them is unknown or of the wrong type."""
        if not isinstance(changes, dict):
            raise BadControl("Knobs are a JSON object.")
        accepted = {name: self._read(name, value) for name, value in changes.items()}
        for name, value in accepted.items():
            setattr(self, name, value)

    def _read(self, name: str, value: Any) -> Any:
        known = {item.name for item in fields(self)}
        if name not in known:
            raise BadControl(f"Unknown knob {name!r}. Knobs: {', '.join(sorted(known))}.")
        if name == "rules" and isinstance(value, list):
            return [read_rule(item) for item in value]
        if name == "fixed_seed" and not (value is None or type(value) is int):
            raise BadControl("fixed_seed is a whole number or null.")
        if name == "locked" and not (value is None or isinstance(value, str)):
            raise BadControl("locked is a reason or null.")
        if name == "validate_at" and value not in ("runner", "submit"):
            raise BadControl("validate_at is 'runner' or 'submit'.")
        example = getattr(Knobs(), name)
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if isinstance(example, (int, float)) and not isinstance(example, bool) and not number:
            raise BadControl(f"{name} is a number.")
        if isinstance(example, (list, bool)) and type(value) is not type(example):
            raise BadControl(f"{name} is a {'list' if isinstance(example, list) else 'boolean'}.")
        return value

    def strike(
        self,
        step: str,
        *,
        prompt: str | None = None,
        request_id: str | None = None,
        key: str | None = None,
    ) -> list[Rule]:
        """The rules that strike now, in order; each is counted.

        Of several that exclude one another only the first strikes, so rules with `times` form a sequence.
        """
        struck: dict[str, Rule] = {}
        for rule in self.rules:
            group = rule.group()
            if group not in struck and rule.matches(step, prompt, request_id, key) and rule.take():
                struck[group] = rule
        return list(struck.values())
