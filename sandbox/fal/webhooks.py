"""Delivers webhooks: signed, repeated until acknowledged, and broken where a rule says so."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import httpx

from sandbox.fal.clock import stamp
from sandbox.fal.knobs import Knobs, Rule
from sandbox.fal.records import Record
from sandbox.fal.signing import Signer

log = logging.getLogger("sandbox.fal")
LONGEST_PAUSE = 1_800.0


def webhook_body(record: Record) -> dict[str, Any]:
    """What fal posts when a request ends."""
    body: dict[str, Any] = {"request_id": record.id, "gateway_request_id": record.gateway_id}
    if record.succeeded:
        return body | {"status": "OK", "payload": record.body}
    return body | {"status": "ERROR", "error": record.error, "payload": record.body}


class Webhooks:
    """One timer per pending delivery; nothing waits in between."""

    def __init__(
        self, *, knobs: Knobs, signer: Signer, client: httpx.AsyncClient, save: Callable[[Record], None]
    ) -> None:
        self.knobs = knobs
        self.signer = signer
        self._client = client
        self._save = save
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.TimerHandle] = set()

    def schedule(self, record: Record, *, seconds: float = 0.0) -> None:
        """Deliver in that many seconds, unless there is nobody to tell."""
        if record.webhook_url is None or record.webhook_done:
            return
        handle: asyncio.TimerHandle

        def start() -> None:
            self._timers.discard(handle)
            task = asyncio.create_task(self._attempt(record))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        handle = asyncio.get_running_loop().call_later(seconds, start)
        self._timers.add(handle)

    def cancel_all(self) -> None:
        for timer in self._timers:
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        self._timers.clear()

    async def _attempt(self, record: Record) -> None:
        record.webhook_attempt += 1
        rules = {
            rule.fault: rule
            for rule in self.knobs.strike(
                "webhook", prompt=record.prompt, request_id=record.id, key=record.key_id
            )
        }
        if "withhold" in rules:
            self._note(record, rules, status=None, error="withheld")
            record.webhook_done = True
            self._save(record)
            return
        if "delay" in rules:
            await asyncio.sleep(float(rules["delay"].options.get("seconds", 1.0)))
        copies = int(rules["duplicate"].options.get("copies", 2)) if "duplicate" in rules else 1
        outcomes = await asyncio.gather(*(self._post(record, rules) for _ in range(copies)))
        self._settle(record, outcomes)

    def _settle(self, record: Record, outcomes: list[int | None]) -> None:
        """2xx ends it, 3xx ends it in failure, everything else is tried again later."""
        acknowledged = any(status is not None and 200 <= status < 400 for status in outcomes)
        if acknowledged or record.webhook_attempt >= self.knobs.webhook_attempts:
            record.webhook_done = True
        else:
            pause = self.knobs.webhook_retry_seconds * 2 ** (record.webhook_attempt - 1)
            self.schedule(record, seconds=min(pause, LONGEST_PAUSE))
        self._save(record)

    async def _post(self, record: Record, rules: dict[str, Rule]) -> int | None:
        body = json.dumps(webhook_body(record), separators=(",", ":"), ensure_ascii=False).encode()
        if "payload_error" in rules:
            changed = webhook_body(record) | {"payload": None, "payload_error": "Payload is not JSON"}
            body = json.dumps(changed, separators=(",", ":")).encode()
        if "garbage" in rules:
            body = b'{"request_id": \xff\xfe not json'
        headers = {"Content-Type": "application/json", "User-Agent": "sandbox-fal-webhook/1.0"}
        headers |= self._signature(record, rules, body)
        status: int | None = None
        error: str | None = None
        try:
            timeout = self.knobs.webhook_timeout_seconds
            response = await self._client.post(
                str(record.webhook_url), content=body, headers=headers, timeout=timeout
            )
            status = response.status_code
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as problem:
            error = type(problem).__name__
        self._note(record, rules, status=status, error=error)
        log.info("webhook for %s attempt %d: %s", record.id, record.webhook_attempt, status or error)
        return status

    def _signature(self, record: Record, rules: dict[str, Rule], body: bytes) -> dict[str, str]:
        if "unsigned" in rules:
            return {}
        now = time.time() + self.knobs.clock_offset_seconds
        if "stale" in rules:
            now -= float(rules["stale"].options.get("seconds", 600.0))
        headers = dict(
            self.signer.headers(
                request_id=record.id,
                user_id=f"sandbox|{record.key_id}",
                timestamp=int(now),
                body=body,
            )
        )
        if "wrong_signature" in rules:
            right = headers["X-Fal-Webhook-Signature"]
            headers["X-Fal-Webhook-Signature"] = right[:-2] + ("00" if right[-2:] != "00" else "11")
        return headers

    def _note(self, record: Record, rules: dict[str, Rule], *, status: int | None, error: str | None) -> None:
        record.deliveries.append(
            {
                "at": stamp(time.time()),
                "attempt": record.webhook_attempt,
                "status_code": status,
                "error": error,
                "faults": sorted(rules),
            }
        )
