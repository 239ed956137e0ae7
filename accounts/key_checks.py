"""Whether an API key opens anything: the one query of every call, and why a key does not."""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any, Final, Self

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model, OuterRef, Q, Subquery
from django.db.models.base import ModelState
from psycopg.pq import Format

from accounts.key_secrets import KeyParts, hash_secret, hashes_of
from accounts.models import ApiKey, Membership, Team, User

# The column is for people who look for unused keys; a write per request would cost more than it tells.
USE_RECORDED_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key whose secret was right; `maker_role` is None when its maker has left the team.

    `by_previous` is set when the secret is the one from before the last rotation.
    """

    key: ApiKey
    maker_role: str | None
    by_previous: bool = False


class KeyState(StrEnum):
    ACTIVE = "active"
    REVOKED = "revoked"
    EXPIRED = "expired"
    ORPHANED = "orphaned"  # its maker has left the team or has no account any more
    REPLACED = "replaced"  # the secret before the last rotation, after its end


def find_key(parts: KeyParts) -> FoundKey | None:
    """The key that these parts open, with its team, its maker and the maker's role, in one query."""
    key, role = _row(parts.public_id)
    # The same work for a wrong secret and for no key at all, and comparisons whose time tells nothing.
    present, previous = (key.secret_hash, key.previous_hash) if key is not None else ("", "")
    is_present = is_previous = False
    for place, possible in enumerate(hashes_of(parts.secret)):
        fits = hmac.compare_digest(present, possible)
        is_present |= fits
        is_previous |= hmac.compare_digest(previous, possible)
        if fits and place and key is not None:
            _bring_along(key, parts)
    if key is None or not (is_present or is_previous):
        return None
    return FoundKey(key, role, by_previous=not is_present)


def state_of(found: FoundKey, *, now: datetime) -> KeyState:
    """Whether the key opens anything at `now`, or why not."""
    key = found.key
    if key.is_revoked:
        return KeyState.REVOKED
    if key.expires_at is not None and key.expires_at <= now:
        return KeyState.EXPIRED
    if found.by_previous and (key.previous_until is None or key.previous_until <= now):
        return KeyState.REPLACED
    if found.maker_role is None or not key.created_by.is_active:
        return KeyState.ORPHANED
    return KeyState.ACTIVE


def may_come_from(key: ApiKey, address: str | None) -> bool:
    """Whether the key's networks hold the caller's address; a key without networks works from anywhere."""
    if not key.networks:
        return True
    try:
        caller = ip_address(address or "")
    except ValueError:
        return False
    # An IPv4 caller may be noted in the form of an IPv6 address.
    caller = getattr(caller, "ipv4_mapped", None) or caller
    return any(caller in ip_network(network) for network in key.networks)


def record_use(key: ApiKey, *, now: datetime) -> None:
    """Note the use, at most once a minute; requests at the same time write once."""
    if key.last_used_at is not None and now - key.last_used_at < USE_RECORDED_EVERY:
        return
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - USE_RECORDED_EVERY)
    ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)


def role_of_maker() -> Subquery:
    return Subquery(
        Membership.objects.filter(team=OuterRef("team"), user=OuterRef("created_by")).values("role")[:1]
    )


class _Prepared(psycopg.Cursor[tuple[Any, ...]]):
    """Has the database keep the statement's plan for as long as the connection lasts, and answer in binary form.

    Planning three joins took the database longer than looking the four rows up; Django's own cursors never prepare.
    """

    format = Format.BINARY

    def execute(self, query: Any, params: Any = None, **_: Any) -> Self:
        return super().execute(query, params, prepare=True, binary=True)


def _row(public_id: str) -> tuple[ApiKey | None, str | None]:
    """The key with its team and its maker, and the maker's role in the team.

    In SQL that is written once: putting the same query together for each call took ten times the CPU of asking it.
    """
    database = connections[DEFAULT_DB_ALIAS]  # `connection` looks it up at each use
    with database.cursor() as cursor:
        # Within Django's own, which sees to a lost connection, and to whoever counts queries.
        cursor.cursor = _Prepared(database.connection)
        cursor.execute(_statement(), [public_id])
        row = cursor.fetchone()
    if row is None:
        return None, None
    start, made = 0, []
    for model, names in _shapes():
        made.append(_made(model, names, row[start : start + len(names)], database.alias))
        start += len(names)
    key, team, maker = made
    key._state.fields_cache |= {"team": team, "created_by": maker}
    return key, row[start]


def _made(model: type[Model], names: list[str], values: tuple[Any, ...], alias: str) -> Any:
    """A row as its model, put together as one that was pickled is: `__init__` looks for defaults at each column."""
    made = model.__new__(model)
    made.__dict__ |= zip(names, values, strict=True)
    made._state = ModelState()
    made._state.db, made._state.adding = alias, False
    return made


@cache
def _shapes() -> list[tuple[type[Model], list[str]]]:
    """The key, its team and its maker, each with its columns in the order in which they are asked for."""
    return [
        (model, [field.attname for field in model._meta.concrete_fields]) for model in (ApiKey, Team, User)
    ]


@cache
def _statement() -> str:
    columns = [
        f'{alias}."{field.column}"'
        for alias, model in (("k", ApiKey), ("t", Team), ("u", User))
        for field in model._meta.concrete_fields
    ]
    return (
        f"SELECT {', '.join(columns)}, m.role FROM accounts_apikey AS k "  # noqa: S608 (our own column names)
        "JOIN accounts_team AS t ON t.id = k.team_id JOIN accounts_user AS u ON u.id = k.created_by_id "
        "LEFT JOIN accounts_membership AS m ON m.team_id = k.team_id AND m.user_id = k.created_by_id "
        "WHERE k.public_id = %s"
    )


def _bring_along(key: ApiKey, parts: KeyParts) -> None:
    """A hash under a former SECRET_KEY becomes one under the present, so that the former can be taken away."""
    ApiKey.objects.filter(pk=key.pk, secret_hash=key.secret_hash).update(
        secret_hash=hash_secret(parts.secret)
    )
