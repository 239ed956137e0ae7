"""The create page: what it offers, what it refuses, what it costs, and that it makes each clip once."""

import re
from decimal import Decimal
from html import unescape
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from billing.services import balance_of, set_limit
from generations import guidance
from generations.models import Generation, Image
from generations.parameters import PARAMETERS, Lora
from generations.presentation import DIVIDED, TIMES
from generations.selectors import clips_of
from tests.contracts.world import browser_of
from tests.support import factories
from tests.support.pictures import photograph

HTMX = {"HX-Request": "true"}
CREDITS = 10_000_000


@pytest.fixture
def client(team):
    browser = Client()
    browser.force_login(factories.owner_of(team))
    return browser


@pytest.fixture
def picture(team):
    return factories.make_image(team, width=1280, height=720)


@pytest.fixture
def create(team):
    return reverse("generations:create", args=[team.slug])


@pytest.fixture
def price(team):
    return reverse("generations:price", args=[team.slug])


@pytest.fixture
def upload(team):
    return reverse("generations:image_upload", args=[team.slug])


def text_of(response) -> str:
    return unescape(response.content.decode())


def filled(picture=None, **changes):
    """What a browser sends for a form nobody touched but for the prompt; None leaves a field out."""
    values = {
        "key": str(uuid4()),
        "image": str(picture.pk) if picture else None,
        "prompt": "A boat drifts over a calm lake",
        "num_frames": "9",
        "resolution": "480p",
        "aspect_ratio": "auto",
        "quality": "balanced",
        "negative_prompt": "blurry",
        "seed": "",
        "frame_rate": "24",
        "first_pass_num_inference_steps": "8",
        "second_pass_num_inference_steps": "8",
        "second_pass_skip_initial_steps": "5",
        "temporal_adain_factor": "0.5",
        "tone_map_compression_ratio": "0",
        "constant_rate_factor": "29",
        "enable_safety_checker": "on",
        "lora_path": [""] * 10,
        "lora_scale": [""] * 10,
        "lora_weight_name": [""] * 10,
    } | changes
    return {name: value for name, value in values.items() if value is not None}


def upload_of(name: str = "photo.jpg", content: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, photograph(320, 180) if content is None else content)


# -- what it offers


def test_every_input_can_be_reached_and_is_explained(client, create, picture):
    page = text_of(client.get(create))

    assert len(PARAMETERS) == 18  # and the picture is the nineteenth
    for parameter in PARAMETERS:
        field = "lora_path" if parameter.name == "loras" else parameter.name
        assert f'name="{field}"' in page, parameter.name
        if parameter.name not in {"prompt", "loras"}:
            assert parameter.guidance in page, parameter.name
    assert 'name="image"' in page
    assert 'name="file"' in page


def test_what_helps_with_prompts_and_costs_stands_beside_the_controls(client, create):
    page = text_of(client.get(create))

    for part in guidance.PROMPT_PARTS:
        assert f"{part.name}: {part.advice}" in page
    for opening in (*guidance.STARTERS, *guidance.PATTERNS):
        assert opening.prompt in page
    for sentence in (guidance.PROMPT_GOOD, guidance.PROMPT_BETTER, *guidance.SAVINGS, guidance.PLANNING):
        assert sentence in page
    assert guidance.PICTURE_TIP in page


def test_recent_pictures_are_offered_and_those_of_others_are_not(client, create, picture):
    foreign = factories.make_image(factories.make_team())

    page = text_of(client.get(create))

    assert str(picture.pk) in page
    assert str(foreign.pk) not in page


def test_who_may_only_look_is_refused(team, create):
    browser = Client()
    browser.force_login(factories.make_member(team, "viewer"))

    assert browser.get(create).status_code == 403
    assert browser.post(create, filled()).status_code == 403


# -- first values


@pytest.mark.parametrize("opening", guidance.OPENINGS)
def test_a_starter_or_pattern_fills_the_prompt_without_scripts(client, create, opening):
    page = text_of(client.get(create, {"start": opening}))

    assert f">\n{guidance.OPENINGS[opening].prompt}</textarea>" in page


def test_a_clip_can_be_made_again_with_its_picture_and_settings(team, client, create, picture):
    clip = factories.make_generation(
        team,
        image=picture,
        prompt="A kite climbs",
        seed=0,
        num_frames=57,
        first_pass_num_inference_steps=12,
        second_pass_num_inference_steps=12,
    )

    page = text_of(client.get(create, {"from": clip.pk}))

    assert ">\nA kite climbs</textarea>" in page
    assert re.search(r'name="seed"[^>]*value="0"|value="0"[^>]*name="seed"', page)
    assert re.search(r'value="high"[^>]*checked', page)
    assert re.search(rf'value="{picture.pk}" checked', page)


