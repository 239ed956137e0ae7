"""One stand-in for all tests of it, forgotten between them; a client, a picture, a receiver of webhooks."""

import base64
import io
import ssl
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image, ImageDraw

from tests.sandbox.receiver import Receiver
from tests.support.sandbox_process import SandboxHandle, sandbox_server

APP = "fal-ai/ltxv-13b-098-distilled"
ENDPOINT = f"{APP}/image-to-video"


def picture(width: int = 160, height: int = 90, kind: str = "JPEG") -> bytes:
    """A small picture with shapes in it."""
    image = Image.new("RGB", (width, height), (40, 90, 140))
    draw = ImageDraw.Draw(image)
    draw.ellipse((width * 0.3, height * 0.2, width * 0.6, height * 0.8), fill=(240, 180, 60))
    draw.line((0, height, width, 0), fill=(250, 250, 250), width=3)
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def data_uri(data: bytes | None = None) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(data or picture()).decode()


# Shared by all clients: making one reads every root certificate, which takes longer than most tests.
TRUST = ssl.create_default_context()
nobody = httpx.Client(trust_env=False, timeout=20, verify=TRUST)


class Fal:
    """A hand-written client, so that every byte of the protocol can be looked at."""

    def __init__(self, url: str, key: str = "tester:secret") -> None:
        self.url = url
        self.http = httpx.Client(
            headers={"Authorization": f"Key {key}"}, trust_env=False, timeout=20, verify=TRUST
        )

    def __enter__(self) -> "Fal":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def input(self, **changes: Any) -> dict[str, Any]:
        """The smallest clip, always the same one unless changed: rendered once for all tests."""
        small = {"num_frames": 9, "resolution": "480p", "aspect_ratio": "1:1", "seed": 1}
        return {"prompt": "a test", "image_url": data_uri(), **small, **changes}

    def submit(
        self, query: dict[str, Any] | None = None, headers: Any = None, **changes: Any
    ) -> httpx.Response:
        url = f"{self.url}/queue/{ENDPOINT}"
        return self.http.post(url, params=query, headers=headers, json=self.input(**changes))

    def submitted(self, **kwargs: Any) -> str:
        response = self.submit(**kwargs)
        assert response.status_code == 200, response.text
        return str(response.json()["request_id"])

    def request(self, request_id: str, suffix: str = "", base: str = APP) -> str:
        return f"{self.url}/queue/{base}/requests/{request_id}{suffix}"

    def status(self, request_id: str, **query: Any) -> httpx.Response:
        return self.http.get(self.request(request_id, "/status"), params=query)

    def result(self, request_id: str) -> httpx.Response:
        return self.http.get(self.request(request_id))

    def cancel(self, request_id: str) -> httpx.Response:
        return self.http.put(self.request(request_id, "/cancel"))

    def until(self, request_id: str, state: str = "COMPLETED", seconds: float = 30) -> dict[str, Any]:
        """Wait for a state and return the status object that shows it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            body = self.status(request_id).json()
            if body["status"] == state:
                return dict(body)
            time.sleep(0.02)
        raise AssertionError(f"still {body}")

    def finished(self, **kwargs: Any) -> tuple[str, httpx.Response]:
        """Submit, wait for the end, fetch the result."""
        request_id = self.submitted(**kwargs)
        self.until(request_id)
        return request_id, self.result(request_id)

    def api(self, path: str, **query: Any) -> httpx.Response:
        return self.http.get(f"{self.url}/api/v1/{path}", params=query)


@pytest.fixture(scope="session", autouse=True)
def _close_nobody() -> Iterator[None]:
    yield
    nobody.close()


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[SandboxHandle]:
    with sandbox_server(inference_seconds=0) as handle:
        yield handle


@pytest.fixture
def sandbox(running_sandbox: SandboxHandle) -> SandboxHandle:
    running_sandbox.reset()
    return running_sandbox


@pytest.fixture
def fal(sandbox: SandboxHandle) -> Iterator[Fal]:
    with Fal(sandbox.url) as client:
        yield client


@pytest.fixture
def stranger(sandbox: SandboxHandle) -> Iterator[Fal]:
    with Fal(sandbox.url, key="stranger:secret") as client:
        yield client


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running
