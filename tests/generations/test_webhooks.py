"""fal's webhooks at the door: what is let in, and that nothing else is stored."""

import hashlib
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.cache import caches
from django.urls import reverse

from generations.models import WebhookReceipt
from generations.webhooks import BODY_MAX_BYTES, is_signed
from tests.support import flow
from tests.support.factories import make_generation

SEED = bytes(range(32))
KEY = "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
REQUEST = "123e4567-e89b-12d3-a456-426614174000"
SENT_AT = 1735689600
# The vector of fal's documentation as worked out in the protocol reference: no trailing newline.
BODY = (
    b'{"request_id":"123e4567-e89b-12d3-a456-426614174000",'
    b'"gateway_request_id":"123e4567-e89b-12d3-a456-426614174000","status":"OK","payload":'
    b'{"video":{"url":"https://v3.fal.media/files/a/b.mp4"},"prompt":"x","seed":1}}'
)
HEADERS = {
    "X-Fal-Webhook-Request-Id": REQUEST,
    "X-Fal-Webhook-User-Id": "github|12345",
    "X-Fal-Webhook-Timestamp": str(SENT_AT),
    "X-Fal-Webhook-Signature": "541a77899b6f55c34142d81724f9050b8930e659477129c9fb88fd0a83c8950f"
    "5ccdb047373a46f1ee2dd74ed6d9d2e6b21984ae6b271f411feedb1c2b1e560c",
}


@pytest.fixture
def publish(settings) -> Iterator:
    """Serve a key set where fal would; returns the function that changes it."""
    published: dict[str, object] = {"status": 200, "body": {}}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = json.dumps(published["body"]).encode()
            self.send_response(published["status"])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    settings.FAL_REST_URL = f"http://127.0.0.1:{server.server_port}"
    caches["local"].clear()

    def change(*keys: str, status: int = 200) -> None:
        caches["local"].clear()
        published["status"] = status
        published["body"] = {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": key} for key in keys]}

    yield change
    server.shutdown()
    thread.join()
    server.server_close()
    caches["local"].clear()


@pytest.mark.django_db
class TestSignature:
    @pytest.mark.parametrize("key", [KEY, KEY.rstrip("=")])
    def test_the_documented_vector_verifies_padded_and_unpadded(self, publish, key):
        publish("bm90IGEga2V5", key)

        assert is_signed(headers=HEADERS, body=BODY, now=SENT_AT)

    @pytest.mark.parametrize(("offset", "expected"), [(300, True), (-300, True), (301, False), (-301, False)])
    def test_the_timestamp_may_be_five_minutes_off(self, publish, offset, expected):
        publish(KEY)

        assert is_signed(headers=HEADERS, body=BODY, now=SENT_AT + offset) is expected

    @pytest.mark.parametrize(
        "change",
        [
            {"X-Fal-Webhook-Request-Id": REQUEST.replace("1", "2")},
            {"X-Fal-Webhook-User-Id": "github|12346"},
            {"X-Fal-Webhook-Timestamp": str(SENT_AT + 1)},
            {"X-Fal-Webhook-Timestamp": "soon"},
            {"X-Fal-Webhook-Timestamp": "9" * 400},
            {"X-Fal-Webhook-Signature": "0" * 128},
            {"X-Fal-Webhook-Signature": "z" * 128},
            {"X-Fal-Webhook-Signature": ""},
        ],
    )
    def test_any_change_breaks_it(self, publish, change):
        publish(KEY)

        assert not is_signed(headers={**HEADERS, **change}, body=BODY, now=SENT_AT)

    def test_other_bytes_break_it(self, publish):
        publish(KEY)

        assert not is_signed(headers=HEADERS, body=BODY + b"\n", now=SENT_AT)

    def test_another_customer_is_refused_when_ours_is_pinned(self, publish, settings):
        publish(KEY)
        settings.FAL_USER_IDS = ["github|99", "github|123"]

        assert not is_signed(headers=HEADERS, body=BODY, now=SENT_AT)


def signed(body: bytes, request_id: str) -> dict[str, str]:
    """Headers as fal would send them now, with the vector's key."""
    sent_at = str(int(time.time()))
    message = f"{request_id}\nuser\n{sent_at}\n{hashlib.sha256(body).hexdigest()}".encode()
    signature = Ed25519PrivateKey.from_private_bytes(SEED).sign(message).hex()
    values = (request_id, "user", sent_at, signature)
    return dict(zip(HEADERS, values, strict=True))


@pytest.mark.django_db
class TestDoor:
    @pytest.fixture
    def submission(self, fal, team, settings):
        settings.PUBLIC_URL = "http://127.0.0.1:9"
        generation = make_generation(team)
        flow.dispatch_all()
        return generation.submissions.get()

    def post(self, client, submission, request_id: str, *, named: str = "", **headers: str):
        body = json.dumps({"request_id": named or request_id, "status": "OK", "payload": {}}).encode()
        return client.post(
            reverse("generations:fal_webhook", args=[submission.token]),
            data=body,
            content_type="application/json",
            headers={**signed(body, request_id), **headers},
        )

    def test_ours_is_stored_once_however_often_it_comes(self, client, submission, publish):
        publish(KEY)

        answers = [self.post(client, submission, submission.request_id).status_code for _ in range(3)]

        assert answers == [200, 200, 200]
        assert WebhookReceipt.objects.count() == 1

    def test_a_well_signed_request_of_another_customer_is_refused(self, client, submission, publish):
        publish(KEY)

        assert self.post(client, submission, "somebody-elses").status_code == 401
        assert self.post(client, submission, submission.request_id, named="another").status_code == 401
        submission.token = "00000000-0000-0000-0000-000000000000"
        assert self.post(client, submission, submission.request_id).status_code == 401
        assert not WebhookReceipt.objects.exists()

    def test_a_forged_one_is_refused(self, client, submission, publish):
        publish(KEY)

        answer = self.post(
            client, submission, submission.request_id, **{"X-Fal-Webhook-Signature": "ab" * 64}
        )

        assert answer.status_code == 401
        assert not WebhookReceipt.objects.exists()

    def test_without_keys_fal_is_asked_to_come_again(self, client, submission, publish):
        publish(status=500)

        answer = self.post(client, submission, submission.request_id)

        assert (answer.status_code, answer["Retry-After"]) == (503, "30")
        assert not WebhookReceipt.objects.exists()

    def test_a_huge_body_is_refused_unread(self, client, submission):
        answer = client.post(
            reverse("generations:fal_webhook", args=[submission.token]),
            data=b"x" * (BODY_MAX_BYTES + 1),
            content_type="application/json",
        )

        assert answer.status_code == 413

    def test_only_posts(self, client, submission):
        assert client.get(reverse("generations:fal_webhook", args=[submission.token])).status_code == 405
