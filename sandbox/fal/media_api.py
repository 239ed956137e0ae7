"""Serves clips and uploads, whole or in ranges, or broken where a rule says so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from sandbox.fal.engine import Engine
from sandbox.fal.knobs import Rule
from sandbox.fal.records import Record
from sandbox.fal.replies import reply, strike


class Truncated(Response):
    """Promises the whole file, sends half of it and hangs up."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content, media_type="video/mp4")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        await asyncio.sleep(0.05)  # let the bytes leave before the connection does
        scope["extensions"]["sandbox.transport"].abort()
        await asyncio.sleep(0.02)


async def _endless() -> AsyncIterator[bytes]:
    block = b"\0" * 65_536
    while True:
        yield block
        await asyncio.sleep(0.01)


async def _trickle(content: bytes, *, chunk: int, seconds: float) -> AsyncIterator[bytes]:
    for start in range(0, len(content), chunk):
        yield content[start : start + chunk]
        await asyncio.sleep(seconds)


def _broken_file(rule: Rule, path: Path) -> Response | None:
    match rule.fault:
        case "not_mp4":
            return Response(b"<!doctype html><title>not a clip</title>" * 50, media_type="video/mp4")
        case "truncated":
            return Truncated(path.read_bytes())
        case "endless":
            return StreamingResponse(_endless(), media_type="video/mp4")
        case "trickle":
            chunk = int(rule.options.get("bytes", 64))
            pause = float(rule.options.get("seconds", 0.5))
            content = path.read_bytes()
            headers = {"content-length": str(len(content))}
            body = _trickle(content, chunk=chunk, seconds=pause)
            return StreamingResponse(body, media_type="video/mp4", headers=headers)
    return None


async def _clip(engine: Engine, record: Record) -> Response:
    expired = (
        record.media_seconds is not None
        and record.ended_at is not None
        and time.time() > record.ended_at + record.media_seconds
    )
    rules = engine.knobs.strike("media", prompt=record.prompt, request_id=record.id, key=record.key_id)
    path = engine.store.clips / (record.clip or "none")
    broken = await strike(rules)
    if broken is not None:
        return broken
    if expired or record.payload_deleted or not record.succeeded or not path.exists():
        return reply({"detail": "Not found"}, 404)
    for rule in rules:
        response = _broken_file(rule, path)
        if response is not None:
            return response
    return FileResponse(path, media_type="video/mp4")


async def media(request: Request) -> Response:
    engine: Engine = request.app.state.engine
    file_id = request.path_params["file_id"]
    record = engine.records.get(file_id)
    if record is not None:
        return await _clip(engine, record)
    file = engine.store.file(file_id)
    if file is None or file.size < 0 or (file.expires_at is not None and time.time() > file.expires_at):
        return reply({"detail": "Not found"}, 404)
    return FileResponse(engine.store.files / file.id, media_type=file.content_type)


def routes() -> list[Route]:
    return [Route("/cdn/files/b/{file_id}/{name}", media, methods=["GET"])]
