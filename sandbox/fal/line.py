"""The waiting line: who is ahead of whom, and who may start."""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort

Place = tuple[int, int, str]  # priority, arrival, request id


class Line:
    """Positions by bisection, so that a status call costs the same with 5,000 waiting as with five."""

    def __init__(self) -> None:
        self._arrivals = 0
        self._waiting: list[Place] = []
        self._ready: list[Place] = []
        self._places: dict[str, Place] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def join(self, request_id: str, *, priority: int) -> None:
        self._arrivals += 1
        place = (priority, self._arrivals, request_id)
        self._places[request_id] = place
        insort(self._waiting, place)

    def leave(self, request_id: str) -> None:
        place = self._places.pop(request_id, None)
        if place is not None:
            del self._waiting[bisect_left(self._waiting, place)]

    def position(self, request_id: str) -> int:
        """Requests ahead, from 0."""
        place = self._places.get(request_id)
        return 0 if place is None else bisect_left(self._waiting, place)

    def make_ready(self, request_id: str) -> None:
        """The pretended waiting time is over; it starts as soon as a runner is free."""
        place = self._places.get(request_id)
        if place is not None:
            heapq.heappush(self._ready, place)

    def next_ready(self) -> str | None:
        """The foremost request that may start, skipping those that left."""
        while self._ready:
            place = heapq.heappop(self._ready)
            if self._places.get(place[2]) == place:
                return place[2]
        return None
