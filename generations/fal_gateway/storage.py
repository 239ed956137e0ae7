"""fal's storage: the pictures it is to animate."""

import json
from typing import IO, Final
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from generations.fal_gateway.connection import UPLOAD_TIMEOUT, connected, read_object, read_text
from generations.fal_gateway.errors import FalError
from generations.fal_gateway.keys import authorization

# How long fal keeps the picture it was sent; our copy is the one that lasts.
PICTURE_LIFE_SECONDS: Final = 24 * 3600
PICTURE_LIFECYCLE: Final = json.dumps({"expiration_duration_seconds": PICTURE_LIFE_SECONDS})


def upload_picture(*, key: str, content: IO[bytes], content_type: str, file_name: str) -> str:
    """Store a picture at fal and return its address there. Raises FalError; repeating is harmless.

    The address is public, so that jobs of any key can name it.
    """
    body = {"content_type": content_type, "file_name": file_name}
    headers = {**authorization(key), "X-Fal-Object-Lifecycle-Preference": PICTURE_LIFECYCLE}
    url = f"{settings.FAL_REST_URL}/storage/upload/initiate?storage_type=fal-cdn-v3"
    with connected(UPLOAD_TIMEOUT) as client:
        try:
            reply = read_object(client.post(url, json=body, headers=headers))
            target, address = read_text(reply, "upload_url"), read_text(reply, "file_url")
            _expect_host(target)
            sent = client.put(target, content=content.read(), headers={"Content-Type": content_type})
        except (httpx.HTTPError, ValueError) as error:
            raise FalError(f"{type(error).__name__} while uploading the picture") from error
    if sent.is_error:
        raise FalError("The picture upload was refused.", status=sent.status_code)
    return address


def _expect_host(url: str) -> None:
    """Upload targets are signed addresses; plain HTTP only where the service itself speaks it (loopback)."""
    parts = urlsplit(url)
    same_scheme = parts.scheme == urlsplit(settings.FAL_REST_URL).scheme
    if not same_scheme or not parts.hostname:
        raise ValueError("unexpected upload address")
