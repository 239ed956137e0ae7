"""Projects: their page, their API, and who may change them."""

import re
from uuid import uuid4

import pytest
from django.urls import reverse

from accounts.models import AuditEvent, Project
from accounts.services import create_project
from tests.contracts.world import browser_of
from tests.support.api import ApiClient, api_for, make_key
from tests.support.factories import actor_for, make_member, make_team, owner_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    return make_team()


@pytest.fixture
def owner(team):
    return browser_of(owner_of(team))


@pytest.fixture
def spring(team):
    return create_project(actor=actor_for(team), name="Spring")


def url(name, team, *args):
    return reverse(f"accounts:{name}", args=[team.slug, *args])


def test_an_owner_adds_renames_archives_and_restores_a_project(team, owner):
    assert "No projects yet" in owner.get(url("projects", team)).content.decode()

    owner.post(url("project_create", team), {"name": "  Spring   campaign "})
    project = Project.objects.get(team=team)
    assert project.name == "Spring campaign"
    owner.post(url("project_rename", team, project.pk), {"name": "Summer"})
    owner.post(url("project_archive", team, project.pk))
    project.refresh_from_db()
    assert (project.name, project.is_archived) == ("Summer", True)
    assert "Restore Summer" in owner.get(url("projects", team)).content.decode()
    owner.post(url("project_restore", team, project.pk))
    project.refresh_from_db()

    assert not project.is_archived
    said = AuditEvent.objects.filter(team=team, object_type="project").order_by("pk")
    assert [event.action.partition(".")[2] for event in said] == [
        "created",
        "renamed",
        "archived",
        "restored",
    ]
    assert (said[1].old, said[1].new) == ({"name": "Spring campaign"}, {"name": "Summer"})


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("  ", "Give the project a name."),
        ("x" * 61, "at most 60"),
        ("SPRING", "already has a project with this name"),
    ],
)
def test_a_name_that_cannot_be_changes_nothing(team, owner, spring, name, sentence):
    response = owner.post(url("project_create", team), {"name": name})
    other = create_project(actor=actor_for(team), name="Other")
    renamed = owner.post(url("project_rename", team, other.pk), {"name": name})

    assert (response.status_code, renamed.status_code) == (422, 422)
    assert sentence in response.content.decode()
    assert sentence in renamed.content.decode()
    assert {project.name for project in Project.objects.all()} == {"Spring", "Other"}


def test_archiving_asks_first_with_and_without_javascript(team, owner, spring):
    page = owner.get(url("projects", team)).content.decode()

    deed = f'action="{url("project_archive", team, spring.pk)}"'
    within = re.findall(r"<dialog\b.*?</dialog>|<noscript>.*?</noscript>", page, re.DOTALL)
    assert page.count(deed) == sum(whole.count(deed) for whole in within) == 2
    assert f'data-dialog-open="archive-{spring.pk}"' in page
    assert f'id="archive-{spring.pk}"' in page
    assert "You can restore it at any time" in page


def test_members_see_projects_that_they_cannot_change(team, spring):
    viewer = browser_of(make_member(team, "viewer"))

    page = viewer.get(url("projects", team)).content.decode()

    assert "Spring" in page
    assert "New project" not in page
    assert viewer.post(url("project_archive", team, spring.pk)).status_code == 403


def test_programs_do_the_same(team):
    program = api_for(team, scopes=["read", "admin"])

    made = program.post("/projects", {"name": "Spring"})
    again = program.post("/projects", {"name": "spring"})
    changed = program.client.patch(
        made["Location"],
        {"name": "Summer", "archived": True},
        content_type="application/json",
        headers=program.headers,
    )

    assert made.status_code == 201
    assert again.status_code == 422
    assert again.json()["errors"][0]["pointer"] == "/name"
    assert (changed.json()["name"], changed.json()["archived"]) == ("Summer", True)
    assert [each["name"] for each in program.get("/projects").json()["data"]] == ["Summer"]
    deleted = program.client.delete(made["Location"], headers=program.headers)
    assert deleted.status_code == 204  # archiving twice is harmless
    assert Project.objects.get(team=team).is_archived


def test_a_program_without_the_scope_or_with_another_team_changes_nothing(team, spring):
    path = f"/projects/{spring.pk}"
    reader = api_for(team, scopes=["read", "generate"])
    stranger = api_for(make_team(), scopes=["read", "admin"])

    assert reader.post("/projects", {"name": "Mine"}).status_code == 403
    assert stranger.get(path).status_code == 404
    assert stranger.client.delete(f"/api/v1{path}", headers=stranger.headers).status_code == 404
    assert stranger.get(f"/projects/{uuid4()}").status_code == 404
    _, plain = make_key(team, make_member(team, "editor"), scopes=["read", "admin"])
    assert ApiClient(plain).post("/projects", {"name": "Mine"}).status_code == 403
    assert [project.name for project in Project.objects.all()] == ["Spring"]


@pytest.mark.parametrize("body", [{"name": None}, {"title": "x"}, {}, [], {"name": "x", "team": "other"}])
def test_wrong_bodies_add_nothing(team, body):
    assert api_for(team, scopes=["admin"]).post("/projects", body).status_code == 422
    assert not Project.objects.exists()
