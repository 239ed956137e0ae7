"""fal's list of requests is read to its end, however long it is."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from generations import fal_gateway
from generations.fal_gateway import platform_api

pytestmark = pytest.mark.django_db
PAGE = 50


@pytest.fixture
def published(settings) -> Iterator[list[str]]:
    """Names of requests that fal lists, in pages of fifty; the test fills it."""
    names: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            start = int(parse_qs(urlsplit(self.path).query).get("cursor", ["0"])[0])
            items = [{"request_id": name, "json_input": {"seed": 1}} for name in names[start : start + PAGE]]
            following = str(start + PAGE) if start + PAGE < len(names) else None
            content = json.dumps({"items": items, "next_cursor": following}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    settings.FAL_API_URL = f"http://127.0.0.1:{server.server_port}"
    yield names
    server.shutdown()
    thread.join()
    server.server_close()


def test_more_requests_than_a_full_window_of_five_thousand(published):
    published += [f"request-{number}" for number in range(5_020)]

    listed = fal_gateway.list_requests(key="main", since=timezone.now())

    assert [item.request_id for item in listed] == published


def test_a_list_that_does_not_end_is_no_answer(published, monkeypatch):
    monkeypatch.setattr(platform_api, "PAGES_MAX", 3)
    published += [f"request-{number}" for number in range(3 * PAGE + 1)]

    with pytest.raises(fal_gateway.FalError):
        fal_gateway.list_requests(key="main", since=timezone.now())