def test_the_name_of_a_weight_survives_being_made_again(team, client, create, picture):
    lora = Lora("user/many", Decimal("0.80"), "night.safetensors")
    clip = factories.make_generation(team, image=picture, loras=(lora, Lora("user/none", Decimal("0.00"))))
    page = text_of(client.get(create, {"from": clip.pk}))
    rows = {
        name: re.findall(rf'name="{name}" value="([^"]*)"', page)
        for name in ("lora_path", "lora_scale", "lora_weight_name")
    }

    client.post(create, filled(picture, **rows))

    assert rows["lora_scale"][:2] == ["0.8", "0"]
    assert clips_of(team)[0].clip_params.loras == clip.clip_params.loras


def test_nothing_is_copied_from_another_teams_clip(client, create):
    other = factories.make_team()
    factories.give_credits(other)
    clip = factories.make_generation(other, prompt="A secret plan")

    page = text_of(client.get(create, {"from": clip.pk, "image": clip.image_id}))

    assert "A secret plan" not in page
    assert str(clip.image_id) not in page


# -- the price


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"num_frames": "121"}, ["$0.1009", "5.04 s billed", "plays 5.04 s", "$9.89"]),
        ({"num_frames": "121", "frame_rate": "30"}, ["$0.1009", "5.04 s billed", "plays 4.03 s"]),
        (
            {"num_frames": "121", "enable_detail_pass": "on"},
            ["$0.2017", f"{TIMES} 2 for the detail pass", "$9.79"],
        ),
        (
            {"num_frames": "9"},
            ["$0.0075", f"9 frames {DIVIDED} 24 a second {TIMES} $0.02 a second = $0.0075"],
        ),
    ],
)
def test_the_price_says_what_it_means(client, price, changes, expected):
    fragment = text_of(client.get(price, filled(**changes)))

    for part in expected:
        assert part in fragment


@pytest.mark.parametrize("frames", ["", "8", "1442", "many"])
def test_without_a_usable_length_there_is_no_price(client, price, frames):
    fragment = text_of(client.get(price, filled(num_frames=frames)))

    if frames == "":  # nothing entered means the model's default
        assert "$0.1009" in fragment
    else:
        assert "Choose a length from 9 to 1441 frames" in fragment


def test_other_mistakes_do_not_hide_the_price(client, price):
    fragment = text_of(client.get(price, filled(num_frames="121", prompt="", seed="x", frame_rate="99")))

    assert "$0.1009" in fragment


def test_doubtful_steps_are_pointed_out(client, price):
    fragment = text_of(client.get(price, filled(quality="fast", enable_detail_pass="on")))

    assert "Skip fewer steps" in fragment


@pytest.mark.parametrize(("resolution", "warned"), [("480p", False), ("720p", True)])
def test_a_picture_smaller_than_the_clip_is_pointed_out(team, client, price, resolution, warned):
    small = factories.make_image(team, width=854, height=480)

    fragment = text_of(client.get(price, filled(small, resolution=resolution)))

    assert ("may look soft" in fragment) == warned


# -- refusals


def refused(client, create, data, **kwargs) -> str:
    response = client.post(create, data, **kwargs)
    assert response.status_code == 422
    return text_of(response)


def test_missing_prompt_and_picture_are_both_named_and_nothing_happens(team, client, create):
    page = refused(client, create, filled(prompt="", negative_prompt="rain", seed="42", num_frames="57"))

    assert "Prompt is required" in page
    assert "Image URL is required" in page
    assert ">\nrain</textarea>" in page
    assert 'value="42"' in page
    assert 'value="57"' in page
    assert not Generation.objects.exists()
    assert balance_of(team).available == CREDITS


def test_a_long_prompt_is_refused_whole(client, create, picture):
    page = refused(client, create, filled(picture, prompt="p" * 1001))

    assert "Prompt must be 1000 characters or less" in page
    assert "p" * 1001 in page
    assert not Generation.objects.exists()


def test_an_error_under_advanced_opens_it(client, create, picture):
    page = refused(client, create, filled(picture, lora_path=["evil.example/x/y"]))

    assert "LoRA 1 must be a repository (owner/name)" in page
    assert re.search(r'<details[^>]*id="advanced"[^>]* open', page)


def test_another_teams_picture_counts_as_none(client, create):
    foreign = factories.make_image(factories.make_team())

    assert "Image URL is required" in refused(client, create, filled(foreign))


