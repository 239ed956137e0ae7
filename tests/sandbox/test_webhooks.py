"""Webhooks: signed, repeated, and broken on request."""

import base64
import hashlib
import json
import time

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.sandbox.conftest import nobody
from tests.sandbox.receiver import Post


def is_signed(post: Post, url: str) -> bool:
    """Whether fal's four steps accept the post."""
    headers = post.headers
    if abs(time.time() - int(headers["x-fal-webhook-timestamp"])) > 300:
        return False
    lines = [headers[f"x-fal-webhook-{name}"] for name in ("request-id", "user-id", "timestamp")]
    message = "\n".join([*lines, hashlib.sha256(post.body).hexdigest()]).encode()
    (key,) = nobody.get(f"{url}/rest/.well-known/jwks.json").json()["keys"]
    public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"]))
    try:
        public.verify(bytes.fromhex(headers["x-fal-webhook-signature"]), message)
    except InvalidSignature:
        return False
    return True


@pytest.fixture
def hook(receiver):
    return {"fal_webhook": f"{receiver.url}/hook?token=a%26b"}


def deliveries(sandbox):
    return sandbox.requests()[-1]["deliveries"]


def settle(sandbox):
    """Wait until the stand-in has noted the end of its deliveries."""
    deadline = time.monotonic() + 5
    while not sandbox.requests()[-1]["webhook_done"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_finished_request_is_announced(fal, sandbox, receiver, hook):
    request_id, result = fal.finished(query=hook)

    (post,) = receiver.wait(1)

    assert post.path == "/hook?token=a%26b"
    assert json.loads(post.body) == {
        "request_id": request_id,
        "gateway_request_id": request_id,
        "status": "OK",
        "payload": result.json(),
    }
    assert post.headers["x-fal-webhook-request-id"] == request_id
    assert len(post.headers["x-fal-webhook-signature"]) == 128
    assert is_signed(post, sandbox.url)
    settle(sandbox)
    assert [one["status_code"] for one in deliveries(sandbox)] == [200]


def test_a_failed_request_is_announced_with_its_error(fal, receiver, hook):
    _, result = fal.finished(query=hook, num_frames=1)

    body = json.loads(receiver.wait(1)[0].body)

    assert (body["status"], body["error"]) == ("ERROR", "Invalid status code: 422")
    assert body["payload"] == result.json()


def test_an_unacknowledged_webhook_is_repeated(fal, sandbox, receiver, hook):
    sandbox.control(webhook_retry_seconds=0.05)
    receiver.answers = [500, 404]
    fal.finished(query=hook)

    posts = receiver.wait(3)

    settle(sandbox)
    assert len({post.body for post in posts}) == 1
    assert [one["status_code"] for one in deliveries(sandbox)] == [500, 404, 200]
    assert [one["attempt"] for one in deliveries(sandbox)] == [1, 2, 3]


def test_it_gives_up_in_the_end(fal, sandbox):
    sandbox.control(webhook_retry_seconds=0.02, webhook_attempts=2)
    fal.finished(query={"fal_webhook": "http://127.0.0.1:9/nobody"})

    settle(sandbox)

    assert [one["error"] for one in deliveries(sandbox)] == ["ConnectError"] * 2


def test_a_redirect_is_final(fal, sandbox, receiver, hook):
    receiver.answers = [302]
    fal.finished(query=hook)

    settle(sandbox)

    assert [one["status_code"] for one in deliveries(sandbox)] == [302]


def test_withheld(fal, sandbox, receiver, hook):
    sandbox.rule("webhook", "withhold")
    fal.finished(query=hook)

    settle(sandbox)

    assert receiver.posts == []
    assert deliveries(sandbox)[0]["error"] == "withheld"


def test_late(fal, sandbox, receiver, hook):
    sandbox.rule("webhook", "delay", seconds=0.4)
    began = time.monotonic()
    fal.finished(query=hook)

    receiver.wait(1)

    assert time.monotonic() - began >= 0.4


def test_duplicated(fal, sandbox, receiver, hook):
    sandbox.rule("webhook", "duplicate", copies=3)
    fal.finished(query=hook)

    posts = receiver.wait(3)

    assert len({post.body for post in posts}) == 1
    assert all(is_signed(post, sandbox.url) for post in posts)


def test_unsigned(fal, sandbox, receiver, hook):
    sandbox.rule("webhook", "unsigned")
    fal.finished(query=hook)

    (post,) = receiver.wait(1)

    assert not any(name.startswith("x-fal-webhook") for name in post.headers)


@pytest.mark.parametrize("fault", ["wrong_signature", "stale"])
def test_not_to_be_trusted(fal, sandbox, receiver, hook, fault):
    sandbox.rule("webhook", fault)
    fal.finished(query=hook)

    (post,) = receiver.wait(1)

    assert not is_signed(post, sandbox.url)


def test_a_clock_that_is_wrong(fal, sandbox, receiver, hook):
    sandbox.control(clock_offset_seconds=-900)
    fal.finished(query=hook)

    (post,) = receiver.wait(1)

    assert int(post.headers["x-fal-webhook-timestamp"]) == pytest.approx(time.time() - 900, abs=5)


def test_unreadable(fal, sandbox, receiver, hook):
    sandbox.rule("webhook", "garbage")
    fal.finished(query=hook)

    (post,) = receiver.wait(1)

    assert is_signed(post, sandbox.url)
    with pytest.raises(ValueError, match="utf-8"):
        json.loads(post.body)


def test_a_payload_that_could_not_be_sent(fal, sandbox, receiver, hook):
    sandbox.rule("webhook", "payload_error")
    fal.finished(query=hook)

    body = json.loads(receiver.wait(1)[0].body)

    assert (body["payload"], body["payload_error"]) == (None, "Payload is not JSON")


def test_a_fault_can_strike_the_first_attempt_only(fal, sandbox, receiver, hook):
    sandbox.control(webhook_retry_seconds=0.05)
    sandbox.rule("webhook", "unsigned", times=1)
    receiver.answers = [401]
    fal.finished(query=hook)

    first, second = receiver.wait(2)

    assert "x-fal-webhook-signature" not in first.headers
    assert is_signed(second, sandbox.url)


def test_a_new_signing_key(fal, sandbox, receiver, hook):
    before = nobody.get(f"{sandbox.url}/rest/.well-known/jwks.json").json()
    sandbox._call("POST", "rotate-signing-key")
    fal.finished(query=hook)

    (post,) = receiver.wait(1)

    assert nobody.get(f"{sandbox.url}/rest/.well-known/jwks.json").json() != before
    assert is_signed(post, sandbox.url)
