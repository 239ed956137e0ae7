"""When the person of a session proved who they are, and whether that is lately enough for what matters."""

import time
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest

SIGNED_IN_AT = "signed_in_at"
SEEN_AT = "seen_at"


def remember_sign_in(request: HttpRequest, **_: Any) -> None:
    request.session[SIGNED_IN_AT] = time.time()


def connect() -> None:
    """Django's own signal: the one place that every way in passes."""
    user_logged_in.connect(remember_sign_in, dispatch_uid="remember_sign_in")


def signed_in_at(request: HttpRequest) -> float | None:
    at = request.session.get(SIGNED_IN_AT)
    return float(at) if isinstance(at, (int, float)) else None


def signed_in_recently(request: HttpRequest, *, within: float | None = None) -> bool:
    """Whether the person signed in, or proved it again, in the last `within` seconds (a setting's, unless given)."""
    if not request.user.is_authenticated:
        return False
    limit = within if within is not None else settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
    proofs = [record.get("at", 0.0) for record in get_authentication_records(request, request.user)]
    return time.time() - max([signed_in_at(request) or 0.0, *proofs]) < limit
