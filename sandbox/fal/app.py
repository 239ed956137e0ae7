"""Puts fal's hosts under one roof: each is a prefix of the path."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.fal import (
    control_api,
    media_api,
    platform_api,
    queue_api,
    run_api,
    storage_api,
)
from sandbox.fal.engine import Config, Engine
from sandbox.fal.replies import Refused


async def health(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, Refused):
        raise error
    return error.response


async def _no_route(request: Request, error: Exception) -> Response:
    """fal's JSON instead of plain text, also for paths and methods it does not have."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    text = error.detail if isinstance(error, HTTPException) else "Internal error"
    if status == 404:
        text = f"Path {request.url.path} not found"
    return JSONResponse({"detail": text}, status)


def build_app(config: Config) -> Starlette:
    """The application; its engine starts and stops with it."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        engine = Engine(config)
        app.state.engine = engine
        engine.resume()
        yield
        await engine.close()

    return Starlette(
        routes=[
            Route("/health", health),
            *queue_api.routes(),
            *run_api.routes(),
            *storage_api.routes(),
            *media_api.routes(),
            *platform_api.routes(),
            *control_api.routes(),
        ],
        exception_handlers={Refused: _refused, HTTPException: _no_route},
        lifespan=lifespan,
    )