def test_a_broken_picture_says_what_to_do(client, create):
    page = refused(client, create, filled(file=upload_of("notes.txt", b"not a picture")))

    assert "This file is not a picture we can read. Use JPEG, PNG or WebP." in page
    assert "Image URL is required" not in page


def test_a_picture_sent_with_a_wrong_form_has_not_to_be_sent_again(team, client, create):
    page = refused(client, create, filled(file=upload_of(), prompt=""))

    [kept] = Image.objects.for_team(team)
    assert re.search(rf'value="{kept.pk}" checked', page)
    assert "Image URL is required" not in page


def test_for_htmx_the_form_comes_back_in_its_place(client, create, picture):
    response = client.post(create, filled(picture, prompt=""), headers=HTMX)

    assert response.status_code == 422
    assert response["HX-Retarget"] == "#workbench"
    assert response["HX-Reswap"] == "outerHTML"
    assert "<html" not in text_of(response)


# -- too little money


def test_without_funds_the_page_says_what_is_missing_and_what_is_paid_for(client, price, team):
    fragment = text_of(client.get(price, filled(num_frames="1441", enable_detail_pass="on")))
    assert "data-missing" not in fragment

    poor = factories.make_team(factories.owner_of(team))
    factories.give_credits(poor, 50_000)
    fragment = text_of(client.get(reverse("generations:price", args=[poor.slug]), filled(num_frames="121")))

    assert "data-missing" in fragment
    # 50,000 µ$ pay for 60 frames; 57 is the longest on the grid.
    assert 'data-frames="57"' in fragment
    assert "$0.0509" in fragment
    assert reverse("billing:home", args=[poor.slug]) in fragment
    editor = Client()
    editor.force_login(factories.make_member(poor, "editor"))
    fragment = text_of(editor.get(reverse("generations:price", args=[poor.slug]), filled(num_frames="121")))
    assert factories.owner_of(poor).get_short_name() in fragment


def test_without_funds_nothing_is_made_or_held(team, client):
    poor = factories.make_team(factories.owner_of(team))
    picture = factories.make_image(poor)

    page = refused(client, reverse("generations:create", args=[poor.slug]), filled(picture))

    assert "Not enough credit" in page
    assert not Generation.objects.exists()
    assert balance_of(poor).held == 0


# -- accepted


def test_without_scripts_the_clips_page_follows(team, client, create, picture):
    response = client.post(create, filled(picture))

    clip = Generation.objects.get()
    assert response.status_code == 302
    assert response["Location"] == clip.get_absolute_url()
    assert (clip.team, clip.image, clip.price) == (team, picture, 7500)
    assert balance_of(team).held == 7500


def test_a_file_in_the_form_is_the_picture(team, client, create, picture):
    client.post(create, filled(picture, file=upload_of()))

    clip = Generation.objects.get()
    assert clip.image != picture
    assert (clip.image.width, clip.image.height) == (320, 180)


def test_the_same_form_twice_makes_one_clip(team, client, create, picture):
    form = filled(picture)

    first, second = client.post(create, form), client.post(create, form)

    assert first["Location"] == second["Location"]
    assert Generation.objects.count() == 1
    assert balance_of(team).held == 7500


def test_a_form_used_before_asks_for_another_press(client, create, picture):
    form = filled(picture)
    client.post(create, form)

    page = refused(client, create, form | {"prompt": "Something else"})

    assert "This form has made a clip already" in page
    [key] = re.findall(r'name="key"[^>]*value="([^"]+)"', page)
    assert UUID(key) != UUID(form["key"])
    assert Generation.objects.count() == 1


def test_for_htmx_the_tile_a_new_key_and_the_new_balance_follow(team, client, create, picture):
    form = filled(picture)

    response = client.post(create, form, headers=HTMX)

    clip = Generation.objects.get()
    fragment = text_of(response)
    assert response.status_code == 200
    assert f'id="tile-{clip.pk}"' in fragment
    assert "1st in line" in fragment
    [key] = re.findall(r'name="key"[^>]*value="([^"]+)"', fragment)
    assert key != form["key"]
    assert 'id="balance" hx-swap-oob="true"' in fragment
    assert "$9.99" in fragment
    assert "clip-accepted" in response["HX-Trigger"]


def test_for_htmx_a_repeated_form_leads_to_its_clip(client, create, picture):
    form = filled(picture)
    client.post(create, form, headers=HTMX)

    response = client.post(create, form, headers=HTMX)

    assert response["HX-Redirect"] == Generation.objects.get().get_absolute_url()


