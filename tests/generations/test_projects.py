"""Clips for projects: chosen, inherited, filtered by, counted in budgets, and told apart on statement and usage."""

from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.services import archive_project, create_project
from billing.models import Hold, UsageDay
from billing.services import set_limit, settle_hold
from generations.models import Batch, Generation
from tests.contracts.world import browser_of, picture_of
from tests.support import factories
from tests.support.api import ApiClient, make_key

pytestmark = pytest.mark.django_db

SETTINGS = {"prompt": "A boat drifts over a calm lake", "num_frames": 9, "resolution": "480p"}
PRICE = 7_500  # µ$ of nine frames


@pytest.fixture
def team():
    team = factories.make_team()
    factories.give_credits(team)
    return team


@pytest.fixture
def spring(team):
    return create_project(actor=factories.actor_for(team), name="Spring")


@pytest.fixture
def program(team):
    return ApiClient(make_key(team)[1])


def body(team, **more):
    return {"image": str(picture_of(team).pk), **SETTINGS, **more}


def archive(project):
    archive_project(actor=factories.actor_for(project.team), project_id=project.pk, now=timezone.now())


def in_project(project):
    return Generation.objects.filter(project=project)


def test_a_clip_names_its_project_and_the_hold_carries_it(team, spring, program):
    made = program.post("/generations", body(team, project=str(spring.pk)))

    assert made.status_code == 201
    assert made.json()["project"] == str(spring.pk)
    assert Hold.objects.get(attempt=in_project(spring).get().hold_attempt).project_id == spring.pk
    program.post("/generations", body(team))
    found = program.get("/generations", {"project": str(spring.pk)}).json()["data"]
    assert [each["id"] for each in found] == [made.json()["id"]]


@pytest.mark.parametrize("which", ["foreign", "archived", "unknown", "noise"])
def test_a_project_that_cannot_be_is_refused_and_nothing_is_held(team, spring, program, which):
    other = create_project(actor=factories.actor_for(factories.make_team()), name="Secret")
    if which == "archived":
        archive(spring)
    named = {"foreign": other.pk, "archived": spring.pk, "unknown": uuid4(), "noise": "spring"}[which]

    one = program.post("/generations", body(team, project=str(named)))
    many = program.post("/batches", {"kind": "seeds", "count": 2, "input": body(team), "project": str(named)})

    for response in (one, many):
        assert response.status_code == 422
        (error,) = response.json()["errors"]
        assert error["pointer"] == "/project"
        assert "Secret" not in error["message"]
    assert not Hold.objects.exists()
    assert not Batch.objects.exists()


def test_the_same_key_with_another_project_is_another_request(team, spring, program):
    order = body(team, project=str(spring.pk))
    first = program.post("/generations", order, Idempotency_Key="a")

    assert program.post("/generations", order, Idempotency_Key="a").json()["id"] == first.json()["id"]
    assert program.post("/generations", {**order, "project": None}, Idempotency_Key="a").status_code == 422


def test_a_keys_project_is_that_of_its_clips_unless_they_name_another(team, spring):
    key, plain = make_key(team)
    key.project = spring
    key.save()
    program, order = ApiClient(plain), body(team)

    usual = program.post("/generations", order, Idempotency_Key="a").json()
    none = program.post("/generations", {**order, "project": None}).json()
    archive(spring)
    after = program.post("/generations", order).json()

    assert usual["project"] == str(spring.pk)
    assert (none["project"], after["project"]) == (None, None)
    # What the key was for may change between a request and its repetition.
    assert program.post("/generations", order, Idempotency_Key="a").json()["id"] == usual["id"]


def test_a_batch_and_clips_made_from_clips_belong_to_the_same_project(team, spring, program):
    order = {"kind": "seeds", "count": 2, "input": body(team), "project": str(spring.pk)}
    batch = program.post("/batches", order)
    assert (batch.status_code, batch.json()["project"]) == (201, str(spring.pk))
    first, second = in_project(spring)

    remix = program.post(f"/generations/{first.pk}/remix", {"seed": 5})
    archive(spring)
    later = program.post(f"/generations/{second.pk}/remix", {"seed": 5})

    assert (remix.json()["project"], later.json()["project"]) == (str(spring.pk), None)
    assert Hold.objects.filter(project_id=spring.pk).count() == 3


