"""What all stand-ins share about their callers: who is local, and how to hang up on them."""

from __future__ import annotations

import asyncio
import ipaddress

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


def is_local(request: Request) -> bool:
    """The connection and the name it was asked for are both loopback; a web page is neither."""
    host = request.client.host if request.client else ""
    name = request.url.hostname or ""
    try:
        near = ipaddress.ip_address(host).is_loopback
        named = name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
    return near and named and "origin" not in request.headers


class DropConnection(Response):
    """Closes the connection without an answer, as a crashed proxy or a cut cable would."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"]["sandbox.transport"].abort()
        await asyncio.sleep(0.02)  # until the server has noticed
