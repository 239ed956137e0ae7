"""fal's result files: public addresses, fetched without our key."""

from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from generations.fal_gateway.connection import TIMEOUT, connected
from generations.fal_gateway.errors import FalError


@contextmanager
def open_media(url: str) -> Iterator[Iterator[bytes]]:
    """Stream a result file. Raises FalError (status 404 or 410: gone for good; 422: not a host of fal's)."""
    _expect_media_host(url)
    with connected(TIMEOUT) as client:
        try:
            with client.stream("GET", url) as response:
                if response.is_error:
                    raise FalError("The video could not be fetched.", status=response.status_code)
                yield response.iter_bytes(1 << 16)
        except httpx.HTTPError as error:
            raise FalError(f"{type(error).__name__} while fetching the video") from error


def _expect_media_host(url: str) -> None:
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    same_scheme = parts.scheme == urlsplit(settings.FAL_QUEUE_URL).scheme
    if not same_scheme or not any(fnmatchcase(host, pattern) for pattern in settings.FAL_MEDIA_HOSTS):
        raise FalError(f"The result points at an unexpected host: {host[:100]}", status=422)
