"""API keys: every write to them, and the list of a team's.

How they are written is in key_secrets.py, how they are checked in key_checks.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.actors import Actor
from accounts.audit import record
from accounts.errors import DomainError, FieldErrors
from accounts.key_checks import FoundKey, KeyState, role_of_maker, state_of
from accounts.key_secrets import hash_secret, new_parts, written
from accounts.models import ApiKey, Project, Team
from accounts.permissions import SCOPE_PERMISSIONS

NAME_LENGTH: Final = 100
NETWORKS_MOST: Final = 20
LONGEST_OVERLAP: Final = timedelta(days=7)

logger = structlog.get_logger(__name__)


class KeyNotFound(DomainError):
    code = "not_found"


class KeyEnded(DomainError):
    """The key was revoked, has expired, or its maker has left."""

    code = "key_ended"


class NotYourKey(DomainError):
    """Whoever holds a key acts as its maker: nobody else gets its secret."""

    code = "forbidden"


@dataclass(frozen=True, slots=True)
class ListedKey:
    key: ApiKey
    state: KeyState
    # Until when the secret before the last rotation works too; None: it does not.
    old_until: datetime | None = None


@transaction.atomic
def create_api_key(
    *,
    actor: Actor,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None = None,
    project: Project | None = None,
    networks: Sequence[str] = (),
) -> tuple[ApiKey, str]:
    """Make a key for the actor's team; the second value is the whole key, which nobody can read again.

    Raises FieldErrors for an empty or long name, no or unknown scopes, an expiry that has passed, networks that are
    none, a foreign or archived project, and for a key that could do more than the key that makes it.
    """
    if actor.user is None:
        raise ValueError("A key belongs to the person who created it; the system creates none.")
    parts = new_parts()
    key = ApiKey(
        public_id=parts.public_id,
        secret_hash=hash_secret(parts.secret),
        team=actor.team,
        created_by=actor.user,
        name=name.strip(),
        scopes=[scope for scope in SCOPE_PERMISSIONS if scope in scopes],
        expires_at=expires_at,
        project=project,
        networks=list(networks),
    )
    _settle(actor, key, _mistakes(key, unknown_scopes=set(scopes) - SCOPE_PERMISSIONS.keys()))
    key.save(force_insert=True)
    record("api_key.created", by=actor, about=key, new=_facts(key))
    logger.info("api_key.created", key=key.public_id, scopes=key.scopes, actor=actor.label)
    return key, written(parts)


@transaction.atomic
def change_api_key(*, actor: Actor, key_id: UUID, changes: Mapping[str, Any]) -> ApiKey:
    """Give a key another name, expires_at, project or networks; its scopes and its secret stay.

    Raises KeyNotFound, KeyEnded, and FieldErrors as for a new key.
    """
    key = _locked(actor, key_id)
    before = _facts(key)
    for field in ("name", "expires_at", "project", "networks"):
        if field in changes:
            setattr(key, field, changes[field])
    key.name = key.name.strip()
    _settle(actor, key, _mistakes(key, was_for=before["project"]))
    key.save(update_fields=["name", "expires_at", "project", "networks"])
    after = _facts(key)
    changed = [field for field in after if after[field] != before[field]]
    if changed:
        record(
            "api_key.changed",
            by=actor,
            about=key,
            old={field: before[field] for field in changed},
            new={field: after[field] for field in changed},
        )
    return key


@transaction.atomic
def rotate_api_key(*, actor: Actor, key_id: UUID, overlap: timedelta, now: datetime) -> tuple[ApiKey, str]:
    """Give a key a new secret; the one it had works until `overlap` is over, the one before that not any more.

    The second value is the whole key, as with a new one. Only its maker, or a key of its maker that may do no less,
    can: a secret lets its holder act as the maker. Raises KeyNotFound, KeyEnded, NotYourKey, and FieldErrors for an
    overlap below nothing or above seven days.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise FieldErrors({"overlap": ["The old secret can keep working for at most 7 days."]})
    key = _locked(actor, key_id)
    if actor.user != key.created_by or _excess(actor, key):
        raise NotYourKey(
            "Only the person who created this key can rotate it. Revoke it and create another one."
        )
    parts = new_parts(key.public_id)
    key.previous_hash = key.secret_hash if overlap else ""
    key.previous_until = now + overlap if overlap else None
    key.secret_hash, key.rotated_at = hash_secret(parts.secret), now
    key.save(update_fields=["previous_hash", "previous_until", "secret_hash", "rotated_at"])
    record("api_key.rotated", by=actor, about=key, new={"old_secret_until": key.previous_until})
    logger.info("api_key.rotated", key=key.public_id, actor=actor.label)
    return key, written(parts)


@transaction.atomic
def end_old_secret(*, actor: Actor, key_id: UUID) -> ApiKey:
    """Let the secret before the last rotation open nothing from now on. Raises KeyNotFound, KeyEnded."""
    key = _locked(actor, key_id)
    if key.previous_hash:
        key.previous_hash, key.previous_until = "", None
        key.save(update_fields=["previous_hash", "previous_until"])
        record("api_key.old_secret_ended", by=actor, about=key)
    return key


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
    """A team's keys with their makers and projects, newest first, in one query."""
    return [_listed(key, now) for key in _with_roles(team)]


