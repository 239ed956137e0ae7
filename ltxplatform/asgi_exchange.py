"""One HTTP exchange over ASGI: a request in, then a short answer or an event stream out."""

import asyncio
import io
import json
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import aclosing
from typing import Any, Final

import structlog
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated

from generations.news import CONTENT_TYPE as EVENTS
from ltxplatform.errors import CONTENT_TYPE as PROBLEM
from ltxplatform.errors import problem_response
from ltxplatform.middleware import REQUEST_ID

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# A stream is for whoever asked, now; proxies pass it on as it comes.
STREAM_HEADERS: Final = {
    "Content-Type": f"{EVENTS}; charset=utf-8",
    "Cache-Control": "private, no-store",
    "X-Accel-Buffering": "no",
}
# The server keeps a hundred pieces for a reader who does not take them, and then makes us wait.
SEND_SECONDS: Final = 30.0

logger = structlog.get_logger(__name__)


class Exchange:
    """`headers` are sent with whatever is answered."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self._receive = receive
        self._send = send
        self._has_begun = False
        offered = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        self.request_id = offered if REQUEST_ID.fullmatch(offered) else uuid.uuid4().hex
        self.headers = {"X-Request-ID": self.request_id, "X-Content-Type-Options": "nosniff"}

    def request(self) -> ASGIRequest:
        """Django's view of it. Raises SuspiciousOperation for a host that is not ours and for unreadable text."""
        try:
            request = ASGIRequest(self.scope, io.BytesIO())
        except UnicodeDecodeError as error:
            raise SuspiciousOperation("The address is not UTF-8.") from error
        request.request_id = self.request_id  # type: ignore[attr-defined]
        request.get_host()
        return request

    async def answer(self, status: int, data: Any, **headers: str) -> None:
        body = b"" if data is None else json.dumps(data).encode()
        kind = {} if data is None else {"Content-Type": "application/json", "Cache-Control": "no-store"}
        await self._begin(status, {**kind, **headers})
        await self._send({"type": "http.response.body", "body": body})

    async def refuse(self, error: Exception) -> None:
        """Answer with the problem document that the API has for this; what is unexpected is logged with its trace."""
        if isinstance(error, (AuthenticationFailed, NotAuthenticated)):
            error.auth_header = "Bearer"  # type: ignore[union-attr]
        request = HttpRequest()
        request.path = self.scope["path"]
        request.request_id = self.request_id  # type: ignore[attr-defined]
        response = problem_response(error, {"request": request, "view": self})
        if self._has_begun:
            return  # the stream breaks off, and its reader comes back
        await self.answer(
            response.status_code, response.data, **{**dict(response.items()), "Content-Type": PROBLEM}
        )

    async def stream(self, chunks: AsyncGenerator[str, None], *, gone: Callable[[], None]) -> None:
        """Send what comes until it ends; `gone` is called when the reader has left. Who takes nothing is dropped."""
        leaving = asyncio.create_task(self._reader_left())
        leaving.add_done_callback(lambda _: gone())
        try:
            async with aclosing(chunks):
                await self._begin(200, STREAM_HEADERS)
                async for chunk in chunks:
                    if leaving.done():
                        return
                    async with asyncio.timeout(SEND_SECONDS):
                        await self._send(
                            {"type": "http.response.body", "body": chunk.encode(), "more_body": True}
                        )
            await self._send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            logger.info("stream_stalled")
        finally:
            leaving.cancel()

    async def _reader_left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _begin(self, status: int, headers: dict[str, str]) -> None:
        self._has_begun = True
        named = {**self.headers, **headers}
        sent = [(name.lower().encode(), value.encode("latin-1")) for name, value in named.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": sent})
