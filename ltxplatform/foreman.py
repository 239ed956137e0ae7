"""Runs several programs in one terminal: prefixes their lines, starts again what dies, stops all at once."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ltxplatform import processes

COLOURS = (36, 33, 32, 35, 34)
LONGEST_PAUSE = 10  # seconds before a program that keeps ending is started again
STEADY_SECONDS = 20  # a program that ran this long may be started again at once

_print_lock = threading.Lock()


def say(name: str, text: str, colour: int = 0) -> None:
    label = f"{name:<8}|"
    if colour and sys.stdout.isatty():
        label = f"\033[{colour}m{label}\033[0m"
    # The terminal may be gone before the programs are.
    with _print_lock, suppress(OSError, ValueError):
        print(f"{label} {text}", flush=True)  # noqa: T201 - this is what a foreman is for


@dataclass(slots=True)
class Program:
    """One child and how to start it. `grace` is the seconds it gets to stop."""

    name: str
    command: Sequence[str | Path]
    env: Mapping[str, str] = field(default_factory=dict)
    grace: float = 5
    colour: int = 0
    child: subprocess.Popen[bytes] | None = None
    started_at: float = 0
    start_at: float = 0
    pause: float = 0.5

    def start(self) -> None:
        self.started_at = time.monotonic()
        self.child = processes.start(self.command, env=os.environ | self.env, output=subprocess.PIPE)
        assert self.child.stdout is not None  # noqa: S101 - for the type checker
        threading.Thread(target=self._repeat, args=[self.child.stdout], daemon=True).start()

    def _repeat(self, output: IO[bytes]) -> None:
        with output:
            for line in output:
                say(self.name, line.decode(errors="replace").rstrip(), self.colour)

    def watch(self) -> None:
        """Start the program when it is due; note its end and when to start it again."""
        if self.child is None:
            if time.monotonic() >= self.start_at:
                self._start_again()
        elif (code := self.child.poll()) is not None:
            processes.kill_group(self.child)
            self.child = None
            if time.monotonic() - self.started_at > STEADY_SECONDS:
                self.pause = 0.5
            self._rest(f"ended ({code})")

    def _start_again(self) -> None:
        try:
            self.start()
        except OSError as error:  # the machine has no room for another process now
            self._rest(str(error))

    def _rest(self, why: str) -> None:
        self.start_at = time.monotonic() + self.pause
        say(self.name, f"{why}, starting again in {self.pause:g} s", self.colour)
        self.pause = min(self.pause * 2, LONGEST_PAUSE)


class Foreman:
    """Keeps its programs running from `add` until `stop_all`."""

    def __init__(self) -> None:
        self.programs: list[Program] = []

    def add(self, program: Program) -> None:
        program.colour = COLOURS[len(self.programs) % len(COLOURS)]
        self.programs.append(program)
        program.start()

    def watch(self) -> None:
        for program in self.programs:
            program.watch()

    def stop_all(self) -> None:
        processes.stop_all({program.child: program.grace for program in self.programs if program.child})
