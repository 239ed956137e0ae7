"""Recipes: complete, the same everywhere, and enough to send fal the very same input again."""

import hashlib
import json
import re
from decimal import Decimal

import httpx
import pytest

from generations.models import Generation
from generations.parameters import ClipParams, Lora
from generations.recipe import NotARecipe, params_as_used, params_of, picture_of, recipe_of
from generations.services import submit_generation
from tests.support import flow
from tests.support.api import api_for
from tests.support.factories import actor_for, make_generation, make_team, owner_of

pytestmark = pytest.mark.django_db

# One of each type, and every value that a careless reading would lose.
ODD = {
    "seed": 0,
    "loras": (Lora("owner/repository", Decimal(0), "weights.safetensors"), Lora("https://huggingface.co/x")),
    "temporal_adain_factor": Decimal("0.15"),
    "tone_map_compression_ratio": Decimal(0),
    "constant_rate_factor": 0,
    "negative_prompt": "",
    "reverse_video": True,
    "enable_detail_pass": True,
    "prompt": "Löwe, 狮子, “quoted”\\",
}


def repeat(recipe: dict, team) -> Generation:
    """A new clip from nothing but the recipe."""
    image = picture_of(recipe, team=team)
    return submit_generation(
        actor=actor_for(team), image_id=image.pk, params=params_of(recipe), idempotency_key="again"
    ).generation


def body_of(generation: Generation) -> dict:
    return generation.submissions.get().body


@pytest.mark.parametrize("params", [{}, ODD], ids=["defaults", "odd"])
def test_a_recipe_sends_fal_the_same_input_again(fal, team, params):
    first = flow.run(make_generation(team, **params))
    recipe = json.loads(json.dumps(recipe_of(first)))

    second = repeat(recipe, team)
    flow.dispatch_all()

    sent, again = body_of(first), body_of(second)
    picture, same_picture = sent.pop("image_url"), again.pop("image_url")
    assert json.dumps(again) == json.dumps(sent)  # types, too: 0 is not 0.0, and not false
    assert list(fal.requests()[1]["input"]) == list(fal.requests()[0]["input"])
    contents = [httpx.get(url, trust_env=False).content for url in (picture, same_picture)]
    assert {hashlib.sha256(content).hexdigest() for content in contents} == {recipe["image"]["sha256"]}


def test_it_tells_what_was_asked_used_and_delivered(fal, team):
    clip = flow.run(make_generation(team, expand_prompt=True))

    recipe = recipe_of(clip)

    assert recipe["endpoint"] == "fal-ai/ltxv-13b-098-distilled/image-to-video"
    assert recipe["input"]["seed"] is None
    assert recipe["used"] == {"prompt": clip.used_prompt, "seed": clip.used_seed}
    assert recipe["used"]["prompt"].startswith(recipe["input"]["prompt"])
    assert recipe["used"]["prompt"] != recipe["input"]["prompt"]
    assert recipe["delivered"]["sha256"] == clip.video_sha256
    assert recipe["delivered"]["frames"] == 9
    assert recipe["image"]["size"] == clip.image.size
    assert re.fullmatch(r"\d+\.\d+\.\d+", recipe["platform"]["version"])


def test_what_was_used_repeats_the_clip(fal, team):
    clip = flow.run(make_generation(team, expand_prompt=True))

    params = params_as_used(recipe_of(clip))

    assert (params.prompt, params.seed, params.expand_prompt) == (clip.used_prompt, clip.used_seed, False)


def test_a_clip_that_was_never_made_has_a_recipe_to_try_with(team, client):
    clip = make_generation(team)

    recipe = recipe_of(clip)

    assert (recipe["used"], recipe["delivered"]) == (None, None)
    assert params_of(recipe) == clip.clip_params
    with pytest.raises(NotARecipe):
        params_as_used(recipe)


@pytest.mark.parametrize(
    "data",
    [{}, {"recipe": 2}, {"recipe": 1}, {"recipe": 1, "input": []}, {"recipe": 1, "input": {"prompt": "x"}}],
)
def test_anything_else_is_no_recipe(data):
    with pytest.raises(NotARecipe):
        params_of(data)


def test_another_team_s_picture_is_not_found(team):
    recipe = recipe_of(make_generation(team))

    assert picture_of(recipe, team=make_team()) is None


def test_page_and_api_hand_out_the_same(team, client):
    clip = make_generation(team)
    client.force_login(owner_of(team))

    page = client.get(clip.get_absolute_url())
    file = client.get(f"/t/{team.slug}/clips/{clip.pk}/recipe.json")
    answer = api_for(team).get(f"/generations/{clip.pk}/recipe")

    assert f'href="/t/{team.slug}/clips/{clip.pk}/recipe.json"' in page.content.decode()
    assert file["Content-Disposition"] == f'attachment; filename="clip-{clip.pk.hex[:8]}-recipe.json"'
    assert file.json() == answer.json() == recipe_of(clip)


def test_all_inputs_are_in_it(team):
    assert recipe_of(make_generation(team))["input"].keys() == ClipParams("x").as_json().keys()


def test_the_version_is_the_package_s(settings):
    with (settings.BASE_DIR / "pyproject.toml").open() as file:
        assert f'version = "{settings.VERSION}"' in file.read()
