"""How an API key is written, and how its secret is kept.

A key reads `ltx_live_<public id>_<secret><checksum>`. The public id (12 characters) finds the row. The
secret (32 characters of base 62, 190 bits) proves the right to it. The checksum (6 characters) is the CRC-32,
in base 62, of all that stands before it: a mistyped key costs no query, and scanners tell keys from noise.
Clients of fal want a key as `<id>:<secret>`: the same key then reads `<public id>:<secret><checksum>`.
"""

import hmac
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Final
from zlib import crc32

from django.conf import settings

PREFIX: Final = "ltx_live_"
ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ID_LENGTH: Final = 12
SECRET_LENGTH: Final = 32
CHECKSUM_LENGTH: Final = 6


@dataclass(frozen=True, slots=True)
class KeyParts:
    """A key in the right form; nothing is known yet about whether it opens anything."""

    public_id: str
    secret: str


def new_parts(public_id: str = "") -> KeyParts:
    """A key nobody has, or a new secret for the one with this public id."""
    return KeyParts(public_id or _random(ID_LENGTH), _random(SECRET_LENGTH))


def parse(text: str) -> KeyParts | None:
    """The parts of a key in either form whose checksum is right, else None. Asks no database."""
    if ":" in text and not text.startswith(PREFIX):
        text = PREFIX + text.replace(":", "_", 1)
    body, checksum = text[:-CHECKSUM_LENGTH], text[-CHECKSUM_LENGTH:]
    public_id, separator, secret = body.removeprefix(PREFIX).partition("_")
    if not body.startswith(PREFIX) or not separator:
        return None
    if len(public_id) != ID_LENGTH or len(secret) != SECRET_LENGTH or not text.isascii():
        return None
    if checksum != _checksum(body):
        return None
    return KeyParts(public_id, secret)


def written(parts: KeyParts) -> str:
    body = f"{PREFIX}{parts.public_id}_{parts.secret}"
    return body + _checksum(body)


def for_fal_clients(plain: str) -> str:
    """The same key as fal's clients want theirs: `<id>:<secret>`."""
    return plain.removeprefix(PREFIX).replace("_", ":", 1)


def hash_secret(secret: str) -> str:
    """HMAC-SHA256, in hex, under a key that follows from SECRET_KEY: nobody who can only write to the database makes
    a key that opens anything. Fast on purpose: 190 random bits cannot be guessed."""
    return _keyed(settings.SECRET_KEY, secret)


def hashes_of(secret: str) -> Iterator[str]:
    """What the secret's stored hash may be: under SECRET_KEY, then under each of SECRET_KEY_FALLBACKS."""
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        yield _keyed(key, secret)


def _keyed(key: str, secret: str) -> str:
    # Of a hash and not of the secret itself, so that rows from the time before keys could be brought along.
    digest = sha256(secret.encode()).hexdigest()
    return hmac.digest(_derived(key), digest.encode(), "sha256").hex()


@lru_cache(maxsize=8)
def _derived(key: str) -> bytes:
    return sha256(b"accounts.api_key" + key.encode()).digest()


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _checksum(text: str) -> str:
    number = crc32(text.encode())
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        number, place = divmod(number, len(ALPHABET))
        digits = ALPHABET[place] + digits
    return digits
