"""The synchronous way: one request that answers with the clip."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from sandbox.fal.engine import Engine
from sandbox.fal.errors import account_failure
from sandbox.fal.inputs import read_input
from sandbox.fal.keys import key_of, refuse_when_locked
from sandbox.fal.queue_api import ENDPOINT, apply_speed, build_record, wait_until_done
from sandbox.fal.records import Record
from sandbox.fal.replies import failure_reply, read_json, reply, strike


async def _begin(request: Request, engine: Engine) -> Record | Response:
    """Start the request at once, or say why not. Sync calls never wait in line."""
    key = key_of(request)
    payload = await read_json(request)
    prompt = payload.get("prompt") if isinstance(payload, dict) else None
    rules = engine.knobs.strike("run", prompt=prompt if isinstance(prompt, str) else "", key=key.id)
    refuse_when_locked(engine)
    broken = await strike(rules)
    if broken is not None:
        return broken
    values, refusal = read_input(payload)
    if refusal is not None:
        return failure_reply(refusal)
    if engine.running >= engine.knobs.concurrency:
        return failure_reply(account_failure("concurrent_requests_limit"))
    record = build_record(request, engine, key, values)
    record.queue_seconds = 0.0
    apply_speed(record, rules)
    engine.accept(record, payload, None)
    return record


def _outcome(record: Record) -> Response:
    response = reply(record.body, record.status_code or 500, request_id=record.id)
    response.headers.update(record.headers)
    return response


async def run(request: Request) -> Response:
    engine: Engine = request.app.state.engine
    record = await _begin(request, engine)
    if isinstance(record, Response):
        return record
    waiting = asyncio.create_task(wait_until_done(engine, record))
    leaving = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({waiting, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        leaving.cancel()
    if not record.is_done:
        engine.cancel(record)
    return _outcome(record)


async def _disconnected(request: Request) -> None:
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            return


async def stream(request: Request) -> Response:
    """The same as one event: this model has no partial results to send before."""
    engine: Engine = request.app.state.engine
    record = await _begin(request, engine)
    if isinstance(record, Response):
        return record
    headers = {"cache-control": "no-cache", "x-fal-request-id": record.id}
    return StreamingResponse(_events(engine, record), media_type="text/event-stream", headers=headers)


async def _events(engine: Engine, record: Record) -> AsyncIterator[str]:
    while not record.is_done:
        await engine.wait_for_change(record, seconds=10.0)
        if not record.is_done:
            yield ": ping\n\n"
    yield f"data: {json.dumps(record.body, separators=(',', ':'))}\n\n"


def routes() -> list[Route]:
    return [
        Route(f"/run/{ENDPOINT}", run, methods=["POST"]),
        Route(f"/run/{ENDPOINT}/stream", stream, methods=["POST"]),
    ]
