"""What open streams send: to pages only which clips to ask about again, to programs the news themselves."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Final, ParamSpec, TypeVar
from uuid import UUID

from django.db import close_old_connections

from accounts.models import Team
from generations.live.hub import News, Subscription
from generations.news import Told, event, look_up, news_of

P = ParamSpec("P")
T = TypeVar("T")

# Proxies and browsers take longer silence for a dead connection.
BEAT_SECONDS: Final = 15.0
# What happens within this time reaches a page together, in seconds.
PAGE_SPACING: Final = 0.1
# A program hears of a busy clip this often at most, in seconds.
SPACING: Final = 0.2


async def for_page(
    subscription: Subscription, *, retry_ms: int, is_heard: Callable[[], bool]
) -> AsyncGenerator[str, None]:
    """`clips` with ids, `line` when places may have changed, `all` when something may have been missed.

    The beat is an event that the page can see: silence tells it to ask for itself. It stops while PostgreSQL is not
    heard.
    """
    yield f"retry: {retry_ms}\n\n"
    while not subscription.is_closed:
        news = await subscription.news(within=BEAT_SECONDS)
        if news is None:
            yield event("beat", "1") if is_heard() else ": waiting for the database\n\n"
        elif not subscription.is_closed:
            yield _for_page(news)
            await asyncio.sleep(PAGE_SPACING)


def _for_page(news: News) -> str:
    if news.everything:
        return event("all", "1")
    told = event("clips", " ".join(sorted(news.clips))) if news.clips else ""
    return told + (event("line", "1") if news.line else "")


async def for_program(
    subscription: Subscription, *, team: Team, pk: UUID, told: Told, absolute: Callable[[str], str]
) -> AsyncGenerator[str, None]:
    """One clip's news until it has ended; comments in between keep the connection open."""
    yield "retry: 3000\n\n"
    while not subscription.is_closed:
        sent, told = await in_database(_look, team, pk, told, absolute)
        if sent:
            yield "".join(sent)
        if told.is_done:
            return
        await asyncio.sleep(SPACING)
        while (news := await subscription.news(within=BEAT_SECONDS)) is None or _is_only_line(news, told):
            yield ": beat\n\n"


def _is_only_line(news: News, told: Told) -> bool:
    """Whether only places in line have changed, and this clip has none."""
    return news.line and not (news.clips or news.everything or told.waits_in_line)


def _look(team: Team, pk: UUID, told: Told, absolute: Callable[[str], str]) -> tuple[list[str], Told]:
    clip = look_up(team, pk)
    # Rows of clips are never deleted while their team exists; without one there is nothing more to tell.
    return news_of(clip, told, absolute) if clip is not None else ([], Told(is_done=True))


async def in_database(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run in one of the few threads that ask the database; a stale connection is replaced, as between requests."""

    def work() -> T:
        close_old_connections()
        try:
            return function(*args, **kwargs)
        finally:
            close_old_connections()

    return await asyncio.to_thread(work)
