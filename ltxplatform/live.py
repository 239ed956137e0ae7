"""The live process: an ASGI application that holds event streams open, and nothing else.

One event loop serves all streams, one connection listens to PostgreSQL, and a few threads look up who may follow
what. Written against ASGI itself: Django's middleware would take a thread and more memory for every open page.
"""

import asyncio
import random
import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any, ClassVar, Final, TypeVar
from urllib.parse import urljoin
from uuid import UUID

import structlog
from django.conf import settings
from django.db.utils import DatabaseError
from django.http import Http404, HttpRequest
from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated
from rest_framework.request import Request

from accounts.actors import Actor
from accounts.authentication import ApiKeyAuthentication
from accounts.errors import DomainError
from accounts.permissions import GENERATIONS_VIEW
from accounts.rest import ScopeMissing
from generations import news
from generations.live import admission, streams
from generations.live.admission import Admission
from generations.live.hub import Hub, Subscription
from generations.live.listener import Listener
from generations.live.streams import in_database
from generations.services import GenerationNotFound
from ltxplatform.asgi_exchange import Exchange, Receive, Scope, Send

PAGE: Final = re.compile(r"/live/t/(?P<team_slug>[-a-zA-Z0-9_]+)/")
CLIP: Final = re.compile(r"/api/v1/generations/(?P<pk>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/events")
HEALTH: Final = "/live/health"
# Each keeps one connection to the database.
DATABASE_THREADS: Final = 3
# Pages come back after a random part of these, so that a restart is not answered by all at once.
RETRY_MS: Final = (1000, 4000)
# People who wait to be let in; more than this is a storm, and pages do without for a while.
OPENING_MOST: Final = 2000

T = TypeVar("T")

logger = structlog.get_logger(__name__)


class TooManyStreams(DomainError):
    code = "rate_limited"
    retryable: ClassVar[bool] = True


class Unavailable(DomainError):
    code = "unavailable"
    retryable: ClassVar[bool] = True


class ForeignOrigin(DomainError):
    code = "forbidden"


class LiveSite:
    """The application. `admitted` holds every open stream with the right it rests on."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.listener = Listener(self.hub)
        self.admitted: dict[Subscription, Admission] = {}
        self.opening = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(Exchange(scope, receive, send))

    async def _live(self, receive: Receive, send: Send) -> None:
        """From the server's start to its stop."""
        await receive()
        asyncio.get_running_loop().set_default_executor(
            ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix="database")
        )
        tasks = [asyncio.create_task(work) for work in (self.listener.run(), self._keep_checking())]
        for task in tasks:
            task.add_done_callback(end_without)
        self._close_streams_on_sigterm()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.hub.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await send({"type": "lifespan.shutdown.complete"})

    def _close_streams_on_sigterm(self) -> None:
        """The server waits for open requests before it says that it stops, and streams would never end."""
        loop = asyncio.get_running_loop()
        servers_own = signal.getsignal(signal.SIGTERM)

        def close(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self.hub.close)
            if callable(servers_own):
                servers_own(number, frame)

        signal.signal(signal.SIGTERM, close)

    async def _answer(self, exchange: Exchange) -> None:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=exchange.request_id)
        try:
            await self._route(exchange)
        except Exception as error:
            await exchange.refuse(error)

    async def _route(self, exchange: Exchange) -> None:
        request = exchange.request()
        if request.path == HEALTH:
            await exchange.answer(200, {"status": "ok" if self.listener.is_listening else "waiting"})
            return
        for pattern, open_stream in ((PAGE, self._page), (CLIP, self._clip)):
            if match := pattern.fullmatch(request.path):
                if request.method != "GET":
                    raise MethodNotAllowed(request.method or "")
                await open_stream(exchange, request, **match.groupdict())
                return
        raise Http404

    async def _page(self, exchange: Exchange, request: HttpRequest, *, team_slug: str) -> None:
        """All changes of a team's clips, for its pages."""
        exchange.headers |= cross_origin_headers(request)
        who = await self._admit(admission.admit_member, request, team_slug=team_slug)
        with self._subscribed(who) as subscription:
            chunks = streams.for_page(
                subscription,
                retry_ms=random.randint(*RETRY_MS),  # noqa: S311 - spreads load, protects nothing
                is_heard=lambda: self.listener.is_listening,
            )
            await exchange.stream(chunks, gone=subscription.close)

    async def _clip(self, exchange: Exchange, request: HttpRequest, *, pk: str) -> None:
        """One clip's news, for a program."""
        after = news.last_event_id(request.headers.get("Last-Event-ID", ""))
        actor, is_over = await self._admit(admit_program, request, pk=UUID(pk), after=after)
        if is_over:
            await exchange.answer(204, None)
            return
        with self._subscribed(admission.admission_of_key(actor), clip=pk) as subscription:
            chunks = streams.for_program(
                subscription,
                team=actor.team,
                pk=UUID(pk),
                told=news.Told(event_id=after),
                absolute=partial(urljoin, site_of(request)),
            )
            await exchange.stream(chunks, gone=subscription.close)

    async def _admit(self, admit: Callable[..., T], request: HttpRequest, **arguments: Any) -> T:
        """What `admit` says, looked up in a thread. Raises Unavailable instead of lining up without end."""
        if self.opening >= OPENING_MOST or len(self.admitted) >= settings.LIVE_STREAMS_MAX:
            raise Unavailable("Too many streams are open. Pages go on without.", retry_after=30)
        self.opening += 1
        try:
            return await in_database(admit, request, **arguments)
        finally:
            self.opening -= 1

    @contextmanager
    def _subscribed(self, who: Admission, clip: str | None = None) -> Iterator[Subscription]:
        """A mailbox that counts. Raises TooManyStreams."""
        own = sum(other.user_id == who.user_id for other in self.admitted.values())
        if own >= settings.LIVE_STREAMS_PER_PERSON:
            raise TooManyStreams(f"You have {own} streams open already. Close some pages.", retry_after=60)
        started = time.monotonic()
        with self.hub.subscribed(str(who.team_id), clip) as subscription:
            self.admitted[subscription] = who
            logger.info("stream_opened", user=who.user_id, clip=clip, open=len(self.admitted))
            try:
                yield subscription
            finally:
                del self.admitted[subscription]
                lasted = round(time.monotonic() - started)
                logger.info("stream_closed", user=who.user_id, clip=clip, seconds=lasted)

    async def _keep_checking(self) -> None:
        """Close the streams of those who have lost the right to them; all are looked up together."""
        while True:
            await asyncio.sleep(settings.LIVE_RECHECK_SECONDS)
            if not self.admitted:
                continue
            try:
                lost = await in_database(admission.ended, set(self.admitted.values()))
            except DatabaseError as error:
                logger.warning("stream_check_failed", detail=str(error))
                continue
            for subscription, who in list(self.admitted.items()):
                if who in lost:
                    subscription.close()


