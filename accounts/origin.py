"""Where what happens now comes from: the caller's address and the request, for the audit log."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import ip_address
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class Origin:
    """`address` is None where nobody called: in tasks and commands."""

    address: str | None = None
    request_id: str = ""
    staff_session: UUID | None = None


_present: ContextVar[Origin | None] = ContextVar("origin", default=None)


def present_origin() -> Origin:
    return _present.get() or Origin()


@contextmanager
def from_origin(origin: Origin) -> Iterator[None]:
    token = _present.set(origin)
    try:
        yield
    finally:
        _present.reset(token)


def client_address(request: HttpRequest) -> str | None:
    """The caller's address: the connection's, or what the outermost of TRUSTED_PROXIES proxies has noted.

    Entries further left in X-Forwarded-For are the caller's own words and count for nothing.
    """
    connected: str | None = request.META.get("REMOTE_ADDR") or None
    proxies: int = settings.TRUSTED_PROXIES
    if not proxies:
        return connected
    noted = [
        entry.strip() for entry in request.headers.get("X-Forwarded-For", "").split(",") if entry.strip()
    ]
    return noted[-proxies] if len(noted) >= proxies else connected


def valid_address(address: str | None) -> str | None:
    """Behind a proxy the address is a header's text; a wrong one is no reason to refuse what was done."""
    try:
        return str(ip_address(address)) if address else None
    except ValueError:
        return None
