"""Starts the product's own commands as processes and never leaves one behind."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from ltxplatform import processes

ROOT = Path(__file__).resolve().parents[2]


def all_ended(*family: psutil.Process) -> bool:
    """Whether all are gone, or only wait for a parent to collect them, within a moment."""
    return processes.wait_until(lambda: not any(map(_is_alive, family)), seconds=5)


def _is_alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


class Running:
    """A started program with everything it has said so far."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self.child = child
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.child.stdout:
            self.lines.append(line.decode(errors="replace").rstrip())

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.child.pid).children(recursive=True)

    def wait_for(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until `condition` holds; fail with the program's output when it does not, or it ended."""
        holds = False

        def is_over() -> bool:
            nonlocal holds
            holds = condition()
            return holds or self.child.poll() is not None

        processes.wait_until(is_over, seconds=seconds)
        assert holds, f"{self.output}\nexit code {self.child.poll()}"

    def ended(self, seconds: float = 60) -> int:
        """The exit code, once the program and its output have ended."""
        code = self.child.wait(seconds)
        self._reader.join(5)
        return code


@contextmanager
def started(*command: str, **environment: str) -> Iterator[Running]:
    """Run `command` from the checkout with `environment` added; kill it and all its children at the end."""
    child = processes.start(
        command,
        env=os.environ | {"PYTHONUNBUFFERED": "1", **environment},
        cwd=ROOT,
        output=subprocess.PIPE,
    )
    running = Running(child)
    try:
        yield running
    finally:
        family = running.descendants() if child.poll() is None else []
        processes.kill_group(child)
        for process in family:
            if process.is_running():
                process.kill()
        child.stdout.close()


def manage(command: str, *options: str, **environment: str):
    """`started` for a management command."""
    return started(sys.executable, "manage.py", command, *options, **environment)
