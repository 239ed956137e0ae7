"""What a status call shows of a request: computed on the spot, so that nothing ticks in between."""

from __future__ import annotations

import time
from typing import Any

from sandbox.fal.clock import stamp
from sandbox.fal.engine import Engine
from sandbox.fal.records import COMPLETED, IN_QUEUE, Record


def urls_of(record: Record) -> dict[str, str]:
    base = f"{record.base_url}/queue/{app_of(record)}/requests/{record.id}"
    return {
        "response_url": base,
        "status_url": f"{base}/status",
        "cancel_url": f"{base}/cancel",
    }


def app_of(record: Record) -> str:
    """Owner and app without the path inside it."""
    return "/".join(record.endpoint.split("/")[:2])


def status_of(engine: Engine, record: Record, *, with_logs: bool) -> dict[str, Any]:
    """fal's status object."""
    body: dict[str, Any] = {
        "status": record.state,
        "request_id": record.id,
        **urls_of(record),
        "logs": None,
        "metrics": {},
    }
    if record.state == IN_QUEUE:
        body["queue_position"] = engine.line.position(record.id)
        return body
    if with_logs:
        body["logs"] = logs_of(record, offset=engine.knobs.clock_offset_seconds)
    if record.state == COMPLETED:
        body["metrics"] = {"inference_time": record.inference_time}
        if record.error is not None:
            body |= {"error": record.error, "error_type": record.error_type}
    return body


def steps_of(values: dict[str, Any]) -> int:
    """How many steps the two passes take together."""
    first = int(values.get("first_pass_num_inference_steps", 8))
    second = int(values.get("second_pass_num_inference_steps", 8))
    skipped = int(values.get("second_pass_skip_initial_steps", 5))
    return first + max(1, second - skipped)


def logs_of(record: Record, *, offset: float = 0.0) -> list[dict[str, Any]]:
    """The lines written so far: one a step, spread evenly over the inference time."""
    if record.started_at is None:
        return []
    lines = [_line(record.started_at + offset, "Loading picture")]
    if record.refusal is None or record.succeeded:
        total = steps_of(record.values)
        pace = record.inference_seconds / total
        passed = (record.ended_at or time.time()) - record.started_at
        done = total if record.succeeded else min(total, int(passed / pace) if pace > 0 else total)
        lines += [
            _line(record.started_at + step * pace + offset, f"step {step}/{total}")
            for step in range(1, done + 1)
        ]
    if record.ended_at is not None:
        level = "INFO" if record.succeeded else "ERROR"
        lines.append(_line(record.ended_at + offset, record.error or "Done", level))
    return lines


def _line(moment: float, message: str, level: str = "INFO") -> dict[str, Any]:
    return {"timestamp": stamp(moment), "level": level, "source": "USER", "message": message}
