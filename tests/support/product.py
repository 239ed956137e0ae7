"""The product's own processes on a database of their own: web, workers and poller, as in production."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil

from ltxplatform import processes
from ltxplatform.management.commands.demo import live_command
from tests.support.programs import Running, started
from tests.support.sandbox_process import SandboxHandle

MARK = "TEST_PROGRAM"  # in the environment of a program and of all it starts


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Product:
    """Running processes by name; `kill` and `start` again at will."""

    environment: dict[str, str]
    port: int
    fal: SandboxHandle
    media: Path
    running: dict[str, Running] = field(default_factory=dict)
    stacks: dict[str, ExitStack] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def live_url(self) -> str:
        return self.environment["LIVE_URL"]

    @property
    def database_name(self) -> str:
        return urlsplit(self.environment["DATABASE_URL"]).path.removeprefix("/")

    def start(self, name: str) -> None:
        stack = ExitStack()
        environment = self.environment | {MARK: self._mark(name)}
        self.running[name] = stack.enter_context(started(*COMMANDS[name](self), **environment))
        self.stacks[name] = stack

    def _mark(self, name: str) -> str:
        return f"{name} {self.port}"

    def wait_for_web(self, seconds: float = 30) -> None:
        self.running["web"].wait_for(self.answers, seconds)

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", trust_env=False, timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def kill(self, name: str) -> None:
        """kill -9 of the process itself; what it started must cope."""
        self.running[name].child.send_signal(signal.SIGKILL)
        self.running[name].child.wait(10)

    def revive(self, name: str) -> None:
        """What a container's supervisor does after a death: end all that lived in it, and start it again."""
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get(MARK) == self._mark(name):
                    process.kill()
        self.stacks[name].close()
        self.start(name)

    def start_missing(self) -> None:
        """Start again what an earlier test has stopped or lost."""
        for name, program in self.running.items():
            if program.child.poll() is not None:
                self.revive(name)
        if "web" in self.running:
            self.wait_for_web()

    def output(self) -> str:
        return "\n".join(f"== {name}\n{program.output}" for name, program in self.running.items())


def _web(product: Product) -> list[str]:
    return [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"),
        *("--port", str(product.port), "--blocking-threads", "4", "--log-level", "warning"),
        "ltxplatform.wsgi:application",
    ]


def _live(product: Product) -> list[str]:
    return [str(part) for part in live_command(urlsplit(product.environment["LIVE_URL"]).port)]


# A frozen cluster is noticed after 15 s instead of two minutes.
QUICK = ["--ping-seconds", "2", "--freeze-seconds", "15", "--stop-seconds", "5"]
COMMANDS = {
    "web": _web,
    "workers": lambda _: [sys.executable, "manage.py", "runworkers", *QUICK],
    "poller": lambda _: [sys.executable, "manage.py", "poll"],
    "live": _live,
}
# Pages do without the live process; tests that want it name it.
USUAL = ("web", "workers", "poller")


@contextmanager
def product(
    *,
    database: str,
    fal: SandboxHandle,
    media: Path,
    names: tuple[str, ...] = USUAL,
    quiet_webhooks: bool = False,
    **environment: str,
) -> Iterator[Product]:
    """Start the named processes. Webhooks reach the web process when it is among them, unless told to be quiet."""
    port = free_port()
    settings = {
        "DATABASE_URL": database,
        "SANDBOX_URL": fal.url,
        "FAL_KEY": "",
        "MEDIA_ROOT": str(media),
        "PUBLIC_URL": f"http://127.0.0.1:{port}" if "web" in names and not quiet_webhooks else "",
        "LIVE_URL": f"http://127.0.0.1:{free_port()}" if "live" in names else "",
        "LIVE_ORIGINS": f"http://127.0.0.1:{port},http://localhost:{port}",
        "FAL_LOST_REPLY_SECONDS": "3",
        "LOG_LEVEL": "WARNING",
        **environment,
    }
    made = Product({**settings, "PATH": os.environ["PATH"]}, port, fal, media)
    try:
        for name in names:
            made.start(name)
        if "web" in names:
            made.wait_for_web()
        yield made
    finally:
        for program in made.running.values():
            processes.stop(program.child, grace=10)
        for stack in made.stacks.values():
            stack.close()
