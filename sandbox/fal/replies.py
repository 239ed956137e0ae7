"""Answers: JSON as fal sends it, documented failures, and the broken ones that rules ask for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from sandbox.fal.errors import Failure, detail, failure_named, model_failure
from sandbox.fal.knobs import Rule
from sandbox.loopback import DropConnection

REQUEST_ID = "x-fal-request-id"


class Refused(Exception):
    """Raised by a handler to answer something else than it was asked for."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def reply(data: Any, status: int = 200, *, request_id: str | None = None, **headers: str) -> JSONResponse:
    """JSON with fal's request id header; other headers by their names with underscores."""
    response = JSONResponse(data, status)
    if request_id is not None:
        response.headers[REQUEST_ID] = request_id
    for name, value in headers.items():
        response.headers[name.replace("_", "-")] = value
    return response


def failure_reply(failure: Failure, *, request_id: str | None = None) -> JSONResponse:
    response = reply(failure.body, failure.status, request_id=request_id)
    response.headers.update(failure.headers)
    return response


def not_found() -> JSONResponse:
    """What fal says of an unknown, foreign or expired request."""
    return reply({"status": "NOT_FOUND"}, 404)


async def read_json(request: Request, *, limit: int = 80_000_000) -> Any:
    """The body as JSON. Raises Refused for anything else."""
    chunks = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise Refused(reply({"detail": "Request body is too large"}, 413))
        chunks.append(chunk)
    try:
        return json.loads(b"".join(chunks))
    except ValueError as error:
        item = detail("json_invalid", loc=["body", 0], msg="JSON decode error", value={})
        raise Refused(failure_reply(model_failure([item], status=422))) from error


def base_url(request: Request) -> str:
    """The address under which the caller sees this process."""
    return f"{request.url.scheme}://{request.url.netloc}"


async def _huge(size: int) -> AsyncIterator[bytes]:
    yield b'{"status":"IN_QUEUE","padding":"'
    block = b"x" * 65_536
    for _ in range(max(1, size // len(block))):
        yield block
    yield b'"}'


def _http(options: dict[str, Any]) -> Response:
    body = options.get("body", "")
    content = body if isinstance(body, str) else json.dumps(body)
    media_type = options.get("content_type", "text/plain" if isinstance(body, str) else "application/json")
    headers = {str(name): str(value) for name, value in options.get("headers", {}).items()}
    return Response(content, int(options.get("status", 500)), headers, media_type)


def _error(options: dict[str, Any]) -> Response:
    failure = failure_named(str(options["type"]))
    changes = {name: options[name] for name in ("msg", "ctx", "loc") if name in options}
    if changes and isinstance(failure.body["detail"], list):
        failure.body["detail"][0].update(changes)
    return failure_reply(failure)


def broken(rule: Rule) -> Response | None:
    """The answer a rule asks for, None when its fault is no answer."""
    options = rule.options
    match rule.fault:
        case "error":
            return _error(options)
        case "http":
            return _http(options)
        case "drop" | "drop_before":
            return DropConnection()
        case "garbage":
            return Response(b'{"status": \xff\xfe<html>', media_type="application/json")
        case "wrong_type":
            return reply(options.get("body", [1, "two", None]))
        case "empty":
            return Response(b"", media_type="application/json")
        case "huge":
            size = int(options.get("bytes", 20_000_000))
            return StreamingResponse(_huge(size), media_type="application/json")
        case "expired":
            return not_found()
    return None


async def strike(rules: Iterable[Rule]) -> Response | None:
    """Wait out the delays and return the first broken answer among the rules."""
    for rule in rules:
        if rule.fault == "delay":
            await asyncio.sleep(float(rule.options.get("seconds", 1.0)))
            continue
        response = broken(rule)
        if response is not None:
            return response
    return None
