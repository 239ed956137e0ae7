"""The documented test vector, byte for byte."""

import hashlib

from sandbox.fal.signing import Signer, signed_message

REQUEST_ID = "123e4567-e89b-12d3-a456-426614174000"
USER_ID = "github|12345"
TIMESTAMP = 1735689600
BODY = (
    b'{"request_id":"123e4567-e89b-12d3-a456-426614174000",'
    b'"gateway_request_id":"123e4567-e89b-12d3-a456-426614174000","status":"OK",'
    b'"payload":{"video":{"url":"https://v3.fal.media/files/a/b.mp4"},"prompt":"x","seed":1}}'
)
SIGNATURE = (
    "541a77899b6f55c34142d81724f9050b8930e659477129c9fb88fd0a83c8950f"
    "5ccdb047373a46f1ee2dd74ed6d9d2e6b21984ae6b271f411feedb1c2b1e560c"
)


def test_the_documented_signature():
    signer = Signer(bytes(range(32)))

    headers = signer.headers(request_id=REQUEST_ID, user_id=USER_ID, timestamp=TIMESTAMP, body=BODY)

    assert headers == {
        "X-Fal-Webhook-Request-Id": REQUEST_ID,
        "X-Fal-Webhook-User-Id": USER_ID,
        "X-Fal-Webhook-Timestamp": str(TIMESTAMP),
        "X-Fal-Webhook-Signature": SIGNATURE,
    }


def test_the_documented_key_set():
    assert Signer(bytes(range(32))).jwks() == {
        "keys": [{"kty": "OKP", "crv": "Ed25519", "x": "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="}]
    }


def test_the_documented_message():
    message = signed_message(request_id=REQUEST_ID, user_id=USER_ID, timestamp=str(TIMESTAMP), body=BODY)

    assert hashlib.sha256(BODY).hexdigest().startswith("3e5e893e524b68c2")
    assert len(message) == 125
    assert not message.endswith(b"\n")
