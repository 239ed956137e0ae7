"""Runs one stand-in on loopback: the socket, the log, dropped connections, a quick end."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

log = logging.getLogger("sandbox")
REQUEST_ID = b"x-fal-request-id"


class CannotStart(Exception):
    """One sentence that says why."""


class Transparent(H11Protocol):
    """Shows each request its transport, so that a fault can hang up without an answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        inner: Any = self.app

        async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
            scope.setdefault("extensions", {})["sandbox.transport"] = transport
            await inner(scope, receive, send)

        self.app = app


class Log:
    """One line a request, without query, headers or body; and fal's request id on every reply but Stripe's."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                is_fal = not scope["path"].startswith("/stripe/")
                if is_fal and not any(name == REQUEST_ID for name, _ in message["headers"]):
                    message["headers"] = [*message["headers"], (REQUEST_ID, str(uuid4()).encode())]
            await send(message)

        try:
            await self.app(scope, receive, watched)
        finally:
            spent = (time.perf_counter() - began) * 1000
            outcome = status or "dropped"
            log.info("%s %s %s %.1f ms", scope["method"], scope["path"], outcome, spent)


class Server(uvicorn.Server):
    """Ends at the first signal without waiting for open streams, but closes its application."""

    def __init__(self, config: uvicorn.Config, *, ready: str) -> None:
        super().__init__(config)
        self._ready = ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        yield

    def _stop(self) -> None:
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            sys.stdout.write(self._ready + "\n")
            sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for sock in sockets or []:
            sock.close()
        for connection in list(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        for task in list(self.server_state.tasks):
            task.cancel()
        await self.lifespan.shutdown()


def listen(host: str, port: int) -> socket.socket:
    """A bound socket on a loopback address. Raises CannotStart."""
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError as error:
        raise CannotStart(f"{host} is not an address; the sandbox listens on 127.0.0.1 or ::1.") from error
    if not address.is_loopback:
        raise CannotStart(f"The sandbox accepts any key, so it listens on loopback only and refuses {host}.")
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    # Named TCP, because asyncio switches Nagle's delay off (40 ms an answer) only for sockets that are.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((str(address), port))
    except OSError as error:
        sock.close()
        raise CannotStart(f"Port {port} on {host} cannot be used: {error.strerror}.") from error
    return sock


def serve(
    app: ASGIApp, sock: socket.socket, *, name: str, log_level: str, tls: tuple[str, str] | None
) -> None:
    """Serve until SIGTERM or SIGINT; print one line when ready."""
    logging.basicConfig(
        level=log_level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    for noisy in ("httpx", "httpcore", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    cert, key = tls or (None, None)
    config = uvicorn.Config(
        Log(app),
        http=Transparent,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=65,
        ssl_certfile=cert,
        ssl_keyfile=key,
    )
    host, port = sock.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    scheme = "https" if tls else "http"
    Server(config, ready=f"{name} is ready at {scheme}://{shown}:{port}").run(sockets=[sock])
