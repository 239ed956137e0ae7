"""Connections to fal: time limits, certificates, and the readers every call shares."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

import httpx
from django.db import transaction

from generations.fal_gateway.errors import ErrorContext, FalError

TIMEOUT: Final = httpx.Timeout(20.0, connect=5.0)
UPLOAD_TIMEOUT: Final = httpx.Timeout(60.0, connect=5.0)
QUICK_TIMEOUT: Final = httpx.Timeout(5.0)
REPLY_MAX_BYTES: Final = 2_000_000


@contextmanager
def connected(timeout: httpx.Timeout) -> Iterator[httpx.Client]:
    """A client for one call. Raises RuntimeError inside a transaction."""
    with transaction.atomic(durable=True):
        pass  # durable: raises inside any other transaction
    with httpx.Client(
        timeout=timeout, verify=certificates(), trust_env=False, follow_redirects=False
    ) as client:
        yield client


@cache
def certificates() -> ssl.SSLContext:
    """Read the certificates once a process: that costs more than a whole call."""
    return httpx.create_ssl_context(trust_env=False)


def read_object(response: httpx.Response) -> dict[str, Any]:
    """The body as an object. Raises FalError for an error status, ValueError for anything that is not one."""
    if response.is_error:
        raise error_of(response)
    if len(response.content) > REPLY_MAX_BYTES:
        raise ValueError("too long")
    value = response.json()
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def read_text(reply: dict[str, Any], name: str) -> str:
    """A text of the reply that must be there. Raises ValueError."""
    value = reply.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is missing")
    return value


def error_of(response: httpx.Response) -> FalError:
    """fal's refusal as an exception."""
    error_type, detail, context = error_fields(response)
    return FalError(detail, status=response.status_code, error_type=error_type, context=context)


def error_fields(response: httpx.Response) -> tuple[str, str, ErrorContext]:
    """fal's error type, text and context, from any of its three error forms."""
    try:
        body = response.json()
    except ValueError:
        body = None
    detail = body.get("detail") if isinstance(body, dict) else None
    header = response.headers.get("x-fal-error-type", "")
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        first = detail[0]
        return str(first.get("type") or header), str(first.get("msg", "")), _context(first)
    own = body.get("error_type") if isinstance(body, dict) else ""
    return str(own or header or ""), str(detail or f"HTTP {response.status_code}"), ErrorContext()


def _context(item: dict[str, Any]) -> ErrorContext:
    place, values = item.get("loc"), item.get("ctx")
    return ErrorContext(
        place=tuple(str(part) for part in place) if isinstance(place, list) else (),
        values=values if isinstance(values, dict) else {},
    )
