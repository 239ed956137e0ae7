"""The queue: submit, status, stream, result, cancel."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from sandbox.fal.clock import new_id
from sandbox.fal.engine import Engine
from sandbox.fal.errors import account_failure
from sandbox.fal.inputs import read_input
from sandbox.fal.keys import Key, key_of, refuse_when_locked
from sandbox.fal.knobs import Rule
from sandbox.fal.progress import status_of
from sandbox.fal.records import Record, shorten
from sandbox.fal.replies import (
    REQUEST_ID,
    Refused,
    base_url,
    failure_reply,
    not_found,
    read_json,
    reply,
    strike,
)
from sandbox.loopback import DropConnection

APP = "fal-ai/ltxv-13b-098-distilled"
ENDPOINT = f"{APP}/image-to-video"
TRUE = {"1", "true", "yes"}

Handler = Callable[[Request, Engine, Record], Awaitable[Response]]


# -- submit


def _header_number(request: Request, name: str) -> float | None:
    try:
        return float(request.headers[name])
    except (KeyError, ValueError):
        return None


def _media_seconds(request: Request) -> float | None:
    """How long the clip is to be kept, from the lifecycle preference; None for ever."""
    try:
        wish = json.loads(request.headers.get("x-fal-object-lifecycle-preference", "{}"))
        return float(wish["expiration_duration_seconds"])
    except (KeyError, TypeError, ValueError):
        return None


def build_record(request: Request, engine: Engine, key: Key, values: dict[str, Any]) -> Record:
    """A record of a submitted input, with the wishes of query and headers."""
    now = time.time()
    timeout = _header_number(request, "x-fal-request-timeout")
    request_id = new_id()
    seed = values.get("seed")
    prompt = values.get("prompt")
    return Record(
        id=request_id,
        gateway_id=request_id,
        key_id=key.id,
        key_digest=key.digest,
        base_url=base_url(request),
        endpoint=ENDPOINT,
        prompt=prompt if isinstance(prompt, str) else "",
        values=shorten(values),
        seed=engine.draw_seed() if seed is None else seed,
        accepted_at=now,
        queue_seconds=engine.knobs.queue_seconds,
        inference_seconds=engine.knobs.inference_seconds,
        webhook_url=request.query_params.get("fal_webhook"),
        priority=1 if request.headers.get("x-fal-queue-priority") == "low" else 0,
        start_before=now + timeout if timeout is not None else None,
        store_io=request.headers.get("x-fal-store-io") != "0",
        media_seconds=_media_seconds(request),
    )


def apply_speed(record: Record, rules: list[Rule]) -> None:
    for rule in rules:
        if rule.fault == "speed":
            record.queue_seconds = float(rule.options.get("queue_seconds", record.queue_seconds))
            record.inference_seconds = float(rule.options.get("inference_seconds", record.inference_seconds))


def _refuse_long_queue(request: Request, engine: Engine) -> None:
    limit = request.query_params.get("fal_max_queue_length", "")
    if limit.isdigit() and len(engine.line) >= int(limit):
        raise Refused(failure_reply(account_failure("queue_full")))


async def submit(request: Request) -> Response:
    engine: Engine = request.app.state.engine
    key = key_of(request)
    payload = await read_json(request)
    prompt = payload.get("prompt") if isinstance(payload, dict) else None
    rules = engine.knobs.strike("submit", prompt=prompt if isinstance(prompt, str) else "", key=key.id)
    refuse_when_locked(engine)
    broken = await strike(rules)
    if broken is not None:
        return broken
    values, refusal = read_input(payload)
    if refusal is not None and engine.knobs.validate_at == "submit":
        return failure_reply(refusal)
    _refuse_long_queue(request, engine)
    record = build_record(request, engine, key, values)
    apply_speed(record, rules)
    engine.accept(record, payload, refusal)
    if any(rule.fault == "drop_after" for rule in rules):
        return DropConnection()
    return reply(status_of(engine, record, with_logs=False), request_id=record.id)


# -- everything about one request


def about_request(step: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Check the key, find its request, let the rules of this step strike, then answer."""

    async def endpoint(request: Request) -> Response:
        engine: Engine = request.app.state.engine
        key = key_of(request)
        record = engine.find(request.path_params["request_id"], key.digest)
        rules = engine.knobs.strike(
            step,
            prompt=record.prompt if record else None,
            request_id=request.path_params["request_id"],
            key=key.id,
        )
        response = await strike(rules)
        if response is None:
            response = not_found() if record is None else await handler(request, engine, record)
        response.headers.setdefault(REQUEST_ID, request.path_params["request_id"])
        return response

    return endpoint


def _wants_logs(request: Request) -> bool:
    return request.query_params.get("logs", "").lower() in TRUE


async def status(request: Request, engine: Engine, record: Record) -> Response:
    body = status_of(engine, record, with_logs=_wants_logs(request))
    return reply(body, 200 if record.is_done else 202)


async def stream(request: Request, engine: Engine, record: Record) -> Response:
    events = _status_events(engine, record, with_logs=_wants_logs(request))
    return StreamingResponse(events, media_type="text/event-stream", headers={"cache-control": "no-cache"})


async def _status_events(engine: Engine, record: Record, *, with_logs: bool) -> AsyncIterator[str]:
    """One event a change, a comment now and then, the end after COMPLETED."""
    last: dict[str, Any] | None = None
    quiet_since = time.monotonic()
    while True:
        body = status_of(engine, record, with_logs=with_logs)
        if body != last:
            yield f"data: {json.dumps(body, separators=(',', ':'))}\n\n"
            last, quiet_since = body, time.monotonic()
        elif time.monotonic() - quiet_since > 10:
            yield ": ping\n\n"
            quiet_since = time.monotonic()
        if body["status"] == "COMPLETED":
            return
        await engine.wait_for_change(record, seconds=0.5)


async def result(request: Request, engine: Engine, record: Record) -> Response:
    if not record.is_done:
        return reply({"detail": "Request is still in progress"}, 400)
    if record.payload_deleted:
        return not_found()
    response = reply(record.body, record.status_code or 500)
    response.headers.update(record.headers)
    return response


async def cancel(request: Request, engine: Engine, record: Record) -> Response:
    code, word = engine.cancel(record)
    return reply({"status": word}, code)


def routes() -> list[Route]:
    """fal's three spellings of a request's address."""
    found = [Route(f"/queue/{ENDPOINT}", submit, methods=["POST"])]
    for base in (APP, ENDPOINT):
        one = f"/queue/{base}/requests/{{request_id}}"
        found += [
            Route(f"{one}/status/stream", about_request("status", stream), methods=["GET"]),
            Route(f"{one}/status", about_request("status", status), methods=["GET"]),
            Route(f"{one}/cancel", about_request("cancel", cancel), methods=["PUT"]),
            Route(f"{one}/response", about_request("result", result), methods=["GET"]),
            Route(one, about_request("result", result), methods=["GET"]),
        ]
    return found


async def wait_until_done(engine: Engine, record: Record) -> None:
    """Return when the request has ended."""
    while not record.is_done:
        await engine.wait_for_change(record, seconds=5.0)
