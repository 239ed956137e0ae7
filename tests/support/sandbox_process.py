"""Starts the stand-ins for fal and Stripe for a test: its own process, a free port, a directory of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.support.stripe_sandbox import StripeSandbox

CHECKOUT = Path(__file__).resolve().parents[2]
START_SECONDS = 20.0


@dataclass
class SandboxHandle:
    """A running stand-in. `url` stays the same when it is killed and started again."""

    data: Path
    options: dict[str, Any]
    url: str = ""
    process: subprocess.Popen[str] | None = None
    log_path: Path = field(default_factory=Path)
    _client: httpx.Client | None = None

    # -- the product's settings for it

    @property
    def fal_settings(self) -> dict[str, Any]:
        """FAL_* settings that point the product here."""
        return {
            "FAL_KEY": "sandbox-key:sandbox-secret",
            "FAL_QUEUE_URL": f"{self.url}/queue",
            "FAL_RUN_URL": f"{self.url}/run",
            "FAL_REST_URL": f"{self.url}/rest",
            "FAL_CDN_URL": f"{self.url}/cdn",
            "FAL_API_URL": f"{self.url}/api/v1",
            "FAL_MEDIA_HOSTS": ["127.0.0.1"],
        }

    @property
    def stripe(self) -> StripeSandbox:
        """The Stripe half of this process."""
        return StripeSandbox(self.url, self.http)

    @property
    def stripe_settings(self) -> dict[str, Any]:
        """STRIPE_* settings that point the product here."""
        return {
            "STRIPE_SECRET_KEY": "sk_test_sandbox",
            "STRIPE_WEBHOOK_SECRET": "whsec_sandbox",
            "STRIPE_API_URL": f"{self.url}/stripe",
        }

    # -- control

    def _call(self, method: str, path: str, **kwargs: Any) -> Any:
        response = self.http().request(method, f"{self.url}/control/{path}", **kwargs)
        assert response.is_success, f"control {path}: {response.status_code} {response.text}"
        return response.json()

    def control(self, json: dict[str, Any] | None = None, **knobs: Any) -> dict[str, Any]:
        """Set knobs, given as a dictionary, as keywords or both; the others stay."""
        return dict(self._call("PUT", "knobs", json={**(json or {}), **knobs}))

    def rule(self, step: str, fault: str, **fields: Any) -> str:
        """Add one fault and return the rule's id."""
        return str(self._call("POST", "rules", json={"step": step, "fault": fault, **fields})["id"])

    def rules(self) -> list[dict[str, Any]]:
        """All rules with how often each struck."""
        return list(self._call("GET", "rules"))

    def requests(self, prompt: str = "") -> list[dict[str, Any]]:
        """Every request ever accepted, oldest first; with `prompt`, those whose prompt contains it."""
        return list(self._call("GET", "requests", params={"prompt": prompt}))

    def summary(self) -> dict[str, Any]:
        """Counts of requests by state, without their contents."""
        return dict(self._call("GET", "summary"))

    def reset(self) -> None:
        """Forget all requests, uploads, payments, rules and changed knobs, at fal and at Stripe."""
        self._call("POST", "reset")
        self.stripe.reset()

    # -- the process

    def start(self) -> None:
        """Start it and wait until it answers."""
        port = self.url.rpartition(":")[2] or str(self.options.get("port", 0))
        command = [sys.executable, "-m", "sandbox", "--port", port, "--data", str(self.data)]
        for name, value in self.options.items():
            if name != "port" and value is not None:
                command += [f"--{name.replace('_', '-')}", str(value)]
        self.log_path = self.data / "sandbox.log"
        with self.log_path.open("a") as log:
            self.process = subprocess.Popen(
                command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert " is ready at " in line, f"the sandbox did not start: {self.log()}"
        self.url = line.rpartition(" ")[2].strip()
        self._wait_for_health()

    def http(self) -> httpx.Client:
        """A client without a key, made once: each new one reads all root certificates."""
        if self._client is None:
            certificate = self.options.get("tls_cert")
            trusted = ssl.create_default_context(cafile=certificate) if certificate else True
            self._client = httpx.Client(trust_env=False, timeout=30, verify=trusted)
        return self._client

    def _wait_for_health(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                if self.http().get(f"{self.url}/health").status_code == 200:
                    return
            time.sleep(0.05)
        raise AssertionError(f"the sandbox is not healthy: {self.log()}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it with that signal and return its exit status."""
        assert self.process is not None
        if self._client is not None:
            self._client.close()
            self._client = None
        self.process.send_signal(number)
        status = self.process.wait(timeout=10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None
        return status

    def kill(self) -> None:
        """End it without warning, as a crash would."""
        self.stop(signal.SIGKILL)

    def log(self) -> str:
        """What it wrote to stderr so far."""
        return self.log_path.read_text() if self.log_path.is_file() else ""


@contextmanager
def sandbox_server(**options: Any) -> Iterator[SandboxHandle]:
    """A running stand-in; options are those of its command line with underscores.

    It is fast unless told otherwise: no waiting in line, a tenth of a second of inference.
    """
    chosen = {"queue_seconds": 0.0, "inference_seconds": 0.1, "concurrency": 1000, **options}
    with tempfile.TemporaryDirectory(prefix="sandbox-") as directory:
        data = Path(str(chosen.pop("data", directory)))
        os.makedirs(data, exist_ok=True)
        handle = SandboxHandle(data=data, options=chosen)
        handle.start()
        try:
            yield handle
        finally:
            if handle.process is not None:
                handle.stop()