def test_a_waiting_clip_moves_to_another_project_with_its_hold(team, spring, program):
    made = program.post("/generations", body(team)).json()
    limit = set_limit(team=team, project_id=spring.pk, period="total", cap=PRICE)
    path = f"/api/v1/generations/{made['id']}/input"

    def move(project):
        return program.client.patch(
            path, {"project": project}, content_type="application/json", headers=program.headers
        )

    assert move(str(spring.pk)).json()["project"] == str(spring.pk)
    assert limit.budgets.get().held == PRICE
    assert move(None).json()["project"] is None
    assert limit.budgets.get().held == 0


def test_a_projects_budget_refuses_by_its_name_and_says_where_to_ask(team, spring, program):
    limit = set_limit(team=team, project_id=spring.pk, period="day", cap=PRICE)
    assert program.post("/generations", body(team, project=str(spring.pk))).status_code == 201

    refused = program.post("/generations", body(team, project=str(spring.pk)))
    elsewhere = program.post("/generations", body(team))

    assert refused.status_code == 403
    problem = refused.json()
    assert problem["detail"].startswith("The project Spring has $0.00 of $0.0075 left today.")
    assert (problem["limit"]["scope"], problem["limit"]["id"]) == ("project", limit.pk)
    ask = reverse("billing:ask", args=[team.slug, limit.pk])
    assert problem["action"] == {"label": "Ask an owner", "url": f"http://testserver{ask}"}
    assert elsewhere.status_code == 201
    assert browser_of(factories.make_member(team, "editor")).get(ask).status_code == 200


def test_too_few_credits_lead_to_billing(spring):
    poor = factories.make_team()
    program = ApiClient(make_key(poor)[1])

    refused = program.post("/generations", body(poor))

    assert refused.status_code == 402
    url = f"http://testserver{reverse('billing:home', args=[poor.slug])}"
    assert refused.json()["action"] == {"label": "Buy credit", "url": url}


def test_statement_and_usage_tell_projects_apart(team, spring, program):
    mine = program.post("/generations", body(team, project=str(spring.pk))).json()
    other = program.post("/generations", body(team)).json()
    for made in (mine, other):
        settle_hold(generation_id=Generation.objects.get(pk=made["id"]).hold_attempt, used=PRICE)

    assert {row.project_id: row.spent for row in UsageDay.objects.all()} == {spring.pk: PRICE, None: PRICE}
    projects = program.get("/usage").json()["projects"]
    assert [(each["name"], each["clips"]) for each in projects] == [("Spring", 1), ("", 1)]
    lines = program.get("/ledger", {"project": str(spring.pk)}).json()["data"]
    assert {line["project"] for line in lines} == {"Spring"}
    assert len(lines) == 2
    owner = browser_of(factories.owner_of(team))
    page = owner.get(
        reverse("billing:statement", args=[team.slug]), {"project": str(spring.pk)}
    ).content.decode()
    assert page.count("project Spring") == 2
    assert "By project" in owner.get(reverse("billing:usage", args=[team.slug])).content.decode()


def test_pages_offer_the_projects_and_filter_by_them(team, spring):
    owner = browser_of(factories.owner_of(team))
    create, clips = (reverse(f"generations:{name}", args=[team.slug]) for name in ("create", "clips"))
    assert f'<option value="{spring.pk}">Spring</option>' in owner.get(create).content.decode()
    order = {**body(team), "quality": "balanced", "key": str(uuid4())}

    made = owner.post(create, {**order, "project": str(spring.pk)})
    clip = in_project(spring).get()
    factories.make_generation(team, image=picture_of(team))

    assert made.status_code == 302
    assert "for the project Spring" in owner.get(clip.get_absolute_url()).content.decode()
    assert [tile.clip for tile in owner.get(clips, {"project": str(spring.pk)}).context["tiles"]] == [clip]
    # What is not the team's filters nothing.
    assert len(owner.get(clips, {"project": str(uuid4())}).context["tiles"]) == 2

    edit = reverse("generations:edit", args=[team.slug, clip.pk])
    assert owner.post(edit, {**order, "image": str(clip.image_id), "project": ""}).status_code == 302
    assert not in_project(spring).exists()
    archive(spring)
    refused = owner.post(create, {**order, "project": str(spring.pk), "key": str(uuid4())})
    assert refused.status_code == 422
    assert "The project Spring is archived" in refused.content.decode()