@pytest.mark.parametrize(
    ("quality", "steps"), [("fast", (6, 6)), ("balanced", (8, 8)), ("high", (12, 12)), ("custom", (3, 4))]
)
def test_a_quality_decides_the_steps_and_custom_leaves_them(client, create, picture, quality, steps):
    own = {"first_pass_num_inference_steps": "3", "second_pass_num_inference_steps": "4"}

    client.post(create, filled(picture, quality=quality, **own))

    params = Generation.objects.get().clip_params
    assert (params.first_pass_num_inference_steps, params.second_pass_num_inference_steps) == steps


def test_every_field_reaches_the_clip(client, create, picture):
    client.post(
        create,
        filled(
            picture,
            seed="0",
            frame_rate="30",
            second_pass_skip_initial_steps="1",
            temporal_adain_factor="0.15",
            tone_map_compression_ratio="0.3",
            constant_rate_factor="0",
            expand_prompt="on",
            reverse_video="on",
            enable_detail_pass="on",
            enable_safety_checker=None,
            lora_path=["https://huggingface.co/a.safetensors", "", "user/b", "user/c"],
            lora_scale=["0.8", "", "", "0"],
            lora_weight_name=["", "", "night.safetensors", ""],
        ),
    )

    params = Generation.objects.get().params
    expected = {
        "seed": 0,
        "frame_rate": 30,
        "negative_prompt": "blurry",
        "second_pass_skip_initial_steps": 1,
        "temporal_adain_factor": 0.15,
        "tone_map_compression_ratio": 0.3,
        "constant_rate_factor": 0,
        "expand_prompt": True,
        "reverse_video": True,
        "enable_detail_pass": True,
        "enable_safety_checker": False,  # an unchecked box is sent as nothing
        "loras": [
            {"path": "https://huggingface.co/a.safetensors", "scale": 0.8},
            {"path": "user/b", "scale": 1.0, "weight_name": "night.safetensors"},
            {"path": "user/c", "scale": 0.0},
        ],
    }
    assert {name: params[name] for name in expected} == expected


# -- pictures


def test_an_uploaded_picture_is_chosen_at_once(team, client, upload):
    response = client.post(upload, {"file": upload_of("my dog.jpg")}, headers=HTMX)

    [kept] = Image.objects.for_team(team)
    fragment = text_of(response)
    assert response.status_code == 200
    assert re.search(rf'value="{kept.pk}" checked', fragment)
    assert "my dog.jpg" in fragment
    assert f"320 {TIMES} 180" in fragment
    assert "picture-changed" in response["HX-Trigger-After-Swap"]


def test_a_refused_upload_keeps_the_picture_before(client, upload, picture):
    data = {"file": upload_of("x.jpg", b"GIF89a"), "image": str(picture.pk)}

    response = client.post(upload, data, headers=HTMX)

    assert response.status_code == 422
    assert "This file is not a picture we can read" in text_of(response)
    assert re.search(rf'value="{picture.pk}" checked', text_of(response))


def test_an_upload_without_scripts_leads_back_to_the_form(team, client, upload, create):
    response = client.post(upload, {"file": upload_of()})

    [kept] = Image.objects.for_team(team)
    assert response["Location"] == f"{create}?image={kept.pk}"


def test_choosing_a_recent_picture_asks_for_its_part_alone(client, create, picture):
    fragment = text_of(client.get(create, {"image": picture.pk}, headers=HTMX))

    assert "<textarea" not in fragment
    assert f"1280 {TIMES} 720" in fragment


@pytest.mark.parametrize(("changes", "queries"), [({"num_frames": "121"}, 8), ({"num_frames": "x"}, 5)])
def test_a_price_costs_few_queries(client, price, picture, django_assert_num_queries, changes, queries):
    client.get(price, filled(picture))

    with django_assert_num_queries(queries):
        client.get(price, filled(picture, **changes))


def test_the_button_says_what_is_left_of_ones_own_limit(team):
    jo = factories.make_member(team, "editor")
    set_limit(team=team, member=jo, period="month", cap=5_000_000)
    set_limit(team=team, member=jo, period="day", cap=200_000)
    mine, others = browser_of(jo), browser_of(factories.owner_of(team))

    form = mine.get(f"/t/{team.slug}/create/").content.decode()
    assert "$0.099166 of your limit of $0.20 a day left afterwards" in form
    dear = mine.get(f"/t/{team.slug}/price/?num_frames=721").content.decode()
    assert "Your limit of $0.20 a day has $0.20 left: this clip costs more." in dear
    assert "your limit" not in others.get(f"/t/{team.slug}/create/").content.decode().casefold()
