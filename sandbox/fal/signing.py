"""Ed25519 signatures as fal puts them on webhooks, and the key set that verifies them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def signed_message(*, request_id: str, user_id: str, timestamp: str, body: bytes) -> bytes:
    """The four lines that are signed, without a trailing newline."""
    return "\n".join([request_id, user_id, timestamp, hashlib.sha256(body).hexdigest()]).encode()


class Signer:
    """Holds one key; `seed` is its 32 bytes."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @property
    def public_x(self) -> str:
        """The public key in padded base64url, as fal serves it."""
        return base64.urlsafe_b64encode(self._key.public_key().public_bytes_raw()).decode()

    def jwks(self) -> dict[str, Any]:
        return {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": self.public_x}]}

    def headers(self, *, request_id: str, user_id: str, timestamp: int, body: bytes) -> Mapping[str, str]:
        """The four webhook headers for this body."""
        message = signed_message(request_id=request_id, user_id=user_id, timestamp=str(timestamp), body=body)
        return {
            "X-Fal-Webhook-Request-Id": request_id,
            "X-Fal-Webhook-User-Id": user_id,
            "X-Fal-Webhook-Timestamp": str(timestamp),
            "X-Fal-Webhook-Signature": self._key.sign(message).hex(),
        }