def key_of(team: Team, key_id: UUID, *, now: datetime) -> ListedKey:
    """Raises KeyNotFound, for keys of other teams too."""
    key = _with_roles(team).filter(pk=key_id).first()
    if key is None:
        raise KeyNotFound("There is no such key.")
    return _listed(key, now)


def _with_roles(team: Team) -> Any:
    keys = ApiKey.objects.filter(team=team).select_related("created_by", "project")
    return keys.annotate(role=role_of_maker())


def _listed(key: Any, now: datetime) -> ListedKey:
    state = state_of(FoundKey(key, key.role), now=now)
    overlaps = state == KeyState.ACTIVE and key.previous_until is not None and key.previous_until > now
    return ListedKey(key, state, key.previous_until if overlaps else None)


def _locked(actor: Actor, key_id: UUID) -> ApiKey:
    """A key of the team that opens something. Raises KeyNotFound, KeyEnded."""
    keys = ApiKey.objects.select_for_update(of=("self",)).select_related("created_by", "project")
    key = keys.filter(team=actor.team, pk=key_id).annotate(role=role_of_maker()).first()
    if key is None:
        raise KeyNotFound("There is no such key.")
    if state_of(FoundKey(key, key.role), now=timezone.now()) != KeyState.ACTIVE:
        raise KeyEnded("This key no longer works. Create a new one.")
    return key


def _facts(key: ApiKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "scopes": key.scopes,
        "expires_at": key.expires_at,
        "project": key.project.name if key.project else None,
        "networks": key.networks,
    }


def _settle(actor: Actor, key: ApiKey, errors: dict[str, list[str]]) -> None:
    """Raise FieldErrors for what is wrong with a key, and for what it has beyond the key that acts."""
    for field, sentence in _excess(actor, key).items():
        errors.setdefault(field, []).append(sentence)
    if errors:
        raise FieldErrors(errors)


def _mistakes(
    key: ApiKey, *, unknown_scopes: set[str] | None = None, was_for: str | None = None
) -> dict[str, list[str]]:
    """What is wrong with a key; the project it `was_for` may stay, although it could not be chosen any more."""
    errors: dict[str, list[str]] = {}
    if not key.name:
        errors["name"] = ["Give the key a name, so that you know later what it is for."]
    elif len(key.name) > NAME_LENGTH:
        errors["name"] = [f"A name has at most {NAME_LENGTH} characters."]
    if unknown_scopes:
        errors["scopes"] = [f"A scope is one of {', '.join(SCOPE_PERMISSIONS)}."]
    elif not key.scopes:
        errors["scopes"] = ["Choose at least one thing the key may do."]
    if key.expires_at is not None and key.expires_at <= timezone.now():
        errors["expires_at"] = ["Choose a time in the future."]
    if key.project is not None and key.project.team_id != key.team_id:
        errors["project"] = ["There is no project with this id in this team."]
    elif key.project is not None and key.project.is_archived and key.project.name != was_for:
        errors["project"] = [f"The project {key.project.name} is archived. Choose another one."]
    return {**errors, **_wrong_networks(key)}


def _wrong_networks(key: ApiKey) -> dict[str, list[str]]:
    """Writes the networks as they are stored, or says what is wrong with them."""
    errors: dict[str, list[str]] = {}
    try:
        key.networks = [str(ip_network(text.strip(), strict=False)) for text in key.networks]
    except ValueError:
        errors["networks"] = [
            "Write a network like 203.0.113.0/24 or 2001:db8::/32, or an address like 203.0.113.7."
        ]
    if len(key.networks) > NETWORKS_MOST:
        errors["networks"] = [f"A key has at most {NETWORKS_MOST} networks."]
    return errors


def _excess(actor: Actor, key: ApiKey) -> dict[str, str]:
    """What a key could do beyond the key that acts, by field; nothing where a person acts.

    Otherwise a key that leaks, or is held to a network, could make itself a freer one.
    """
    acting = actor.key
    if acting is None:
        return {}
    found = {}
    beyond = [scope for scope in key.scopes if scope not in acting.scopes]
    if beyond:
        found["scopes"] = f"The key used for this request does not have {', '.join(beyond)} itself."
    if acting.expires_at is not None and (key.expires_at is None or key.expires_at > acting.expires_at):
        found["expires_at"] = "A key cannot outlive the key that creates it."
    if acting.networks and not (key.networks and _within(key.networks, acting.networks)):
        found["networks"] = "A key cannot be used from more addresses than the key that creates it."
    return found


def _within(networks: Sequence[str], allowed: Sequence[str]) -> bool:
    """Whether each of the networks lies in one that is allowed; what is no network lies nowhere."""
    try:
        inner, outer = [ip_network(text) for text in networks], [ip_network(text) for text in allowed]
    except ValueError:
        return False
    return all(
        any(each.version == one.version and each.subnet_of(one) for one in outer)  # type: ignore[arg-type]
        for each in inner
    )
