"""Encrypts what the database keeps and we must read again, with a key made from SECRET_KEY.

SECRET_KEY_FALLBACKS are tried for reading, so that the key can be changed without losing anything.
"""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


def encrypt(text: str) -> str:
    return _box((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)).encrypt(text.encode()).decode()


def decrypt(encrypted: str) -> str:
    """Raises cryptography.fernet.InvalidToken when no present key wrote it."""
    return _box((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)).decrypt(encrypted.encode()).decode()


@lru_cache(maxsize=4)
def _box(secrets: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_key(secret)) for secret in secrets])


def _key(secret: str) -> bytes:
    derived = HKDF(SHA256(), length=32, salt=None, info=b"ltxplatform stored secrets").derive(secret.encode())
    return base64.urlsafe_b64encode(derived)
