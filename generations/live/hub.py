"""Passes changes on to the open streams. It lives in one event loop and asks nobody anything."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

# Places in line change for everybody whenever one job leaves; they are passed on this often at most, in seconds.
LINE_SECONDS: Final = 3.0
# A reader who has fallen further behind than this is told to look at everything again.
PENDING_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Change:
    """Something that pages show has changed in a clip; `moves_line`: others moved up or down by it."""

    team_id: str
    generation_id: str
    moves_line: bool = False

    @classmethod
    def read(cls, payload: str) -> "Change | None":
        """From a notification's payload, "team clip" or "team clip line"; None for anything else."""
        words = payload.split(" ")
        if len(words) not in {2, 3}:
            return None
        return cls(words[0], words[1], moves_line=words[2:] == ["line"])


@dataclass(slots=True)
class News:
    """What a stream has to tell since it last told something; `everything`: changes may have been missed."""

    clips: set[str] = field(default_factory=set)
    line: bool = False
    everything: bool = False


class Subscription:
    """One open stream's mailbox: a team's clips, or one clip of it."""

    __slots__ = ("_news", "_wake", "clip", "is_closed", "team")

    def __init__(self, team: str, clip: str | None = None) -> None:
        self.team = team
        self.clip = clip
        self.is_closed = False
        self._news = News()
        self._wake = asyncio.Event()

    async def news(self, *, within: float) -> News | None:
        """What has come together since the last call, at once or within so many seconds; None when nothing has."""
        try:
            async with asyncio.timeout(within):
                await self._wake.wait()
        except TimeoutError:
            return None
        self._wake.clear()
        told, self._news = self._news, News()
        return told

    def changed(self, clip: str) -> None:
        if self.clip not in {None, clip}:
            return
        if len(self._news.clips) >= PENDING_MOST:
            self._news = News(everything=True)
        elif not self._news.everything:
            self._news.clips.add(clip)
        self._wake.set()

    def line_moved(self) -> None:
        self._news.line = True
        self._wake.set()

    def look_again(self) -> None:
        self._news = News(everything=True)
        self._wake.set()

    def close(self) -> None:
        self.is_closed = True
        self._wake.set()


class Hub:
    """All subscriptions of the process, by team."""

    def __init__(self) -> None:
        self._by_team: defaultdict[str, set[Subscription]] = defaultdict(set)
        self._line_timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def __iter__(self) -> Iterator[Subscription]:
        for subscriptions in list(self._by_team.values()):
            yield from list(subscriptions)

    @contextmanager
    def subscribed(self, team: str, clip: str | None = None) -> Iterator[Subscription]:
        subscription = Subscription(team, clip)
        self._by_team[team].add(subscription)
        if self._is_closed:
            subscription.close()
        try:
            yield subscription
        finally:
            self._by_team[team].discard(subscription)
            if not self._by_team[team]:
                del self._by_team[team]

    def publish(self, change: Change) -> None:
        for subscription in self._by_team.get(change.team_id, ()):
            subscription.changed(change.generation_id)
        if change.moves_line:
            self.move_line()

    def move_line(self) -> None:
        """What waits in line may show something else now, in every team."""
        if self._line_timer is None:
            self._line_timer = asyncio.get_running_loop().call_later(LINE_SECONDS, self._tell_line)

    def look_again(self) -> None:
        """Changes may have gone unheard: have everybody look for themselves."""
        for subscription in self:
            subscription.look_again()

    def close(self) -> None:
        """End all streams, and those that are still being opened."""
        self._is_closed = True
        for subscription in self:
            subscription.close()

    def _tell_line(self) -> None:
        self._line_timer = None
        for subscription in self:
            subscription.line_moved()
