"""One accepted request, as the stand-in remembers it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import Any

IN_QUEUE = "IN_QUEUE"
IN_PROGRESS = "IN_PROGRESS"
COMPLETED = "COMPLETED"

LONG = 2_000  # characters; longer strings are pictures


@dataclass(slots=True)
class Record:
    """A request and its fate; times are Unix seconds."""

    id: str
    key_id: str
    key_digest: str
    base_url: str
    endpoint: str
    prompt: str
    values: dict[str, Any]  # the input with defaults; pictures inside are shortened
    seed: int
    accepted_at: float
    queue_seconds: float
    inference_seconds: float
    webhook_url: str | None = None
    priority: int = 0  # 1 waits behind every 0
    start_before: float | None = None
    store_io: bool = True
    media_seconds: float | None = None
    gateway_id: str = ""
    state: str = IN_QUEUE
    eligible_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    cancelled: bool = False
    requeues: int = 0
    held: str = ""  # the fault that keeps it from finishing: "stall" or "requeue"
    image_file: str | None = None
    clip: str | None = None  # the name of the rendered file
    clip_bytes: int = 0
    refusal: dict[str, Any] | None = None  # a failure known before inference ends
    status_code: int | None = None
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    error: str | None = None
    error_type: str | None = None
    units: str = "0"
    webhook_done: bool = False
    webhook_attempt: int = 0
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    payload_deleted: bool = False

    @property
    def is_done(self) -> bool:
        return self.state == COMPLETED

    @property
    def succeeded(self) -> bool:
        return self.status_code == 200

    @property
    def inference_time(self) -> float:
        if self.started_at is None or self.ended_at is None:
            return 0.0
        return round(self.ended_at - self.started_at, 3)

    def to_json(self) -> str:
        # Not asdict(): its deep copies cost more than everything else about a submit.
        return json.dumps({name: getattr(self, name) for name in NAMES}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Record:
        data = json.loads(text)
        return cls(**{name: value for name, value in data.items() if name in NAMES})


NAMES = tuple(item.name for item in fields(Record))


def shorten(value: Any) -> Any:
    """The same JSON with every very long string cut, so that thousands fit in memory."""
    if isinstance(value, str):
        return value if len(value) <= LONG else f"{value[:60]}... ({len(value)} characters)"
    if isinstance(value, dict):
        return {key: shorten(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shorten(item) for item in value]
    return value
