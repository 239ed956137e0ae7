"""API keys: their form, and every write to them.

A key reads `ltx_live_<public id>_<secret><checksum>`. The public id (12 characters) finds the row. The
secret (32 characters of base 62, 190 bits) proves the right to it. The checksum (6 characters) is the CRC-32,
in base 62, of all that stands before it: a mistyped key costs no query, and scanners tell keys from noise.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID
from zlib import crc32

import structlog
from django.db import transaction
from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from accounts.actors import Actor
from accounts.audit import record
from accounts.errors import DomainError, FieldErrors
from accounts.models import ApiKey, Membership, Team
from accounts.permissions import SCOPE_PERMISSIONS

PREFIX: Final = "ltx_live_"
ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ID_LENGTH: Final = 12
SECRET_LENGTH: Final = 32
CHECKSUM_LENGTH: Final = 6
NAME_LENGTH: Final = 100
# The column is for people who look for unused keys; a write per request would cost more than it tells.
USE_RECORDED_EVERY: Final = timedelta(minutes=1)

logger = structlog.get_logger(__name__)


class KeyNotFound(DomainError):
    code = "not_found"


@dataclass(frozen=True, slots=True)
class KeyParts:
    """A key in the right form; nothing is known yet about whether it opens anything."""

    public_id: str
    secret: str


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key whose secret was right; `maker_role` is None when its maker has left the team."""

    key: ApiKey
    maker_role: str | None


class KeyState(StrEnum):
    ACTIVE = "active"
    REVOKED = "revoked"
    EXPIRED = "expired"
    ORPHANED = "orphaned"  # its maker has left the team or has no account any more


@dataclass(frozen=True, slots=True)
class ListedKey:
    key: ApiKey
    state: KeyState


@transaction.atomic
def create_api_key(
    *, actor: Actor, name: str, scopes: Sequence[str], expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """Make a key for the actor's team; the second value is the whole key, which nobody can read again.

    Raises FieldErrors for an empty or long name, no or unknown scopes, or an expiry that has passed.
    """
    name = name.strip()
    errors = _mistakes(name=name, scopes=scopes, expires_at=expires_at)
    if errors:
        raise FieldErrors(errors)
    if actor.user is None:
        raise ValueError("A key belongs to the person who made it; the system makes none.")
    parts = KeyParts(_random(ID_LENGTH), _random(SECRET_LENGTH))
    key = ApiKey.objects.create(
        public_id=parts.public_id,
        secret_hash=hash_secret(parts.secret),
        team=actor.team,
        created_by=actor.user,
        name=name,
        scopes=[scope for scope in SCOPE_PERMISSIONS if scope in scopes],
        expires_at=expires_at,
    )
    record(
        "api_key.created",
        by=actor,
        about=key,
        new={"name": name, "scopes": key.scopes, "expires_at": expires_at},
    )
    logger.info("api_key.created", key=key.public_id, scopes=key.scopes, actor=actor.label)
    return key, written(parts)


@transaction.atomic
def revoke_api_key(*, actor: Actor, key_id: UUID) -> ApiKey:
    """End a key of the actor's team at once; a repeat keeps the first time. Raises KeyNotFound."""
    keys = ApiKey.objects.filter(pk=key_id, team=actor.team)
    is_new = keys.filter(revoked_at__isnull=True).update(revoked_at=timezone.now())
    key = keys.first()
    if key is None:
        raise KeyNotFound("There is no such key.")
    if is_new:
        record("api_key.revoked", by=actor, about=key)
        logger.info("api_key.revoked", key_id=str(key_id), actor=actor.label)
    return key


def keys_of(team: Team, *, now: datetime) -> list[ListedKey]:
    """A team's keys with their makers, newest first, in one query."""
    keys = ApiKey.objects.filter(team=team).select_related("created_by").annotate(role=_role_of_maker())
    return [ListedKey(key, state_of(FoundKey(key, key.role), now=now)) for key in keys]


def state_of(found: FoundKey, *, now: datetime) -> KeyState:
    """Whether the key opens anything at `now`, or why not."""
    if found.key.is_revoked:
        return KeyState.REVOKED
    if found.key.expires_at is not None and found.key.expires_at <= now:
        return KeyState.EXPIRED
    if found.maker_role is None or not found.key.created_by.is_active:
        return KeyState.ORPHANED
    return KeyState.ACTIVE


def find_key(parts: KeyParts) -> FoundKey | None:
    """The key that these parts open, with its team, its maker and the maker's role, in one query."""
    keys = ApiKey.objects.select_related("team", "created_by").annotate(role=_role_of_maker())
    key = keys.filter(public_id=parts.public_id).first()
    # The same work for a wrong secret and for no key at all, and a comparison whose time tells nothing.
    stored = key.secret_hash if key is not None else hash_secret("")
    is_right = secrets.compare_digest(stored, hash_secret(parts.secret))
    return FoundKey(key, key.role) if key is not None and is_right else None


def record_use(key: ApiKey, *, now: datetime) -> None:
    """Note the use, at most once a minute; requests at the same time write once."""
    if key.last_used_at is not None and now - key.last_used_at < USE_RECORDED_EVERY:
        return
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - USE_RECORDED_EVERY)
    ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)


def parse(text: str) -> KeyParts | None:
    """The parts of a key whose form and checksum are right, else None. Asks no database."""
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


def hash_secret(secret: str) -> str:
    """SHA-256 in hex. A slow hash would add nothing: 190 random bits cannot be guessed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _role_of_maker() -> Subquery:
    return Subquery(
        Membership.objects.filter(team=OuterRef("team"), user=OuterRef("created_by")).values("role")[:1]
    )


def _mistakes(*, name: str, scopes: Sequence[str], expires_at: datetime | None) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    if not name:
        errors["name"] = ["Give the key a name, so that you know later what it is for."]
    elif len(name) > NAME_LENGTH:
        errors["name"] = [f"A name has at most {NAME_LENGTH} characters."]
    if not scopes:
        errors["scopes"] = ["Choose at least one thing the key may do."]
    elif set(scopes) - SCOPE_PERMISSIONS.keys():
        errors["scopes"] = [f"A scope is one of {', '.join(SCOPE_PERMISSIONS)}."]
    if expires_at is not None and expires_at <= timezone.now():
        errors["expires_at"] = ["Choose a time to come."]
    return errors


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _checksum(text: str) -> str:
    number = crc32(text.encode())
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        number, place = divmod(number, len(ALPHABET))
        digits = ALPHABET[place] + digits
    return digits
