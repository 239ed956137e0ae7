"""Budgets by the API: set on members, keys and projects, changed, removed; and what belongs to others stays."""

import json

import pytest

from accounts.models import AuditEvent
from accounts.services import create_project
from billing.models import Limit
from tests.support.api import api_for, make_key
from tests.support.factories import actor_for, make_member, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    return make_team()


@pytest.fixture
def admin(team):
    return api_for(team, scopes=["admin"])


def send(program, method, path, body):
    return program.client.generic(
        method, f"/api/v1{path}", json.dumps(body), content_type="application/json", headers=program.headers
    )


def test_a_program_sets_changes_lists_and_removes_budgets(team, admin):
    member, (key, _) = make_member(team, "editor"), make_key(team)
    project = create_project(actor=actor_for(team), name="Spring")
    subjects = [f"member:{member.pk}", f"key:{key.pk}", f"project:{project.pk}"]

    made = [
        admin.post("/budgets", {"subject": subject, "period": "day", "cap": "2.5"}) for subject in subjects
    ]

    assert [each.status_code for each in made] == [201, 201, 201]
    listed = admin.get("/budgets").json()["data"]
    assert {each["subject"] for each in listed} == set(subjects)
    assert {each["name"] for each in listed} == {member.get_full_name(), key.name, "Spring"}
    path = f"/budgets/{made[2].json()['id']}"
    changed = send(admin, "PATCH", path, {"cap": "0.000001"}).json()
    assert (changed["cap"], changed["left"], changed["period"]) == ("0.000001", "0.000001", "day")
    assert admin.client.delete(f"/api/v1{path}", headers=admin.headers).status_code == 204
    assert admin.get(path).status_code == 404
    said = AuditEvent.objects.filter(team=team, object_type="limit").order_by("pk")
    assert [event.action for event in said] == [*["limit.set"] * 4, "limit.removed"]
    assert (said[3].old["cap"], said[3].new["cap"]) == ("$2.50", "$0.000001")
    assert said[3].object_name == "Spring"


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        ({"subject": "member:1"}, "/subject"),
        ({"subject": "team:1"}, "/subject"),
        ({"subject": "project:x"}, "/subject"),
        ({"period": "year"}, "/period"),
        ({"cap": "-1"}, "/cap"),
        ({"cap": "0.0000001"}, "/cap"),
        ({"cap": "1000001"}, "/amount"),
        ({"cap": "NaN"}, "/cap"),
        ({"held": "1"}, "/held"),
    ],
)
def test_wrong_wishes_set_nothing(team, admin, wish, pointer):
    member = make_member(team, "editor")
    usual = {"subject": f"member:{member.pk}", "period": "day", "cap": "1"}

    refused = admin.post("/budgets", {**usual, **wish})

    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]
    assert not Limit.objects.exists()


def test_nothing_of_another_team_is_limited_seen_or_removed(team, admin):
    other = make_team()
    stranger = api_for(other, scopes=["admin"])
    member, (key, _) = make_member(team, "editor"), make_key(team)
    project = create_project(actor=actor_for(team), name="Spring")
    made = admin.post("/budgets", {"subject": f"member:{member.pk}", "period": "day", "cap": "1"}).json()

    for subject in (f"member:{member.pk}", f"key:{key.pk}", f"project:{project.pk}"):
        wish = {"subject": subject, "period": "day", "cap": "0"}
        assert stranger.post("/budgets", wish).status_code == 422
    assert stranger.get("/budgets").json()["data"] == []
    path = f"/budgets/{made['id']}"
    assert stranger.get(path).status_code == 404
    assert send(stranger, "PATCH", path, {"cap": "0"}).status_code == 404
    assert stranger.client.delete(f"/api/v1{path}", headers=stranger.headers).status_code == 404
    assert [limit.cap for limit in Limit.objects.filter(active=True)] == [1_000_000]
