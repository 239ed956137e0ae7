"""The knobs over HTTP, for callers on this machine only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.fal.clock import stamp
from sandbox.fal.engine import Engine
from sandbox.fal.knobs import BadControl, read_rule
from sandbox.fal.records import Record, shorten
from sandbox.fal.replies import read_json
from sandbox.loopback import is_local

Handler = Callable[[Request, Engine], Awaitable[Response]]


def control(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        if not is_local(request):
            return JSONResponse({"detail": "Control is for this machine only."}, 403)
        try:
            return await handler(request, request.app.state.engine)
        except BadControl as error:
            return JSONResponse({"detail": str(error)}, 400)

    return endpoint


async def knobs(request: Request, engine: Engine) -> Response:
    """GET shows, PUT changes what it names, DELETE goes back to the start."""
    if request.method == "PUT":
        engine.knobs.update(await read_json(request))
        engine.pump()
    elif request.method == "DELETE":
        engine.reset_knobs()
    return JSONResponse(engine.knobs.as_json())


async def rules(request: Request, engine: Engine) -> Response:
    """POST adds one rule, DELETE removes all, GET lists with their hits."""
    if request.method == "POST":
        rule = read_rule(await read_json(request))
        engine.knobs.rules.append(rule)
        return JSONResponse(asdict(rule), 201)
    if request.method == "DELETE":
        engine.knobs.rules.clear()
    return JSONResponse([asdict(rule) for rule in engine.knobs.rules])


async def rule(request: Request, engine: Engine) -> Response:
    """DELETE removes the rule of that id."""
    kept = [item for item in engine.knobs.rules if item.id != request.path_params["rule_id"]]
    found = len(kept) < len(engine.knobs.rules)
    engine.knobs.rules = kept
    return JSONResponse({"removed": found}, 200 if found else 404)


def _entry(engine: Engine, record: Record) -> dict[str, Any]:
    return {
        "request_id": record.id,
        "key_id": record.key_id,
        "status": record.state,
        "status_code": record.status_code,
        "error_type": record.error_type,
        "accepted_at": stamp(record.accepted_at),
        "started_at": stamp(record.started_at),
        "ended_at": stamp(record.ended_at),
        "queue_seconds": record.queue_seconds,
        "inference_seconds": record.inference_seconds,
        "requeues": record.requeues,
        "cancelled": record.cancelled,
        "priority": "low" if record.priority else "normal",
        "seed": record.seed,
        "billable_units": record.units,
        "input": shorten(engine.store.payload(record.id)),
        "result": record.body,
        "webhook_url": record.webhook_url,
        "webhook_done": record.webhook_done,
        "deliveries": record.deliveries,
    }


async def requests(request: Request, engine: Engine) -> Response:
    """Every request ever accepted, oldest first; `?prompt=` keeps those that contain it."""
    part = request.query_params.get("prompt", "")
    return JSONResponse(
        [_entry(engine, record) for record in engine.records.values() if part in record.prompt]
    )


async def summary(request: Request, engine: Engine) -> Response:
    """Counts only: cheap with thousands of requests."""
    states: dict[str, int] = {}
    for record in engine.records.values():
        states[record.state] = states.get(record.state, 0) + 1
    return JSONResponse(
        {
            "requests": len(engine.records),
            "states": states,
            "running": engine.running,
            "waiting": len(engine.line),
            "rendered": engine.renders.rendered,
        }
    )


async def reset(request: Request, engine: Engine) -> Response:
    """Forget all requests and uploads, and go back to the knobs of the start."""
    engine.reset()
    engine.reset_knobs()
    return JSONResponse({"status": "reset"})


async def rotate(request: Request, engine: Engine) -> Response:
    """Sign webhooks with a new key from now on."""
    engine.rotate_signer()
    return JSONResponse(engine.webhooks.signer.jwks())


def routes() -> list[Route]:
    return [
        Route("/control/knobs", control(knobs), methods=["GET", "PUT", "DELETE"]),
        Route("/control/rules", control(rules), methods=["GET", "POST", "DELETE"]),
        Route("/control/rules/{rule_id}", control(rule), methods=["DELETE"]),
        Route("/control/requests", control(requests), methods=["GET"]),
        Route("/control/summary", control(summary), methods=["GET"]),
        Route("/control/reset", control(reset), methods=["POST"]),
        Route("/control/rotate-signing-key", control(rotate), methods=["POST"]),
    ]
