"""A web server that accepts webhooks and keeps them as they came."""

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Delivery:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def as_client_kwargs(self) -> dict:
        """For `client.post(**…)`: the same bytes and headers."""
        return {
            "path": self.path,
            "data": self.body,
            "content_type": "application/json",
            "headers": {
                name: value for name, value in self.headers.items() if name.lower().startswith("x-fal")
            },
        }


class WebhookReceiver:
    """Answers 200 to everything; `next()` waits for the next delivery."""

    def __init__(self) -> None:
        self.deliveries: queue.Queue[Delivery] = queue.Queue()
        kept = self.deliveries

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                kept.put(Delivery(self.path, dict(self.headers.items()), body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> "WebhookReceiver":
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def next(self, seconds: float = 10) -> Delivery:
        return self.deliveries.get(timeout=seconds)

    def __iter__(self) -> Iterator[Delivery]:
        while not self.deliveries.empty():
            yield self.deliveries.get_nowait()
