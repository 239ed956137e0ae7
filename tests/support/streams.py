"""Reads event streams as browsers and programs do, in a thread of its own, and keeps what came and when."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import httpx

from ltxplatform import processes


@dataclass(frozen=True)
class Event:
    name: str
    data: str
    id: str
    at: float  # time.monotonic


@dataclass
class Stream:
    """An open stream; `has_ended` once the server closed it."""

    response: httpx.Response
    events: list[Event] = field(default_factory=list)
    comments: int = 0
    has_ended: bool = False

    @property
    def status(self) -> int:
        return self.response.status_code

    def names(self) -> list[str]:
        return [event.name for event in self.events]

    def named(self, *names: str) -> list[Event]:
        return [event for event in self.events if event.name in names]

    def wait_for(self, condition: Callable[[], bool], seconds: float = 10) -> None:
        assert processes.wait_until(condition, seconds=seconds, every=0.005), self.events

    def wait_for_data(self, name: str, part: str, seconds: float = 10) -> Event:
        self.wait_for(lambda: any(part in event.data for event in self.named(name)), seconds)
        return next(event for event in self.named(name) if part in event.data)

    def read(self) -> None:
        fields: dict[str, str] = {}
        with suppress(httpx.HTTPError, httpx.StreamError, RuntimeError):
            for line in self.response.iter_lines():
                if line.startswith(":"):
                    self.comments += 1
                elif line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif "event" in fields:
                    named = (fields["event"], fields["data"], fields.get("id", ""))
                    self.events.append(Event(*named, at=time.monotonic()))
                    fields = {}
        self.has_ended = True


@contextmanager
def opened(url: str, **headers: str) -> Iterator[Stream]:
    """GET `url`; a refusal has its body read, a stream goes on being read until the block ends."""
    with (
        httpx.Client(trust_env=False, timeout=httpx.Timeout(10, read=None)) as client,
        client.stream("GET", url, headers=headers) as response,
    ):
        stream = Stream(response)
        if "event-stream" not in response.headers.get("content-type", ""):
            response.read()
            yield stream
            return
        reader = threading.Thread(target=stream.read, daemon=True)
        reader.start()
        try:
            yield stream
        finally:
            # Closing alone would leave the connection open for as long as the other thread waits on it.
            with suppress(OSError):
                response.extensions["network_stream"].get_extra_info("socket").shutdown(socket.SHUT_RDWR)
            reader.join(5)
