"""Everybody who may reach for a team's things: people by role, and programs by what is left of their keys."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.api_keys import rotate_api_key
from accounts.models import ApiKey, Membership, Team
from accounts.permissions import SCOPE_PERMISSIONS
from tests.contracts.world import World, browser_of
from tests.support import factories
from tests.support.api import ApiClient, make_key

EVERY_SCOPE = list(SCOPE_PERMISSIONS)


@dataclass(frozen=True)
class Cast:
    """`browsers` and `programs` by the names that the matrix uses."""

    browsers: dict[str, Client]
    programs: dict[str, ApiClient]
    outsiders_team: Team


def cast_of(world: World) -> Cast:
    outsiders_team = factories.make_team()
    people = {
        "anonymous": None,
        "outsider": factories.owner_of(outsiders_team),
        "staff": factories.make_user(is_staff=True),
        **world.people,
    }
    browsers = {name: browser_of(person) for name, person in people.items()}
    return Cast(browsers, _programs(world), outsiders_team)


def _programs(world: World) -> dict[str, ApiClient]:
    team, now = world.team, timezone.now()
    programs = {"no key": ApiClient(), "a key nobody made": ApiClient("ltx_live_" + "a" * 50)}
    for role, person in world.people.items():
        programs[role] = ApiClient(make_key(team, person, scopes=EVERY_SCOPE)[1])
    for permission in set().union(*SCOPE_PERMISSIONS.values()):
        scopes = [scope for scope, allowed in SCOPE_PERMISSIONS.items() if permission not in allowed]
        programs[f"without {permission}"] = ApiClient(make_key(team, scopes=scopes)[1])
    ended: dict[str, dict[str, Any]] = {
        "revoked key": {"revoked_at": now},
        "expired key": {"expires_at": now},
        "key from elsewhere": {"networks": ["203.0.113.0/24"]},
    }
    for name, columns in ended.items():
        key, plain = make_key(team, scopes=EVERY_SCOPE)
        ApiKey.objects.filter(pk=key.pk).update(**columns)
        programs[name] = ApiClient(plain)
    key, old = make_key(team, scopes=EVERY_SCOPE)
    rotate_api_key(actor=factories.actor_for(team), key_id=key.pk, overlap=timedelta(0), now=now)
    programs["rotated key"] = ApiClient(old)
    leaver = factories.make_member(team, "owner")
    programs["key of who left"] = ApiClient(make_key(team, leaver, scopes=EVERY_SCOPE)[1])
    Membership.objects.filter(team=team, user=leaver).delete()
    other = factories.make_team()
    programs["foreign key"] = ApiClient(make_key(other, scopes=EVERY_SCOPE)[1])
    return programs


def ask(browser: Client, method: str, path: str) -> HttpResponse:
    return getattr(browser, method.lower())(path)


def call(program: ApiClient, method: str, path: str, body: Any = None) -> HttpResponse:
    """With JSON, which every endpoint but the upload reads; access is decided before it is read."""
    return program.client.generic(
        method, path, json.dumps(body or {}), content_type="application/json", headers=program.headers
    )
