"""The one connection on which PostgreSQL says what has changed."""

import asyncio
from typing import Any, Final

import psycopg
import structlog
from django.db import connections
from psycopg import sql

from generations.live.hub import Change, Hub

# Named in the migration that makes the triggers.
CHANNEL: Final = "generation_changed"
# What a key's breaker says when it opens or closes.
SERVICE: Final = "service"
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 5.0
# A server that vanished without a word is noticed after about this many seconds.
PATIENCE: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}

logger = structlog.get_logger(__name__)


class Listener:
    """Listens, and begins anew whenever the connection is lost; what was missed meanwhile is looked up by all."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.is_listening = False

    async def run(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                await self._listen()
            except psycopg.Error as error:
                logger.warning("live_listener_lost", detail=str(error))
            if self.is_listening:
                pause = FIRST_PAUSE
            self.is_listening = False
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _listen(self) -> None:
        """Pass on what is announced until the connection ends. Raises psycopg.Error."""
        connection = await psycopg.AsyncConnection.connect(**database_address(), autocommit=True)
        async with connection:
            await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
            self.is_listening = True
            logger.info("live_listening")
            self.hub.look_again()
            async for notification in connection.notifies():
                self._pass_on(notification.payload)

    def _pass_on(self, payload: str) -> None:
        if payload == SERVICE:
            self.hub.move_line()
        elif (change := Change.read(payload)) is not None:
            self.hub.publish(change)


def database_address() -> dict[str, Any]:
    """What psycopg needs to reach the site's database, without Django's own additions."""
    its = connections["default"].settings_dict
    named = {"dbname": its["NAME"], "user": its["USER"], "password": its["PASSWORD"], "host": its["HOST"]}
    address = {name: value for name, value in {**named, "port": its["PORT"]}.items() if value}
    return {**PATIENCE, **its["OPTIONS"], **address, "application_name": "ltxplatform live"}
