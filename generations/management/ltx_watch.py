"""Follows one clip until it has ended, and shows how far it is."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol
from uuid import UUID

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from generations.models import Generation
from generations.services import places_in_line
from generations.states import IN_FLIGHT, Status

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 10
NO_WORKER = "Nothing has picked the clip up yet. Is the platform running (make demo, or runworkers and poll)?"


class Display(Protocol):
    def show(self, words: str, percent: int | None) -> None: ...

    def say(self, sentence: str) -> None: ...


class Bar:
    """A moving bar, for people at a terminal."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.task = progress.add_task("", total=None)

    def show(self, words: str, percent: int | None) -> None:
        total = None if percent is None else 100
        self.progress.update(self.task, description=words, total=total, completed=percent or 0)

    def say(self, sentence: str) -> None:
        self.progress.console.print(sentence)


class Lines:
    """A line for each change, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.last = ""

    def show(self, words: str, percent: int | None) -> None:
        if words != self.last:
            self.last = words
            self.say(words)

    def say(self, sentence: str) -> None:
        self.console.print(sentence, soft_wrap=True, highlight=False)


@contextmanager
def display(console: Console) -> Iterator[Display]:
    if not console.is_terminal:
        yield Lines(console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield Bar(progress)


def follow(generation_id: UUID, shown: Display, *, seconds: float) -> Generation:
    """The generation as it ended, or as it stands when `seconds` are over."""
    started = time.monotonic()
    warned = False
    while True:
        generation = Generation.objects.get(pk=generation_id)
        waited = time.monotonic() - started
        if generation.is_terminal or waited >= seconds:
            return generation
        shown.show(*words_for(generation))
        if not warned and waited > PATIENCE_SECONDS and nothing_moves(generation):
            warned = True
            shown.say(NO_WORKER)
        time.sleep(min(POLL_SECONDS, max(0, seconds - waited)))


def words_for(generation: Generation) -> tuple[str, int | None]:
    """What to say, and percent where there is a measure."""
    if generation.status == Status.QUEUED:
        place = places_in_line([generation]).get(generation.pk)
        return (f"In line, place {place}" if place else "In line"), None
    if generation.status == Status.PROCESSING and generation.started_at is not None:
        return "Rendering", generation.progress
    if generation.status == Status.PROCESSING:
        ahead = generation.queue_position
        return (f"Waiting at fal behind {ahead}" if ahead else "Waiting at fal"), None
    return str(generation.get_status_display()), None


def nothing_moves(generation: Generation) -> bool:
    """Still in line although nothing is under way: a full window would look different."""
    waiting = generation.status == Status.QUEUED
    return waiting and not Generation.objects.filter(status__in=IN_FLIGHT).exists()
