"""Clips made from clips, through the API and the pages: what they begin with, what they are called, what is refused."""

import re
import shutil
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image as Picture

from accounts.models import Project
from accounts.services import archive_project, create_project
from billing.services import balance_of, find_violations, hold_of
from generations.models import Generation, Image, Relation
from generations.recipe import params_as_used, recipe_of
from generations.services import FrameChoice, picture_from_clip
from generations.states import Status
from tests.contracts.world import picture_of
from tests.support import factories, pictures
from tests.support.api import ApiClient, api_for
from tests.support.stages import bring

NOT_MADE = [Status.FAILED, Status.CANCELED, Status.EXPIRED, Status.REJECTED]
FRAMES = 25


@pytest.fixture
def api(team) -> ApiClient:
    return api_for(team)


@pytest.fixture
def client(team) -> Client:
    browser = Client()
    browser.force_login(factories.owner_of(team))
    return browser


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Colours that move, so that every frame is another picture."""
    return pictures.clip(tmp_path_factory.mktemp("video") / "clip.mp4", frames=FRAMES)


@pytest.fixture
def clip(team) -> Generation:
    return factories.make_generation(
        team, image=picture_of(team), num_frames=FRAMES, seed=None, expand_prompt=True, prompt="A boat"
    )


@pytest.fixture
def ready(clip: Generation, media_root: Path, video: Path) -> Generation:
    (media_root / "clips").mkdir()
    shutil.copy(video, media_root / "clips" / "a.mp4")
    return bring(clip, Status.SUCCEEDED, frames=FRAMES, used_prompt="A small wooden boat, golden light")


def derive(api: ApiClient, clip: Generation, relation: str, body: Any = None, **headers: str) -> Any:
    return api.post(f"/generations/{clip.pk}/{relation}", body if body is not None else {}, **headers)


def made(response: Any) -> Generation:
    assert response.status_code == 201, response.content
    return Generation.objects.get(pk=response.json()["id"])


# -- what each begins with


@pytest.mark.parametrize("status", NOT_MADE)
def test_a_clip_that_was_not_made_is_tried_again_with_the_same_input(api, team, clip, status):
    bring(clip, status)

    response = derive(api, clip, "retry", Idempotency_Key="again")

    new = made(response)
    assert response["Location"] == f"/api/v1/generations/{new.pk}"
    assert response.json()["parent"] == {"id": str(clip.pk), "relation": "retry"}
    assert (new.params, new.image_id, new.parent, new.relation) == (clip.params, clip.image_id, clip, "retry")
    assert new.pk != clip.pk
    assert hold_of(new.hold_attempt).amount == new.price
    assert balance_of(team).held == new.price
    assert find_violations() == []


def test_a_derived_clip_may_expire_early_like_any(api, clip):
    new = made(derive(api, clip, "remix", Cancel_After="90"))

    assert (new.start_deadline - new.created_at).total_seconds() == 90


def test_a_rerun_uses_what_was_really_used(api, ready):
    new = made(derive(api, ready, "rerun"))

    assert new.params == {
        **ready.params,
        "seed": 4711,
        "prompt": "A small wooden boat, golden light",
        "expand_prompt": False,
    }
    assert (new.relation, new.image_id) == (Relation.RERUN, ready.image_id)


def test_a_rerun_is_what_the_recipe_says(api, ready):
    assert made(derive(api, ready, "rerun")).clip_params == params_as_used(recipe_of(ready))


def test_a_rerun_may_use_a_longer_prompt_than_people_may_write(api, ready):
    Generation.objects.filter(pk=ready.pk).update(used_prompt="w" * 3000)

    assert made(derive(api, ready, "rerun")).params["prompt"] == "w" * 3000
    assert made(derive(api, ready, "promote", {"num_frames": 33})).params["prompt"] == "w" * 3000


def test_a_remix_draws_a_new_seed_and_takes_changes(api, team):
    clip = factories.make_generation(team, image=picture_of(team), seed=7)

    plain = made(derive(api, clip, "remix"))
    changed = made(derive(api, clip, "remix", {"prompt": "Another boat", "seed": 0}))

    assert plain.params == {**clip.params, "seed": None}
    assert changed.params == {**clip.params, "prompt": "Another boat", "seed": 0}
    assert {plain.relation, changed.relation} == {Relation.REMIX}


def test_a_draft_is_promoted_with_its_seed(api, ready):
    new = made(derive(api, ready, "promote"))

    assert new.params == {
        **ready.params,
        "seed": 4711,
        "prompt": "A small wooden boat, golden light",
        "expand_prompt": False,
        "resolution": "720p",
        "enable_detail_pass": True,
    }
    assert (new.relation, new.price) == (Relation.PROMOTE, 41_667)  # 25 frames twice, rounded up once


def test_a_quick_draft_gets_enough_steps_in_the_pass_it_did_not_run(api, team):
    clip = factories.make_generation(
        team, image=picture_of(team), first_pass_num_inference_steps=6, second_pass_num_inference_steps=6
    )
    bring(clip, Status.SUCCEEDED)

    params = made(derive(api, clip, "promote")).params

    assert (params["first_pass_num_inference_steps"], params["second_pass_num_inference_steps"]) == (6, 8)


def test_promoting_to_another_length_is_still_promoting_and_with_another_seed_it_is_not(api, ready):
    assert made(derive(api, ready, "promote", {"num_frames": 121})).relation == Relation.PROMOTE
    assert made(derive(api, ready, "promote", {"seed": 1})).relation == Relation.REMIX


# -- continuing


@pytest.mark.parametrize(
    ("body", "frame"),
    [
        ({}, FRAMES - 1),
        ({"frame": "last"}, FRAMES - 1),
        ({"frame": 0}, 0),
        ({"frame": 12}, 12),
        ({"at": 0.5}, 12),
        ({"at": 0}, 0),
        ({"at": 99}, FRAMES - 1),
    ],
)
def test_a_continuation_starts_from_the_frame_that_was_named(api, ready, body, frame):
    new = made(derive(api, ready, "extend", {**body, "prompt": "The boat lands"}))

    assert (new.image.from_clip, new.image.from_frame) == (ready, frame)
    assert (new.parent, new.relation) == (ready, Relation.EXTEND)
    assert new.params == {**ready.params, "prompt": "The boat lands"}


def test_the_frame_is_the_one_that_people_saw(team, ready):
    """Colours shift by two pixels a frame: neighbours differ, and the right one is the nearest."""
    image = picture_from_clip(actor=factories.actor_for(team), clip=ready, choice=FrameChoice(number=20))
    with image.file.open() as file:
        taken = Picture.open(file).convert("RGB")
    scene = pictures.landscape(320, 192)

    distances = {
        number: _distance(taken, pictures.ImageChops.offset(scene, number * 2, 0)) for number in range(FRAMES)
    }

    assert taken.size == (320, 192)
    assert min(distances, key=distances.__getitem__) == 20


def test_the_same_frame_is_one_picture_and_is_taken_once(team, ready, media_root):
    actor = factories.actor_for(team)
    first = picture_from_clip(actor=actor, clip=ready)
    shutil.rmtree(media_root / "clips")  # not needed any more

    assert picture_from_clip(actor=actor, clip=ready) == first


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"frame": FRAMES}, "/frame"),
        ({"frame": -1}, "/frame"),
        ({"frame": "first"}, "/frame"),
        ({"frame": True}, "/frame"),
        ({"frame": 1.5}, "/frame"),
        ({"at": -1}, "/at"),
        ({"at": "1"}, "/at"),
        ({"frame": 1, "at": 1}, "/at"),
        ({"image": str(uuid4())}, "/image"),
        ({"prompt": ""}, "/prompt"),
        ({"guidance": 3}, "/guidance"),
    ],
)
def test_a_wrong_frame_or_change_is_refused_and_costs_nothing(api, team, ready, body, pointer):
    before = balance_of(team)

    response = derive(api, ready, "extend", body)

    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
    assert Generation.objects.count() == 1
    assert balance_of(team) == before


def test_without_its_files_a_clip_can_be_repeated_but_not_continued(api, ready):
    Generation.objects.filter(pk=ready.pk).update(media_deleted_at=timezone.now())

    refused = derive(api, ready, "extend")

    assert (refused.status_code, refused.json()["code"]) == (410, "media_expired")
    assert "picture and settings can still be used" in refused.json()["detail"]
    for relation in ("rerun", "remix", "promote"):
        assert made(derive(api, ready, relation)).image_id == ready.image_id


# -- refusals


@pytest.mark.parametrize("relation", ["retry", "rerun", "extend", "promote"])
def test_a_clip_that_waits_has_nothing_to_go_on_from(api, clip, relation):
    response = derive(api, clip, relation)

    assert (response.status_code, response.json()["code"]) == (409, "state_conflict")
    assert Generation.objects.count() == 1


def test_a_ready_clip_is_not_tried_again_and_a_final_one_not_promoted(api, team):
    final = factories.make_generation(
        team, image=picture_of(team), resolution="720p", enable_detail_pass=True
    )
    bring(final, Status.SUCCEEDED)

    assert derive(api, final, "retry").status_code == 409
    assert derive(api, final, "promote").status_code == 409


@pytest.mark.parametrize("relation", ["retry", "rerun", "remix", "extend", "promote"])
def test_another_teams_clip_does_not_exist(relation, ready):
    other = factories.make_team()
    factories.give_credits(other)

    assert derive(api_for(other), ready, relation).status_code == 404
    assert Generation.objects.count() == 1


@pytest.mark.parametrize("relation", ["retry", "rerun"])
def test_a_repeat_takes_no_changes(api, ready, relation):
    assert derive(api, ready, relation, {"prompt": "x"}).status_code == 422


def test_without_credits_nothing_is_made(api, team, ready):
    poor = Generation.objects.get(pk=ready.pk)
    while balance_of(team).available >= 1_200_834:
        factories.make_generation(team, image=poor.image, num_frames=1441)
    count = Generation.objects.count()

    response = derive(api, poor, "promote", {"num_frames": 1441})

    assert response.status_code == 402
    assert Generation.objects.count() == count


# -- for which project

DERIVED = ["retry", "rerun", "remix", "extend", "promote"]


@pytest.fixture
def spring(team, ready) -> Project:
    """The project of the clip that others are made from."""
    project = create_project(actor=factories.actor_for(team), name="Spring")
    Generation.objects.filter(pk=ready.pk).update(project=project)
    return project


@pytest.mark.parametrize("relation", DERIVED)
def test_a_derived_clip_takes_a_project_as_others_do(api, team, ready, spring, relation):
    if relation == "retry":
        Generation.objects.filter(pk=ready.pk).update(status=Status.EXPIRED)
    autumn = create_project(actor=factories.actor_for(team), name="Autumn")

    same, other, none = (
        made(derive(api, ready, relation, body))
        for body in ({}, {"project": str(autumn.pk)}, {"project": None})
    )

    assert (same.project, other.project, none.project) == (spring, autumn, None)
    assert hold_of(other.hold_attempt).project_id == autumn.pk
    assert find_violations() == []


@pytest.mark.parametrize("relation", DERIVED)
def test_nothing_is_derived_for_a_project_that_cannot_be(api, ready, relation):
    foreign = create_project(actor=factories.actor_for(factories.make_team()), name="Secret")

    for wrong in (foreign.pk, uuid4(), "spring"):
        refused = derive(api, ready, relation, {"project": str(wrong)})
        assert refused.status_code == 422
        assert [error["pointer"] for error in refused.json()["errors"]] == ["/project"]

    assert Generation.objects.count() == 1


@pytest.mark.parametrize("relation", ["retry", "rerun"])
def test_what_repeats_a_clip_takes_a_project_and_nothing_else(api, ready, relation):
    refused = derive(api, ready, relation, {"project": None, "seed": 5})

    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/seed"]


def test_the_same_key_makes_one_clip_whatever_became_of_the_project(api, team, ready, spring):
    first = made(derive(api, ready, "remix", Idempotency_Key="k"))
    archive_project(actor=factories.actor_for(team), project_id=spring.pk, now=timezone.now())

    again = derive(api, ready, "remix", Idempotency_Key="k")

    assert (made(again), again["Idempotent-Replayed"]) == (first, "true")
    assert derive(api, ready, "remix", {"project": None}, Idempotency_Key="k").status_code == 422


def test_the_form_for_a_derived_clip_begins_with_the_same_project(client, team, ready, spring):
    create = reverse("generations:create", args=[team.slug])

    form = client.get(create, {"from": str(ready.pk), "relation": "remix"}).content.decode()

    assert f'<option value="{spring.pk}" selected>Spring</option>' in form


# -- once


@pytest.mark.parametrize("relation", ["rerun", "remix", "extend", "promote"])
def test_the_same_key_makes_one_clip_whatever_became_of_the_parent(api, team, ready, relation):
    first = derive(api, ready, relation, Idempotency_Key="k")
    Generation.objects.filter(pk=ready.pk).update(media_deleted_at=timezone.now())

    again = derive(api, ready, relation, Idempotency_Key="k")

    assert again["Idempotent-Replayed"] == "true"
    assert again.json()["id"] == first.json()["id"]
    assert derive(api, ready, "remix", {"seed": 5}, Idempotency_Key="k").status_code == 422
    assert Generation.objects.count() == 2


# -- the pages


def create_url(team) -> str:
    return reverse("generations:create", args=[team.slug])


def text_of(response: Any) -> str:
    return unescape(response.content.decode())


def form_of(page: str) -> dict[str, Any]:
    """What a browser would send for the create form as it stands."""
    form = page[page.index('id="create-form"') : page.index("bench-latest")]
    values: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        name, kind = attributes.get("name"), attributes.get("type")
        if not name or kind in {"range", "file"} or (kind in {"radio", "checkbox"} and " checked" not in tag):
            continue
        values.setdefault(name, []).append(attributes.get("value", "on" if kind == "checkbox" else ""))
    for name, value in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>\n?([^<]*)</textarea>', form):
        values[name] = [value]
    return values


@pytest.mark.parametrize(
    ("relation", "words"),
    [("rerun", "Repeats"), ("remix", "Varies"), ("promote", "Final version of")],
)
def test_the_form_opens_filled_says_what_it_makes_and_makes_it(client, team, ready, relation, words):
    page = text_of(client.get(create_url(team), {"from": ready.pk, "as": relation}))
    assert re.search(rf"{words} <a[^>]*>“A boat”</a>", page)

    response = client.post(create_url(team), form_of(page))

    new = Generation.objects.exclude(pk=ready.pk).get()
    assert response["Location"] == new.get_absolute_url()
    assert (new.parent, new.relation) == (ready, relation)


def test_a_long_expanded_prompt_goes_through_the_form_too(client, team, ready):
    Generation.objects.filter(pk=ready.pk).update(used_prompt="w" * 3000)
    page = text_of(client.get(create_url(team), {"from": ready.pk, "as": "rerun"}))

    client.post(create_url(team), form_of(page))

    assert Generation.objects.exclude(pk=ready.pk).get().relation == Relation.RERUN


def test_a_repeat_that_was_changed_is_a_variation(client, team, ready):
    page = text_of(client.get(create_url(team), {"from": ready.pk, "as": "rerun"}))

    client.post(create_url(team), {**form_of(page), "num_frames": "57"})

    new = Generation.objects.exclude(pk=ready.pk).get()
    assert (new.parent, new.relation) == (ready, Relation.REMIX)


def test_a_clip_is_continued_from_its_page(client, team, ready):
    extend = reverse("generations:extend", args=[team.slug, ready.pk])

    lead = client.post(extend, {"at": "0.5"})["Location"]
    page = text_of(client.get(lead))

    assert re.search(r"Continues <a[^>]*>“A boat”</a>", page)
    assert f"Starts from frame 13 of {FRAMES}." in page
    client.post(create_url(team), {**form_of(page), "prompt": ["The boat lands"]})
    new = Generation.objects.exclude(pk=ready.pk).get()
    assert (new.parent, new.relation, new.image.from_frame) == (ready, Relation.EXTEND, 12)


@pytest.mark.parametrize("data", [{}, {"frame": "25"}, {"frame": "x"}, {"at": "-1"}, {"at": "nan"}])
def test_the_last_frame_is_meant_unless_another_is_named(client, team, ready, data):
    client.post(reverse("generations:extend", args=[team.slug, ready.pk]), data)

    assert Image.objects.get(from_clip=ready).from_frame == FRAMES - 1


def test_a_frame_that_is_not_there_is_told_on_the_clips_page(client, team, ready):
    response = client.post(
        reverse("generations:extend", args=[team.slug, ready.pk]), {"frame": "26"}, follow=True
    )

    assert response.redirect_chain[-1][0] == ready.get_absolute_url()
    assert "This clip has 25 frames" in text_of(response)


def test_a_failed_clip_is_tried_again_from_its_page(client, team, clip):
    bring(clip, Status.FAILED, failure_code="provider_error")
    [link] = re.findall(r'href="([^"]+as=retry)"', text_of(client.get(clip.get_absolute_url())))

    page = text_of(client.get(link))
    client.post(create_url(team), form_of(page))

    assert "Another try at" in page
    new = Generation.objects.exclude(pk=clip.pk).get()
    assert (new.parent, new.relation, new.params) == (clip, Relation.RETRY, clip.params)


def test_a_form_does_not_lead_to_another_teams_clip(client, team, ready):
    page = text_of(client.get(create_url(team), {"from": ready.pk, "as": "remix"}))
    foreign = factories.make_team()
    factories.give_credits(foreign)
    other = factories.make_generation(foreign, image=picture_of(foreign), prompt="A secret plan")

    response = client.post(create_url(team), {**form_of(page), "parent": str(other.pk)})

    assert response.status_code == 404
    assert "A secret plan" not in text_of(client.get(create_url(team), {"from": other.pk, "as": "remix"}))
    assert Generation.objects.filter(team=team).count() == 1


def test_the_page_shows_where_a_clip_comes_from_and_what_became_of_it(client, team, ready):
    child = factories.make_generation(team, image=ready.image)
    Generation.objects.filter(pk=child.pk).update(parent=ready, relation=Relation.PROMOTE)

    assert re.search(r"Final version of <a[^>]*>“A boat”</a>", text_of(client.get(child.get_absolute_url())))
    page = text_of(client.get(ready.get_absolute_url()))
    assert "Made from this clip" in page
    assert child.get_absolute_url() in page


def test_what_a_ready_clip_offers(client, team, ready):
    page = text_of(client.get(ready.get_absolute_url()))

    for words in ("Extend", "Promote to final", "Re-run", "Remix"):
        assert f"<span>{words}</span>" in page
    Generation.objects.filter(pk=ready.pk).update(
        media_deleted_at=timezone.now() - timedelta(days=1),
        params={**ready.params, "resolution": "720p", "enable_detail_pass": True},
    )
    page = text_of(client.get(ready.get_absolute_url()))
    assert "<span>Extend</span>" not in page
    assert "<span>Promote to final</span>" not in page
    assert "<span>Remix</span>" in page


def _distance(first: Picture.Image, second: Picture.Image) -> int:
    return sum(
        level * count
        for channel in pictures.ImageChops.difference(first, second).split()
        for level, count in enumerate(channel.histogram())
    )
