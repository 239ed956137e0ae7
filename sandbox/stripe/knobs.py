"""Faults and speeds that can be changed while the stand-in runs."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any

STEPS = {
    "request": {"drop_before", "drop_after", "delay", "error", "error_after"},
    "webhook": {
        *("withhold", "delay", "duplicate", "reorder"),
        *("wrong_signature", "old_signature", "future_signature", "unsigned", "garbage"),
    },
    "payment": {"decline", "authenticate", "processing"},
    "refund": {"pending", "fail_late", "fail"},
}
_ids = itertools.count(1)


class BadControl(Exception):
    """One sentence that says what is wrong with a control call."""


@dataclass(slots=True)
class Rule:
    """One fault: where it strikes, whom it strikes, how often."""

    step: str
    fault: str
    id: str = ""
    match: str = "*"  # "POST /v1/refunds" at a request, else an event's type, a payment's or a charge's id
    times: int | None = None  # how many matches it strikes; None is for ever
    after: int = 0  # how many matches it lets pass first
    seen: int = 0
    hits: int = 0
    options: dict[str, Any] = field(default_factory=dict)

    def strikes(self, step: str, subject: str) -> bool:
        """Whether it applies to that subject; counts every match."""
        if self.step != step or (self.times is not None and self.hits >= self.times):
            return False
        if not fnmatchcase(subject, self.match):
            return False
        self.seen += 1
        if self.seen <= self.after:
            return False
        self.hits += 1
        return True


_OWN = {"id", "step", "fault", "match", "times", "after"}


def read_rule(data: Any) -> Rule:
    """A rule from JSON: the fields of Rule, everything else its fault's options."""
    if not isinstance(data, dict):
        raise BadControl("A rule is a JSON object.")
    step, fault = data.get("step"), data.get("fault")
    if step not in STEPS:
        raise BadControl(f"Unknown step {step!r}. Steps: {', '.join(STEPS)}.")
    if fault not in STEPS[step]:
        raise BadControl(f"Unknown fault {fault!r} at {step}. Faults: {', '.join(sorted(STEPS[step]))}.")
    own = {name: data[name] for name in _OWN if name in data}
    options = {name: value for name, value in data.items() if name not in _OWN | {"seen", "hits", "options"}}
    return Rule(**{"id": f"rule-{next(_ids)}", **own}, options=options)


@dataclass(slots=True)
class Knobs:
    """Everything adjustable while the stand-in runs; seconds are those of the account's clock."""

    webhook_retry_seconds: float = 5.0  # doubles after every attempt
    webhook_attempts: int = 16
    webhook_timeout_seconds: float = 10.0
    balance_seconds: float = 0.0  # from a payment to its balance transaction
    available_seconds: float = 172_800.0  # from a payment to money that can be paid out
    processing_seconds: float = 20.0  # how long a bank debit takes
    refund_seconds: float = 5.0  # how long a pending refund takes, or one that fails late
    payout_seconds: float = 5.0  # how long a payout takes to arrive
    tax_percent: float = 20.0  # of automatic tax, wherever the customer lives
    refused_keys: list[str] = field(default_factory=list)
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
        if name in ("rules", "refused_keys"):
            if not isinstance(value, list):
                raise BadControl(f"{name} is a list.")
            return [read_rule(item) for item in value] if name == "rules" else value
        if not isinstance(value, (int, float)) or isinstance(value, bool) or value < 0:
            raise BadControl(f"{name} is a number, at least 0.")
        return value

    def strike(self, step: str, subject: str) -> dict[str, Rule]:
        """The rules that strike now, by fault; each is counted. The first of a fault wins."""
        struck: dict[str, Rule] = {}
        for rule in self.rules:
            if rule.fault not in struck and rule.strikes(step, subject):
                struck[rule.fault] = rule
        return struck
