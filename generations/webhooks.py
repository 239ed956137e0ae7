"""Where fal reports finished requests: verify, store, answer. Everything else happens in a task."""

import base64
import binascii
import hashlib
import time
from collections.abc import Mapping
from typing import Final
from uuid import UUID

import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from generations import fal_gateway
from generations.services.receipts import ForeignWebhook, store_receipt

BODY_MAX_BYTES: Final = 1_000_000
CLOCK_TOLERANCE_SECONDS: Final = 300
KEYS_CACHE: Final = "fal-webhook-keys"
KEYS_SECONDS: Final = 12 * 3600
# A failure to get the keys is remembered briefly, so that a storm of deliveries does not become one of requests.
FAILURE_SECONDS: Final = 10

logger = structlog.get_logger(__name__)


class KeysUnavailable(Exception):
    pass


@csrf_exempt
@login_not_required
@require_POST
def fal_webhook(request: HttpRequest, token: UUID) -> HttpResponse:
    """200 stored (also when repeated), 401 not fal's or not ours, 413 too long, 503 keys unavailable: fal retries."""
    if int(request.headers.get("Content-Length") or 0) > BODY_MAX_BYTES:
        return JsonResponse({"detail": "too long"}, status=413)
    body = request.body
    try:
        if not is_signed(headers=request.headers, body=body, now=time.time()):
            logger.warning("webhook_refused", reason="signature")
            return JsonResponse({"detail": "signature"}, status=401)
    except KeysUnavailable:
        return JsonResponse({"detail": "keys unavailable"}, status=503, headers={"Retry-After": "30"})
    try:
        store_receipt(token=token, request_id=request.headers["X-Fal-Webhook-Request-Id"], body=body)
    except ForeignWebhook as error:
        logger.warning("webhook_refused", reason="foreign")
        return JsonResponse({"detail": error.message}, status=401)
    return JsonResponse({"status": "ok"})


def is_signed(*, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether fal signed these bytes within the last 300 s, per its webhook documentation.

    The message is request id, user id, timestamp and the body's SHA-256 in hex, joined by newlines.
    """
    names = ("Request-Id", "User-Id", "Timestamp", "Signature")
    request_id, user_id, timestamp, signature = (headers.get(f"X-Fal-Webhook-{name}", "") for name in names)
    if not (request_id and user_id and timestamp.isascii() and timestamp.isdigit() and len(signature) == 128):
        return False
    if len(timestamp) > 12 or abs(now - int(timestamp)) > CLOCK_TOLERANCE_SECONDS:
        return False
    if settings.FAL_USER_IDS and user_id not in settings.FAL_USER_IDS:
        return False
    digest = hashlib.sha256(body).hexdigest()
    message = f"{request_id}\n{user_id}\n{timestamp}\n{digest}".encode()
    try:
        raw = bytes.fromhex(signature)
    except ValueError:
        return False
    return any(_verifies(key, raw, message) for key in _keys())


def _keys() -> list[bytes]:
    cached = caches["local"].get(KEYS_CACHE)
    if cached is None:
        try:
            cached = [key for text in fal_gateway.fetch_webhook_keys() if (key := _decode(text))]
        except fal_gateway.FalError as error:
            logger.warning("webhook_keys_unavailable", detail=error.detail)
            cached = []
        caches["local"].set(KEYS_CACHE, cached, KEYS_SECONDS if cached else FAILURE_SECONDS)
    if not cached:
        raise KeysUnavailable
    return list(cached)


def _decode(text: str) -> bytes:
    """A key as published: base64url, with or without padding."""
    try:
        return base64.urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
    except (binascii.Error, ValueError):
        return b""


def _verifies(key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
