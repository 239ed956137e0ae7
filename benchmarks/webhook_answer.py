"""How long fal waits for our answer to a webhook: the web process verifies, stores and answers 200.

Four hundred signed deliveries over four connections to the product's own web process, each about another request. Run
by `python -m benchmarks.webhook_answer`. Reference in the same run: `/ready`, which asks the database once.
"""

import hashlib
import json
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median, quantiles
from uuid import uuid4

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

DELIVERIES = 400
AT_ONCE = 4
GOAL_MS = 100
KEY = Ed25519PrivateKey.generate()


def main() -> None:
    from benchmarks._surroundings import prepared_database
    from tests.support.sandbox_process import sandbox_server

    with (
        tempfile.TemporaryDirectory(prefix="bench") as folder,
        prepared_database(Path(folder)) as address,
        sandbox_server() as fal,
    ):
        from tests.support.product import product  # asks for settings, which name the database

        tokens = _submissions()
        keys = _published_keys()
        with (
            product(
                database=address, fal=fal, media=Path(folder) / "media", names=("web",), FAL_REST_URL=keys
            ) as running,
            httpx.Client(base_url=running.url, trust_env=False) as client,
        ):
            _report("GET /ready", _timed(lambda _: client.get("/ready"), range(DELIVERIES), 200))
            webhooks = _timed(lambda about: _deliver(client, *about), tokens, 200)
        _report("webhook", webhooks, goal=GOAL_MS)


def _submissions() -> list[tuple[str, str]]:
    """Token and request id of as many requests of one job; their state keeps them from being its live one."""
    from generations.models import Submission
    from tests.support import factories

    team = factories.make_team()
    factories.give_credits(team)
    generation = factories.make_generation(team)
    rows = Submission.objects.bulk_create(
        Submission(generation=generation, number=number, state="abandoned", request_id=str(uuid4()))
        for number in range(DELIVERIES)
    )
    return [(str(row.token), str(row.request_id)) for row in rows]


def _published_keys() -> str:
    """The address of a server that publishes our key as fal does its own."""
    public = b64encode(KEY.public_key().public_bytes_raw()).decode()
    body = json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": public}]}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def _deliver(client: httpx.Client, token: str, request_id: str) -> httpx.Response:
    body = json.dumps({"request_id": request_id, "status": "OK", "payload": {"filler": "x" * 500}}).encode()
    sent_at = str(int(time.time()))
    message = f"{request_id}\nuser\n{sent_at}\n{hashlib.sha256(body).hexdigest()}".encode()
    headers = {
        "X-Fal-Webhook-Request-Id": request_id,
        "X-Fal-Webhook-User-Id": "user",
        "X-Fal-Webhook-Timestamp": sent_at,
        "X-Fal-Webhook-Signature": KEY.sign(message).hex(),
        "Content-Type": "application/json",
    }
    return client.post(f"/webhooks/fal/{token}/", content=body, headers=headers)


def _timed(ask: Callable, about: object, status: int) -> list[float]:
    """Milliseconds of each call, `AT_ONCE` at a time."""

    def one(item: object) -> float:
        began = time.perf_counter()
        answer = ask(item)
        assert answer.status_code == status, answer.text
        return (time.perf_counter() - began) * 1000

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, about))


def _report(name: str, milliseconds: list[float], *, goal: int = 0) -> None:
    p95 = quantiles(milliseconds, n=20)[-1]
    wish = f" (goal: p95 at most {goal} ms)" if goal else ""
    print(
        f"{name}: median {median(milliseconds):.1f} ms, p95 {p95:.1f} ms over {len(milliseconds)}{wish}",
        flush=True,
    )


if __name__ == "__main__":
    main()
