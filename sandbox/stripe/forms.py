"""Decodes the bodies and queries that Stripe's clients send: `a[b][0][c]=value`, every value a string."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from sandbox.stripe.errors import BadRequest

PART = re.compile(r"\[([^\[\]]*)\]")


def decode(text: str) -> dict[str, Any]:
    """Nested dictionaries of strings. A list is a dictionary with numbers as keys. Raises BadRequest."""
    result: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        _put(result, _path(name), value, name)
    return result


def _path(name: str) -> list[str]:
    head, bracket, _ = name.partition("[")
    parts = PART.findall(name[len(head) :]) if bracket else []
    if head + "".join(f"[{part}]" for part in parts) != name or not head:
        raise BadRequest(f"Invalid parameter name: {name}", param=name)
    return [head, *parts]


def _put(target: dict[str, Any], path: list[str], value: str, name: str) -> None:
    for step, part in enumerate(path):
        key = part or str(len(target))
        if step == len(path) - 1:
            if isinstance(target.get(key), dict):
                raise BadRequest("Invalid object", param=name)
            target[key] = value
            return
        inner = target.setdefault(key, {})
        if not isinstance(inner, dict):
            raise BadRequest("Invalid object", param=name)
        target = inner
