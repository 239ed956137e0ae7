"""The public keys that fal signs its webhooks with."""

import httpx
from django.conf import settings

from generations.fal_gateway.connection import QUICK_TIMEOUT, connected, read_object
from generations.fal_gateway.errors import FalError


def fetch_webhook_keys() -> list[str]:
    """fal's public Ed25519 keys, base64url as published. Raises FalError."""
    with connected(QUICK_TIMEOUT) as client:
        try:
            reply = read_object(client.get(f"{settings.FAL_REST_URL}/.well-known/jwks.json"))
        except (httpx.HTTPError, ValueError) as error:
            raise FalError(f"{type(error).__name__} while asking for the webhook keys") from error
    keys = [key.get("x") for key in reply.get("keys") or () if isinstance(key, dict)]
    return [key for key in keys if isinstance(key, str)]
