"""`manage.py poll`: the poller process. Any number may run; one leads, the others wait to take over."""

import asyncio
import signal
from typing import Any, Final

import structlog
from asgiref.sync import sync_to_async
from django.core.checks import Tags
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from generations import fal_gateway
from generations.services import polling, sweep

LEADER_LOCK: Final = 0x1754_0002
CONCURRENCY: Final = 50
IDLE_SECONDS: Final = 0.2
SWEEP_SECONDS: Final = 1.0

logger = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = "Follow the jobs at fal and start what is due. Ends with an error when the database goes away."
    requires_system_checks = [Tags.compatibility, Tags.security]  # the others would load all pages

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--concurrency", type=int, default=CONCURRENCY, help="status requests at once")

    def handle(self, *args: Any, concurrency: int, **options: Any) -> None:
        asyncio.run(Poller(concurrency).run())


class Poller:
    """Asks about due jobs with bounded concurrency and writes the answers in batches.

    All database work runs in one thread. Losing the leader's connection means losing the lead: that ends the
    process, and the supervisor starts another.
    """

    def __init__(self, concurrency: int) -> None:
        self.concurrency = concurrency
        self.stopping = asyncio.Event()
        self.leadership = Leadership()
        self.asking: set[asyncio.Task[polling.Outcome]] = set()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        if not await self._lead():
            return
        logger.info("poller_leads")
        self.client = fal_gateway.StatusClient(concurrency=self.concurrency)
        sweeping = asyncio.create_task(self._sweep())
        try:
            while not self.stopping.is_set() and not sweeping.done():
                await self._turn()
        finally:
            self.stopping.set()
            await asyncio.gather(*self.asking, return_exceptions=True)
            await self.client.aclose()
            await sweeping
            await sync_to_async(self.leadership.release)()

    async def _lead(self) -> bool:
        while not self.stopping.is_set():
            if await sync_to_async(self.leadership.is_taken)():
                return True
            await self._pause(2)
        return False

    async def _turn(self) -> None:
        free = self.concurrency - len(self.asking)
        if free:
            due = await sync_to_async(polling.claim_due_polls)(now=timezone.now(), limit=free)
            self.asking |= {asyncio.create_task(self._ask(poll)) for poll in due}
        if not self.asking:
            await self._pause(IDLE_SECONDS)
            return
        done, self.asking = await asyncio.wait(
            self.asking, timeout=IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if done:
            outcomes = [task.result() for task in done]
            await sync_to_async(polling.apply_outcomes)(outcomes, now=timezone.now())
            # A short breath collects the next answers into one statement.
            await asyncio.sleep(0.05)

    async def _ask(self, poll: polling.Poll) -> polling.Outcome:
        try:
            reply = await self.client.status(
                key=poll.fal_key, request_id=poll.request_id, status_url=poll.status_url
            )
        except fal_gateway.FalError as error:
            logger.warning("status_unavailable", generation=str(poll.generation_id), detail=error.detail)
            reply = None
        return polling.Outcome(poll, reply)

    async def _sweep(self) -> None:
        while not self.stopping.is_set():
            await sync_to_async(self.leadership.check)()
            await sync_to_async(sweep.enqueue_due)(now=timezone.now())
            await self._pause(SWEEP_SECONDS)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
        except TimeoutError:
            return


class Leadership:
    """An advisory lock on a connection of its own: django-q2's broker closes the shared one when it grows old."""

    connection: BaseDatabaseWrapper | None = None

    def is_taken(self) -> bool:
        """Try to take the lead. Opens the connection in the thread that keeps it."""
        self.connection = self.connection or connection.copy()
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [LEADER_LOCK])
            return bool(cursor.fetchone()[0])

    def check(self) -> None:
        """Raises OperationalError when the connection, and with it the lead, is gone."""
        if self.connection is not None:
            with self.connection.cursor() as cursor:
                cursor.execute("SELECT 1")

    def release(self) -> None:
        if self.connection is not None:
            self.connection.close()
