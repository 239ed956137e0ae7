"""Keeps what opens doors out of log lines: signed media addresses, webhook tokens, keys of ours and others."""

import re
from typing import Any, Final

HIDDEN: Final = "[hidden]"
_PATTERNS: Final = (
    (re.compile(r"(/(?:media|webhooks/fal|confirm-email|key|invitations)/)[^/\s\"']+"), rf"\1{HIDDEN}"),
    (re.compile(r"ltx_live_(\w{1,16})_\w+"), rf"ltx_live_\1_{HIDDEN}"),
    (re.compile(r"\b(Key|Bearer)\s+[^\s\"',]+"), rf"\1 {HIDDEN}"),
    (re.compile(r"\b(?:whsec|sk_live|sk_test|rk_live|rk_test)_\w+"), HIDDEN),
)

_secrets: set[str] = set()


def hide(*secrets: str) -> None:
    """Keep these values out of the log from now on, whole or only what follows the colon of `id:secret`."""
    for secret in secrets:
        _secrets.update(part for part in (secret, secret.rpartition(":")[2]) if part)


def redact(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """A structlog processor: hides secrets in every text of the line, however deep it stands."""
    return {name: _redacted(value) for name, value in event.items()}


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        for secret in _secrets:
            value = value.replace(secret, HIDDEN)
        for pattern, replacement in _PATTERNS:
            value = pattern.sub(replacement, value)
        return value
    if isinstance(value, dict):
        return {name: _redacted(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(item) for item in value]
    return value
