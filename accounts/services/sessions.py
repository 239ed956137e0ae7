"""Where a person is signed in: the list, and ending what is on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from allauth.account.internal.flows.login import get_authentication_records
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.audit import record
from accounts.errors import DomainError
from accounts.models import User
from accounts.user_agents import device_of


class SessionNotFound(DomainError):
    code = "not_found"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """One browser in which a person is signed in."""

    pk: int
    device: str
    address: str
    began_at: datetime
    seen_at: datetime
    is_current: bool


def sessions_of(user: User, *, current: str | None) -> list[SignedIn]:
    """The present sessions, this one first, then by last use. `current` is this session's key."""
    rows = list(UserSession.objects.filter(user=user).order_by("-last_seen_at"))
    open_keys = set(
        Session.objects.filter(
            pk__in=[row.session_key for row in rows], expire_date__gt=timezone.now()
        ).values_list("pk", flat=True)
    )
    found = [
        SignedIn(
            pk=row.pk,
            device=device_of(row.user_agent),
            address=row.ip,
            began_at=row.created_at,
            seen_at=row.last_seen_at,
            is_current=row.session_key == current,
        )
        for row in rows
        if row.session_key in open_keys
    ]
    return sorted(found, key=lambda session: not session.is_current)


@transaction.atomic
def end_session(*, user: User, session_id: int) -> None:
    """Sign one of the person's own browsers out, at its next request. Raises SessionNotFound."""
    row = UserSession.objects.filter(user=user, pk=session_id).first()
    if row is None:
        raise SessionNotFound("This session has ended already.")
    _end([row])
    record("user.session_ended", by=user, about=user, old={"device": device_of(row.user_agent)})


@transaction.atomic
def end_other_sessions(user: User, *, keep: str | None) -> int:
    """Sign the person out everywhere but in the session `keep`; says of how many sessions."""
    rows = list(UserSession.objects.filter(user=user).exclude(session_key=keep or ""))
    _end(rows)
    if rows:
        record("user.other_sessions_ended", by=user, about=user, old={"sessions": len(rows)})
    return len(rows)


def touch_session(key: str) -> None:
    """Note that it was used just now."""
    UserSession.objects.filter(session_key=key).update(last_seen_at=timezone.now())


def key_of(request: HttpRequest, user: User) -> str | None:
    """The session of this request, if it is this person's."""
    return request.session.session_key if request.user == user else None


def proofs_of(request: HttpRequest, user: User) -> list[str]:
    """What the person has just signed in with: "password", "totp", "webauthn", "recovery_codes", "code"…"""
    records = get_authentication_records(request, user)
    return [str(proof.get("type") or proof.get("method")) for proof in records]


def _end(rows: Sequence[UserSession]) -> None:
    Session.objects.filter(pk__in=[row.session_key for row in rows]).delete()
    UserSession.objects.filter(pk__in=[row.pk for row in rows]).delete()
