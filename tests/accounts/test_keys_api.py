"""Keys that run keys: what a program with the scope admin can do, and that it never gains anything by it."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.api_keys import revoke_api_key
from accounts.models import ApiKey, AuditEvent
from accounts.services import create_project
from tests.support.api import ApiClient, api_for, make_key
from tests.support.factories import actor_for, make_member, make_team

pytestmark = pytest.mark.django_db

WISH = {"name": "nightly", "scopes": ["read"]}


@pytest.fixture
def team():
    return make_team()


@pytest.fixture
def admin(team):
    return api_for(team, scopes=["read", "admin"])


def send(program, method, path, body=None):
    return program.client.generic(
        method,
        f"/api/v1{path}",
        "" if body is None else json.dumps(body),
        content_type="application/json",
        headers=program.headers,
    )


def test_a_program_makes_changes_rotates_and_revokes_a_key(team, admin):
    project = create_project(actor=actor_for(team), name="Spring")
    made = admin.post("/api-keys", {**WISH, "project": str(project.pk), "networks": ["127.0.0.1"]})
    assert made.status_code == 201
    key = made.json()
    assert (key["scopes"], key["state"], key["networks"]) == (["read"], "active", ["127.0.0.1/32"])
    assert ApiClient(key["secret"]).get("/generations").status_code == 200
    path = f"/api-keys/{key['id']}"

    changed = send(admin, "PATCH", path, {"name": "weekly", "project": None, "networks": []})
    new = send(admin, "POST", f"{path}/rotate", {"overlap_hours": 0}).json()["secret"]

    assert (changed.json()["name"], changed.json()["project"]) == ("weekly", None)
    assert ApiClient(key["secret"]).get("/generations").status_code == 401
    assert ApiClient(new).get("/generations").status_code == 200
    assert send(admin, "DELETE", path).status_code == 204
    assert ApiClient(new).get("/generations").status_code == 401
    assert send(admin, "GET", path).json()["state"] == "revoked"
    assert send(admin, "POST", f"{path}/rotate", {}).json()["code"] == "key_ended"
    shown = admin.get("/api-keys").content.decode()
    assert key["secret"] not in shown
    assert new not in shown
    said = AuditEvent.objects.filter(team=team, object_id=key["id"]).order_by("pk")
    assert [event.action for event in said] == [
        f"api_key.{what}" for what in ("created", "changed", "rotated", "revoked")
    ]
    assert key["secret"] not in str(list(said.values()))
    assert said[0].kind == "key"


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        ({"scopes": ["read", "generate"]}, "/scopes"),
        ({"scopes": ["all"]}, "/scopes/0"),
        ({"scopes": []}, "/scopes"),
        ({"name": ""}, "/name"),
        ({"networks": ["nowhere"]}, "/networks"),
        ({"networks": ["10.0.0.0/8"] * 21}, "/networks"),
        ({"project": "0a0a0a0a-0a0a-4a0a-8a0a-0a0a0a0a0a0a"}, "/project"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"owner": "me"}, "/owner"),
    ],
)
def test_wrong_wishes_make_no_key(admin, wish, pointer):
    refused = admin.post("/api-keys", {**WISH, **wish})

    assert refused.status_code == 422
    assert {error["pointer"].rsplit("/0", 1)[0] for error in refused.json()["errors"]} == {
        pointer.rsplit("/0", 1)[0]
    }
    assert ApiKey.objects.count() == 1


def test_a_key_makes_no_key_that_outlives_it_or_works_from_more_places(team):
    key, plain = make_key(team, scopes=["read", "admin"])
    soon = timezone.now() + timedelta(hours=1)
    ApiKey.objects.filter(pk=key.pk).update(expires_at=soon, networks=["127.0.0.0/8"])
    program = ApiClient(plain)
    within = {"expires_at": soon.isoformat(), "networks": ["127.0.0.1"]}

    for wish in (WISH, {**WISH, **within, "expires_at": None}, {**WISH, **within, "networks": ["0.0.0.0/0"]}):
        assert program.post("/api-keys", wish).status_code == 422
    itself = f"/api-keys/{key.pk}"
    assert send(program, "PATCH", itself, {"expires_at": None}).status_code == 422
    assert send(program, "PATCH", itself, {"networks": []}).status_code == 422

    assert program.post("/api-keys", {**WISH, **within}).status_code == 201
    # A freer key of the same person would be a way round all of it.
    other, _ = make_key(team, scopes=["read"])
    assert send(program, "POST", f"/api-keys/{other.pk}/rotate", {}).status_code == 403


def test_an_admins_key_gets_nothing_of_an_owners(team):
    owners, plain = make_key(team, scopes=["read", "admin"])
    _, admins = make_key(team, make_member(team, "admin"), scopes=["read", "admin"])
    program = ApiClient(admins)

    assert send(program, "POST", f"/api-keys/{owners.pk}/rotate", {}).status_code == 403
    assert program.get("/budgets").status_code == 403  # an admin sets no budgets, so neither does the key
    assert ApiClient(plain).get("/budgets").status_code == 200


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE", "POST"])
def test_a_key_of_another_team_is_nobodys(team, method):
    key, plain = make_key(team, scopes=["read", "admin"])
    stranger = api_for(make_team(), scopes=["read", "admin"])
    path = f"/api-keys/{key.pk}" + ("/rotate" if method == "POST" else "")

    assert send(stranger, method, path, {} if method in {"PATCH", "POST"} else None).status_code == 404
    assert ApiClient(plain).get("/api-keys").status_code == 200


def test_a_key_that_revokes_itself_is_refused_from_then_on(team):
    key, plain = make_key(team, scopes=["admin"])
    program = ApiClient(plain)

    assert send(program, "DELETE", f"/api-keys/{key.pk}").status_code == 204
    assert program.get("/api-keys").status_code == 401
    revoke_api_key(actor=actor_for(team), key_id=key.pk)
