"""Moves requests from the line through inference to their end, by timers."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import logging
import os
import secrets
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from sandbox.fal import images
from sandbox.fal.clock import new_id
from sandbox.fal.errors import Failure, detail, failure_named, model_failure, request_failure
from sandbox.fal.inputs import billable_units
from sandbox.fal.knobs import Knobs
from sandbox.fal.line import Line
from sandbox.fal.records import COMPLETED, IN_PROGRESS, IN_QUEUE, Record, shorten
from sandbox.fal.renders import RenderFailed, Renders
from sandbox.fal.signing import Signer
from sandbox.fal.store import Store
from sandbox.fal.webhooks import Webhooks

log = logging.getLogger("sandbox.fal")

UNSAFE_WORD = "nsfw-test"
EXPANSION = (
    " The camera moves slowly and evenly, the light is soft and natural,"
    " and every detail of the scene stays sharp from the first frame to the last."
)


@dataclass(frozen=True, slots=True)
class Config:
    """What is fixed for the life of the process."""

    data: Path
    knobs: Knobs
    render_workers: int = 2
    cache_bytes: int = 1_000_000_000


class Engine:
    """All state of the stand-in. Runs in one event loop; no method blocks it for long."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.knobs = config.knobs
        self.store = Store(config.data)
        self.records: dict[str, Record] = {}
        self.line = Line()
        self.running = 0
        self.renders = Renders(self.store.clips, self.store.images, config.render_workers, config.cache_bytes)
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=20)
        self.client = httpx.AsyncClient(limits=limits, trust_env=False, timeout=20.0)
        self.webhooks = Webhooks(
            knobs=self.knobs, signer=self._load_signer(), client=self.client, save=self._save
        )
        self._watchers: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._preparing: dict[str, asyncio.Task[None]] = {}
        self._first_knobs = copy.deepcopy(config.knobs.as_json())
        self._units_sold = 0.0

    # -- life of the process

    def _load_signer(self) -> Signer:
        seed = self.store.fact("signing_seed")
        if seed is None:
            seed = os.urandom(32).hex()
            self.store.set_fact("signing_seed", seed)
        return Signer(bytes.fromhex(seed))

    def rotate_signer(self) -> None:
        """Sign with a new key from now on."""
        self.store.set_fact("signing_seed", os.urandom(32).hex())
        self.webhooks.signer = self._load_signer()

    def resume(self) -> None:
        """Take up the requests that an earlier process left behind."""
        now = time.time()
        for record in self.store.records():
            self.records[record.id] = record
            self._units_sold += float(record.units)
            if record.is_done:
                self.webhooks.schedule(record)
                continue
            self._prepare_soon(record)
            if record.state == IN_QUEUE:
                self._enter_line(record, seconds=max(0.0, record.eligible_at - now))
            elif record.held == "requeue":
                self.running += 1
                self._requeue(record)
            else:
                self.running += 1
                self._run(
                    record, seconds=max(0.0, (record.started_at or now) + record.inference_seconds - now)
                )

    async def close(self) -> None:
        self.webhooks.cancel_all()
        for task in list(self._preparing.values()):
            task.cancel()
        await self.renders.close()
        await self.client.aclose()
        self.store.close()

    def reset(self) -> None:
        """Forget every request and upload. Rendered clips stay cached, the signing key stays."""
        self.webhooks.cancel_all()
        self.renders.forget_waiting()
        for task in list(self._preparing.values()):
            task.cancel()
        self.records.clear()
        self.line = Line()
        self.running = 0
        self._units_sold = 0.0
        self.store.clear()

    def reset_knobs(self) -> None:
        """Back to what the command line said, without rules."""
        self.knobs.update(self._first_knobs)
        self.pump()

    def erase(self, record: Record) -> None:
        """Forget what a finished request was sent and what it produced."""
        record.payload_deleted = True
        self.store.delete_payload(record.id)
        self._save(record)

    # -- a request's way

    def accept(self, record: Record, payload: Any, refusal: Failure | None) -> None:
        """Take a new request in. It is on disk when this returns."""
        record.eligible_at = record.accepted_at + record.queue_seconds
        record.refusal = asdict(refusal) if refusal else self._unsafe(record)
        self.store.add(record, payload)
        self.records[record.id] = record
        self._prepare_soon(record)
        self._enter_line(record, seconds=record.queue_seconds)

    def _unsafe(self, record: Record) -> dict[str, Any] | None:
        if record.values.get("enable_safety_checker") and UNSAFE_WORD in record.prompt.lower():
            return asdict(failure_named("content_policy_violation"))
        return None

    def _later(self, seconds: float, record: Record, action: Any) -> None:
        """Run an action on a record unless it was forgotten meanwhile."""

        def fire() -> None:
            if self.records.get(record.id) is record:
                action(record)

        asyncio.get_running_loop().call_later(seconds, fire)

    def _enter_line(self, record: Record, *, seconds: float) -> None:
        self.line.join(record.id, priority=record.priority)
        self._later(seconds, record, self._ready)
        if record.start_before is not None:
            self._later(max(0.0, record.start_before - time.time()), record, self._missed_start)

    def _ready(self, record: Record) -> None:
        self.line.make_ready(record.id)
        self.pump()

    def pump(self) -> None:
        """Start what may start."""
        while self.running < self.knobs.concurrency:
            request_id = self.line.next_ready()
            if request_id is None:
                return
            self._start(self.records[request_id])

    def _start(self, record: Record) -> None:
        self.line.leave(record.id)
        self.running += 1
        record.state = IN_PROGRESS
        record.started_at = time.time()
        record.gateway_id = record.id if record.requeues == 0 else new_id()
        self._changed(record)
        rules = self.knobs.strike("inference", prompt=record.prompt, request_id=record.id, key=record.key_id)
        seconds = 0.0 if record.refusal else record.inference_seconds
        for rule in rules:
            if rule.fault == "error":
                record.refusal = asdict(failure_named(str(rule.options["type"])))
            else:
                record.held = rule.fault
                if record.held == "requeue":
                    pause = float(rule.options.get("after_seconds", record.inference_seconds / 2))
                    self._later(pause, record, self._requeue)
        self._save(record)
        self._run(record, seconds=seconds)

    def _run(self, record: Record, *, seconds: float) -> None:
        self._later(seconds, record, self._finish_when_ready)

    def _requeue(self, record: Record) -> None:
        if record.state != IN_PROGRESS:
            return
        self.running -= 1
        record.held = ""
        record.state = IN_QUEUE
        record.started_at = None
        record.requeues += 1
        record.eligible_at = time.time() + record.queue_seconds
        self._save(record)
        self._enter_line(record, seconds=record.queue_seconds)
        self._changed(record)
        self.pump()

    def _missed_start(self, record: Record) -> None:
        if record.state == IN_QUEUE and record.requeues == 0:
            self._fail(record, request_failure("request_timeout", by_user=True))

    # -- the picture and the clip

    def _prepare_soon(self, record: Record) -> None:
        """Download and render from now on, so that the clip is there when inference ends."""
        if record.refusal or record.is_done:
            return
        task = asyncio.create_task(self._prepare(record))
        self._preparing[record.id] = task
        task.add_done_callback(lambda _: self._preparing.pop(record.id, None))

    async def _prepare(self, record: Record) -> None:
        try:
            url = (self.store.payload(record.id) or {}).get("image_url", "")
            own = self._own_upload(record, url)
            image = (
                await asyncio.to_thread(images.keep, own.read_bytes(), self.store.images)
                if own
                else await images.fetch(self.client, url, self.store.images)
            )
            record.clip, record.clip_bytes = await self.renders.render(
                image=image, values=record.values, seed=record.seed
            )
        except images.ImageRefused as refused:
            shown = shorten(record.values["image_url"])
            item = detail(
                refused.kind, loc=["body", "image_url"], msg=refused.msg, ctx=refused.ctx, value=shown
            )
            record.refusal = asdict(model_failure([item]))
        except (RenderFailed, OSError) as error:
            log.warning("rendering %s failed: %s", record.id, error)
            record.refusal = asdict(failure_named("internal_server_error"))
        if self.records.get(record.id) is record and record.state == IN_PROGRESS:
            self._prepared(record)

    def _own_upload(self, record: Record, url: str) -> Path | None:
        """The file behind an address of our own: read from disk, as fal's runners do not go through the web."""
        prefix = f"{record.base_url}/cdn/files/b/"
        if not url.startswith(prefix):
            return None
        file = self.store.file(url.removeprefix(prefix).partition("/")[0])
        if file is None or file.size <= 0 or (file.expires_at is not None and time.time() > file.expires_at):
            return None
        return self.store.files / file.id

    def _prepared(self, record: Record) -> None:
        due = (record.started_at or 0.0) + record.inference_seconds
        if record.refusal or time.time() >= due:
            self._finish_when_ready(record)

    def _finish_when_ready(self, record: Record) -> None:
        if record.state != IN_PROGRESS or record.held:
            return
        if record.refusal:
            self._fail(record, Failure(**record.refusal))
        elif record.clip is not None:
            self._succeed(record)
        # else: the renderer is late and calls again.

    # -- the end

    def _succeed(self, record: Record) -> None:
        name = f"{hashlib.sha256(record.id.encode()).hexdigest()[:20]}.mp4"
        record.status_code = 200
        record.units = format(billable_units(record.values), "f")
        self._units_sold += float(record.units)
        record.headers = {"x-fal-billable-units": record.units}
        record.body = {
            "video": {
                "url": f"{record.base_url}/cdn/files/b/{record.id}/{name}",
                "content_type": "video/mp4",
                "file_name": name,
                "file_size": record.clip_bytes,
            },
            "prompt": record.prompt + (EXPANSION if record.values["expand_prompt"] else ""),
            "seed": record.seed,
        }
        self._end(record)

    def _fail(self, record: Record, failure: Failure) -> None:
        record.status_code = failure.status
        record.body = failure.body
        record.headers = failure.headers
        record.error = failure.text
        record.error_type = failure.type
        self._end(record)

    def _end(self, record: Record) -> None:
        if record.state == IN_PROGRESS:
            self.running -= 1
        self.line.leave(record.id)
        record.state = COMPLETED
        record.ended_at = time.time()
        task = self._preparing.get(record.id)
        if task is not None and not record.succeeded:
            task.cancel()
        self._save(record)
        self._changed(record)
        self.webhooks.schedule(record)
        self.pump()

    def cancel(self, record: Record) -> tuple[int, str]:
        """HTTP status and word of fal's answer to a cancellation."""
        if record.is_done:
            return 400, "ALREADY_COMPLETED"
        record.cancelled = True
        if record.state == IN_QUEUE:
            self._fail(record, request_failure("client_cancelled"))
            return 200, "OK"
        if not self.knobs.cancel_lets_finish:
            self._later(self.knobs.cancel_seconds, record, self._stop)
        self._save(record)
        return 202, "CANCELLATION_REQUESTED"

    def _stop(self, record: Record) -> None:
        if not record.is_done:
            self._fail(record, request_failure("client_cancelled"))

    # -- reading

    def find(self, request_id: str, key_digest: str) -> Record | None:
        """The request of that id, if this key made it."""
        record = self.records.get(request_id)
        return record if record is not None and record.key_digest == key_digest else None

    def draw_seed(self) -> int:
        fixed = self.knobs.fixed_seed
        return secrets.randbelow(2**31) if fixed is None else fixed

    def balance(self) -> float:
        """What is left of the account, in dollars, at $0.02 a unit."""
        return round(self.knobs.balance_usd - self._units_sold * 0.02, 6)

    async def wait_for_change(self, record: Record, *, seconds: float) -> None:
        """Return when the request changes its state, or after that time."""
        event = asyncio.Event()
        self._watchers[record.id].add(event)
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            pass
        finally:
            self._watchers[record.id].discard(event)
            if not self._watchers[record.id]:
                del self._watchers[record.id]

    def _changed(self, record: Record) -> None:
        for event in self._watchers.get(record.id, ()):
            event.set()

    def _save(self, record: Record) -> None:
        if self.records.get(record.id) is record:
            self.store.save(record)
