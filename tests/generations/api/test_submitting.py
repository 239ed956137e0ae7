"""Clips ordered over the API: what is refused, charged and repeated."""

import base64

import pytest

from billing.services import balance_of
from generations.models import Generation, Image
from generations.parameters import PARAMETERS
from tests.generations.api.clips import wish
from tests.support.api import api_for, pointers
from tests.support.factories import give_credits, make_image, make_team
from tests.support.openapi import assert_described
from tests.support.pictures import photograph

pytestmark = pytest.mark.django_db


def test_a_clip_is_put_in_line_and_its_price_held(api, team, image):
    response = api.post("/generations", wish(image, num_frames=121, seed=0), Idempotency_Key="one")
    data = response.json()
    clip = Generation.objects.get()

    assert response.status_code == 201
    assert response["Location"] == f"/api/v1/generations/{clip.pk}"
    assert "Idempotent-Replayed" not in response
    assert (data["id"], data["status"], data["image"]) == (str(clip.pk), "queued", str(image.pk))
    assert data["cost"] == {
        "currency": "USD",
        "quoted": "0.100834",
        "held": "0.100834",
        "captured": "0.000000",
        "released": "0.000000",
    }
    assert data["queue"] == {"place": 1, "provider_position": None, "paused": None}
    assert data["params"]["seed"] == 0
    assert data["params"].keys() == {parameter.name for parameter in PARAMETERS}
    assert (data["output"], data["failure"], data["used"]) == (None, None, None)
    assert [event["status"] for event in data["timeline"]] == ["queued"]
    assert (clip.team, clip.api_key.team, clip.idempotency_key) == (team, team, "one")
    assert balance_of(team).held == 100_834
    assert_described(response, "post", "/generations")


def test_every_input_arrives_by_fals_name(api, image):
    given = {
        "negative_prompt": "",
        "loras": [{"path": "https://huggingface.co/a.safetensors", "scale": 0, "weight_name": "w"}],
        "resolution": "480p",
        "aspect_ratio": "9:16",
        "seed": 0,
        "num_frames": 9,
        "first_pass_num_inference_steps": 2,
        "second_pass_num_inference_steps": 12,
        "second_pass_skip_initial_steps": 1,
        "frame_rate": 60,
        "expand_prompt": True,
        "reverse_video": True,
        "enable_safety_checker": False,
        "enable_detail_pass": True,
        "temporal_adain_factor": 0,
        "tone_map_compression_ratio": 0.15,
        "constant_rate_factor": 0,
    }

    params = api.post("/generations", wish(image, **given)).json()["params"]

    assert {name: params[name] for name in given} == given


def test_a_repeat_gives_the_first_clip_back(api, team, image):
    first = api.post("/generations", wish(image), Idempotency_Key="same key")
    again = api.post("/generations", wish(image), Idempotency_Key="same key")

    assert (again.status_code, again["Idempotent-Replayed"]) == (201, "true")
    assert again.json() == first.json()
    assert again["Location"] == first["Location"]
    assert Generation.objects.count() == 1
    assert balance_of(team).held == Generation.objects.get().price


def test_the_same_key_for_another_body_is_refused(api, image):
    api.post("/generations", wish(image), Idempotency_Key="k")
    response = api.post("/generations", wish(image, seed=1), Idempotency_Key="k")

    assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reuse")
    assert Generation.objects.count() == 1
    assert_described(response, "post", "/generations")


def test_teams_do_not_share_keys(api, image):
    other = make_team()
    give_credits(other)
    api.post("/generations", wish(image), Idempotency_Key="k")

    response = api_for(other).post("/generations", wish(make_image(other)), Idempotency_Key="k")

    assert response.status_code == 201
    assert "Idempotent-Replayed" not in response


def test_without_a_key_each_request_makes_a_clip(api, image):
    assert [api.post("/generations", wish(image)).status_code for _ in range(2)] == [201, 201]
    assert Generation.objects.count() == 2


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "é", "a\tb"])
def test_a_key_that_cannot_be_kept_is_malformed(key, api, image):
    response = api.post("/generations", wish(image), Idempotency_Key=key)

    assert (response.status_code, response.json()["code"]) == (400, "malformed")
    assert not Generation.objects.exists()


def test_the_longest_key_is_kept(api, image):
    assert api.post("/generations", wish(image), Idempotency_Key="x" * 255).status_code == 201


def test_without_credits_nothing_is_made(image):
    team = make_team()
    response = api_for(team).post("/generations", wish(make_image(team)))

    assert (response.status_code, response.json()["code"]) == (402, "insufficient_credits")
    assert (response.json()["needed"], response.json()["available"]) == ("0.100834", "0.000000")
    assert not Generation.objects.exists()
    assert_described(response, "post", "/generations")


def test_a_key_that_may_not_see_the_balance_is_not_told_it():
    team = make_team()
    response = api_for(team, scopes=["generate"]).post("/generations", wish(make_image(team)))

    assert response.status_code == 402
    assert "available" not in response.json()


def test_all_wrong_fields_are_named_at_once(api):
    response = api.post("/generations", {"num_frames": 1, "who": 1})

    assert response.status_code == 422
    assert set(pointers(response)) == {"/prompt", "/num_frames", "/who", "/image"}
    assert "Prompt is required" in response.content.decode()
    assert "Image URL is required" in response.content.decode()


@pytest.mark.parametrize("image_id", ["x", 1, [], {}, "00000000-0000-4000-8000-000000000000", ""])
def test_a_picture_that_is_not_there_is_named(image_id, api):
    response = api.post("/generations", {"prompt": "p", "image": image_id})

    assert (response.status_code, pointers(response)) == (422, ["/image"])


def test_another_teams_picture_is_not_there(image):
    other = make_team()
    give_credits(other)

    assert pointers(api_for(other).post("/generations", wish(image))) == ["/image"]


def test_a_picture_may_come_as_a_data_uri(api, team):
    content = photograph(320, 240, 5)
    uri = f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
    body = {"prompt": "A boat", "image_url": uri}

    first = api.post("/generations", body, Idempotency_Key="k")
    again = api.post("/generations", body, Idempotency_Key="k")

    assert (first.status_code, again.status_code) == (201, 201)
    assert again["Idempotent-Replayed"] == "true"
    assert first.json()["image"] == str(Image.objects.get(team=team).pk)


@pytest.mark.parametrize(
    "address",
    ["ftp://example.com/a.jpg", "data:text/plain;base64,YQ==", "data:image/png;base64,@@", "", 3, []],
)
def test_other_addresses_are_refused_with_the_way_to_go(address, api):
    response = api.post("/generations", {"prompt": "p", "image_url": address})

    assert (response.status_code, pointers(response)) == (422, ["/image_url"])
    assert not Image.objects.exists()


def test_a_data_uri_that_is_no_picture_is_refused(api):
    uri = f"data:image/png;base64,{base64.b64encode(b'nothing').decode()}"
    response = api.post("/generations", {"prompt": "p", "image_url": uri})

    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media")


def test_two_pictures_are_one_too_many(api, image):
    response = api.post("/generations", wish(image, image_url="data:image/png;base64,YQ=="))

    assert pointers(response) == ["/image_url"]


def test_a_doubtful_wish_is_accepted_with_a_warning(api, image):
    response = api.post("/generations", wish(image, num_frames=60))

    assert response.status_code == 201
    assert response.json()["params"]["num_frames"] == 60
    assert len(response.json()["warnings"]) == 1
