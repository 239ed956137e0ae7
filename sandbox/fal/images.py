"""Gets the picture a request names: downloads its URL or decodes its data URI."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import httpx

MAX_BYTES = 30 * 1024 * 1024
TIMEOUT_SECONDS = 20.0


class ImageRefused(Exception):
    """The picture cannot be used; `kind` is fal's error type."""

    def __init__(self, kind: str, msg: str | None = None, ctx: dict[str, Any] | None = None) -> None:
        super().__init__(kind)
        self.kind = kind
        self.msg = msg
        self.ctx = ctx


def _too_large() -> ImageRefused:
    return ImageRefused("file_too_large", ctx={"max_size": MAX_BYTES})


def decode_data_uri(uri: str) -> bytes:
    """The bytes of `data:...;base64,...`. Raises ImageRefused."""
    header, comma, body = uri.partition(",")
    if not comma:
        raise ImageRefused("image_load_error")
    if len(body) > MAX_BYTES * 4 // 3 + 4:
        raise _too_large()
    if not header.endswith(";base64"):
        return unquote_to_bytes(body)
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageRefused("image_load_error") from error


async def _download(client: httpx.AsyncClient, url: str) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async with client.stream("GET", url, follow_redirects=True, timeout=TIMEOUT_SECONDS) as response:
        if response.status_code != 200:
            raise ImageRefused("file_download_error")
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > MAX_BYTES:
                raise _too_large()
            chunks.append(chunk)
    return b"".join(chunks)


async def fetch(client: httpx.AsyncClient, url: str, directory: Path) -> str:
    """Store the picture under the hash of its bytes and return that file name.

    Raises ImageRefused with the error fal would answer.
    """
    if url.startswith("data:"):
        data = decode_data_uri(url)
    elif url.startswith(("http://", "https://")):
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                data = await _download(client, url)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, UnicodeError) as error:
            raise ImageRefused("file_download_error") from error
    else:
        raise ImageRefused("file_download_error")
    if not data:
        raise ImageRefused("image_load_error")
    return await asyncio.to_thread(keep, data, directory)


def keep(data: bytes, directory: Path) -> str:
    """Write a picture under the hash of its bytes, once."""
    name = hashlib.sha256(data).hexdigest()
    path = directory / name
    if not path.exists():
        part = path.with_suffix(".part")
        part.write_bytes(data)
        part.replace(path)
    return name
