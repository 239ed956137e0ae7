"""The whole platform in one terminal: database, stand-ins, web, workers, poller, live process and a demo team."""

import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import StringIO
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from ltxplatform import embedded_postgres, env, probe, processes
from ltxplatform.foreman import Foreman, Program, say

MANAGE = [sys.executable, settings.BASE_DIR / "manage.py"]
HOST = "127.0.0.1"
WEB_THREADS = 2 * (os.cpu_count() or 1) + 1  # most wait for the database
WEB_SECONDS = 60
REVIVE_SECONDS = 5  # between attempts to start a database again that does not come up


class Command(BaseCommand):
    help = "Start everything with a demo team, and print the address. Ctrl-C stops all."

    def handle(self, *args: Any, **options: Any) -> None:
        self.port = env.integer("PORT", default=8000, minimum=1, maximum=65535)
        self.site = f"http://{HOST}:{self.port}/"
        self.live = settings.LIVE_URL or f"http://{HOST}:{self.port + 1}"
        self.stopping = threading.Event()
        self.revive_at = 0.0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self.stopping.set())
        with ExitStack() as stack:
            stack.enter_context(only_demo_here(self.site))
            self.check_ports()
            self.environment = {
                "PYTHONUNBUFFERED": "1",
                "DATABASE_URL": database_address(),
                "LIVE_URL": self.live,
                "LIVE_ORIGINS": f"{self.site.rstrip('/')},http://localhost:{self.port}",  # passkeys need the name
            }
            if settings.SANDBOX_IN_USE and not settings.PUBLIC_URL:
                self.environment["PUBLIC_URL"] = self.site.rstrip("/")
            foreman = Foreman()
            try:
                self.run(foreman, stack)
            finally:
                foreman.stop_all()  # before the database, which they use
            say("demo", "stopping")

    def check_ports(self) -> None:
        if not processes.port_is_free(self.port):
            raise CommandError(f"Port {self.port} is in use. Choose another: PORT={self.port + 2} make demo")
        if not processes.port_is_free(port := port_of(self.live)):
            raise CommandError(
                f"Port {port} is in use, and live updates need it. "
                f"Choose another: LIVE_URL=http://{HOST}:{port + 1} make demo"
            )
        if settings.SANDBOX_IN_USE and not processes.port_is_free(port := port_of(settings.SANDBOX_URL)):
            raise CommandError(
                f"Port {port} is in use, and the stand-ins for fal and Stripe need it. "
                f"Choose another: SANDBOX_URL=http://{HOST}:{port + 1} make demo"
            )

    def start_database(self, stack: ExitStack) -> None:
        if settings.EMBEDDED_POSTGRES is None:
            return
        try:
            stack.enter_context(embedded_postgres.running(settings.EMBEDDED_POSTGRES))
        except embedded_postgres.EmbeddedPostgresError as error:
            raise CommandError(str(error)) from error

    def run(self, foreman: Foreman, stack: ExitStack) -> None:
        """Let what needs no tables load beside the database and its migrations, then start the rest; watch until
        told to stop."""
        if settings.SANDBOX_IN_USE:
            foreman.add(self.program("sandbox", sys.executable, "-m", "sandbox", *sandbox_options(self.site)))
        foreman.add(self.program("web", *web_command(self.port)))
        self.start_database(stack)
        welcome = prepare_data()
        # Tasks may be cut short here: each can run again.
        foreman.add(self.program("workers", *MANAGE, "runworkers", "--stop-seconds", "5", grace=8))
        foreman.add(self.program("poller", *MANAGE, "poll"))
        foreman.add(self.program("live", *live_command(port_of(self.live))))
        waited = 0.0
        while not self.stopping.is_set() and waited < WEB_SECONDS and not probe.answers(self.port):
            foreman.watch()
            waited += 0.1
            self.stopping.wait(0.1)
        if not self.stopping.is_set():
            self.stdout.write(f"\n{welcome}\nltxplatform is ready: {self.site}\nStop it with Ctrl-C.\n\n")
            self.stdout.flush()
        while not self.stopping.wait(0.5):
            self.revive_database(stack)
            foreman.watch()

    def revive_database(self, stack: ExitStack) -> None:
        """What keeps a database from coming up again may pass, such as a full disk: everything else stays."""
        folder = settings.EMBEDDED_POSTGRES
        if (
            folder is None
            or time.monotonic() < self.revive_at
            or embedded_postgres.address(folder) is not None
        ):
            return
        say("database", "ended, starting again")
        try:
            self.start_database(stack)
        except CommandError as error:
            say("database", f"{error} Trying again in {REVIVE_SECONDS} s.")
            self.revive_at = time.monotonic() + REVIVE_SECONDS

    def program(self, name: str, *command: Any, grace: float = 5) -> Program:
        return Program(name, command, self.environment, grace)


def database_address() -> str:
    """Known before the server runs, so that it can start while the programs load."""
    if settings.EMBEDDED_POSTGRES is None:
        return env.secret("DATABASE_URL")
    return embedded_postgres.expected_address(settings.EMBEDDED_POSTGRES)


@contextmanager
def only_demo_here(site: str) -> Iterator[None]:
    """Two demos of one checkout would share a database, but not each other's workers."""
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    with (settings.DATA_DIR / "demo.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CommandError(
                f"A demo of this checkout runs already at {lock.read().strip()} - stop it with Ctrl-C first."
            ) from None
        lock.truncate(0)
        lock.write(site)
        lock.flush()
        yield


def prepare_data() -> str:
    """Migrate and seed; returns what the seed has to tell, such as the demo logins."""
    told = StringIO()
    try:
        call_command("migrate", verbosity=0, interactive=False)
        call_command("seed_demo", stdout=told)
    finally:
        connections.close_all()
    return told.getvalue().strip()


def web_command(port: int) -> list[Any]:
    return [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", HOST, "--port", str(port)),
        *("--blocking-threads", str(WEB_THREADS), "--log-level", "warning", "ltxplatform.wsgi:application"),
    ]


def live_command(port: int) -> list[Any]:
    """One worker, for it holds the one listening connection. Each open page counts against the backpressure."""
    return [
        *(sys.executable, "-m", "granian", "--interface", "asgi", "--host", HOST, "--port", str(port)),
        *("--http", "1", "--no-ws", "--workers", "1", "--backlog", "4096", "--backpressure", "10000"),
        *("--workers-kill-timeout", "5", "--log-level", "warning", "ltxplatform.asgi:application"),
    ]


def port_of(address: str) -> int:
    return urlsplit(address).port or 80


def sandbox_options(site: str) -> list[str]:
    options = ["--port", str(port_of(settings.SANDBOX_URL)), "--data", str(settings.DATA_DIR / "sandbox")]
    if settings.STRIPE_SANDBOX_IN_USE:
        options += ["--stripe-webhook-url", f"{site}webhooks/stripe/"]
        options += ["--stripe-webhook-secret", settings.STRIPE_WEBHOOK_SECRET]
    return options