def end_without(task: asyncio.Task[None]) -> None:
    """Without one of its tasks the process is of no use: end it, so that its supervisor starts another."""
    if not task.cancelled() and task.exception() is not None:
        logger.critical("live_task_failed", exc_info=task.exception())
        signal.raise_signal(signal.SIGTERM)


def admit_program(request: HttpRequest, *, pk: UUID, after: int) -> tuple[Actor, bool]:
    """The actor of the API key, and whether they have heard all of the clip's news already.

    Raises NotAuthenticated, AuthenticationFailed, ScopeMissing and GenerationNotFound, as the API does elsewhere.
    """
    found = ApiKeyAuthentication().authenticate(Request(request))
    if found is None:
        raise NotAuthenticated
    _, actor = found
    if not actor.may(GENERATIONS_VIEW):
        raise ScopeMissing('This needs a key with the scope "read".')
    clip = news.look_up(actor.team, pk)
    if clip is None:
        raise GenerationNotFound("There is no such clip in this team.")
    return actor, after > 0 and news.was_told_all(clip, after)


def site_of(request: HttpRequest) -> str:
    """Where pages and files are: this process may answer at another port."""
    return settings.LIVE_ORIGINS[0] if settings.LIVE_ORIGINS else request.build_absolute_uri("/")


def cross_origin_headers(request: HttpRequest) -> dict[str, str]:
    """What lets a page of the site read a stream from another port; nothing for one from here.

    Raises ForeignOrigin for every other page: the cookie comes along whoever asks.
    """
    origin = request.headers.get("Origin")
    if origin is None:
        # Browsers name the origin of every request to another one; a missing name with this label is nobody's.
        if request.headers.get("Sec-Fetch-Site", "none") in {"same-origin", "none"}:
            return {}
    elif origin == f"{request.scheme}://{request.get_host()}":
        return {}
    elif origin in settings.LIVE_ORIGINS:
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Credentials": "true",
            "Vary": "Origin",
        }
    raise ForeignOrigin("Pages of other sites may not open this stream.")
