"""The pages of batches: each kind's form, what is wrong and where, the price while it is written, the progress."""

import re
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from billing.services import balance_of
from generations.models import Batch, BatchKind, Generation, Image
from generations.states import Status
from tests.contracts.world import picture_of
from tests.support import factories
from tests.support.pictures import photograph
from tests.support.stages import bring

CREDITS = 10_000_000
NINE = 7500  # µ$ of nine frames


@pytest.fixture
def client(team) -> Client:
    browser = Client()
    browser.force_login(factories.owner_of(team))
    return browser


@pytest.fixture
def image(team) -> Image:
    return picture_of(team)


def text_of(response: Any) -> str:
    return unescape(response.content.decode())


def progress_part(page: str) -> str:
    """The opening tag of the part that renews itself."""
    return page[page.index('<div id="progress"') :].partition(">")[0]


def page_url(team: Any, name: str = "batch_create", **kwargs: Any) -> str:
    return reverse(f"generations:{name}", kwargs={"team_slug": team.slug, **kwargs})


def filled(kind: str, **changes: Any) -> dict[str, Any]:
    values = {
        "kind": kind,
        "do": "make",
        "key": str(uuid4()),
        "prompt": "A boat",
        "num_frames": "9",
        "resolution": "480p",
        "aspect_ratio": "auto",
        "quality": "balanced",
        "enable_safety_checker": "on",
    }
    return {name: value for name, value in (values | changes).items() if value is not None}


@pytest.mark.parametrize("kind", BatchKind.values)
def test_each_kind_has_a_form(client, team, image, kind):
    page = text_of(client.get(page_url(team), {"kind": kind}))

    own = {"seeds": 'name="seeds"', "matrix": 'name="prompts"', "rows": 'name="csv"'}
    assert own[kind] in page
    assert 'name="num_frames"' in page
    assert str(image.pk) in page


def test_a_sweep_is_made_from_the_form_and_followed(client, team, image):
    response = client.post(page_url(team), filled("seeds", image=str(image.pk), seeds="1-3", name="Boats"))

    batch = Batch.objects.get()
    assert response["Location"] == page_url(team, "batch", pk=batch.pk)
    assert (batch.name, batch.size, batch.price) == ("Boats", 3, 3 * NINE)
    page = text_of(client.get(response["Location"]))
    assert "Boats" in page
    assert page.count('class="slot"') == 3
    assert "$0.0225 in total: $0.00 charged, $0.0225 held, $0.00 returned." in re.sub(r"<[^>]+>", "", page)
    assert 'hx-trigger="news"' in progress_part(page)


def test_prompts_and_pictures_are_made_from_the_form(client, team, image):
    upload = SimpleUploadedFile("new.jpg", photograph(320, 180))
    data = filled(
        "matrix", prompt=None, prompts="Rain\r\n\r\nSnow\r\nRain", images=[str(image.pk)], files=[upload]
    )

    assert client.post(page_url(team), data).status_code == 302

    assert Generation.objects.count() == 4
    assert {clip.image_id for clip in Generation.objects.all()} == {image.pk, *_others(team, image)}


def test_adding_pictures_orders_nothing(client, team):
    upload = SimpleUploadedFile("new.jpg", photograph(320, 180))

    response = client.post(page_url(team), filled("matrix", do="add", prompts="Rain", files=[upload]))

    [kept] = Image.objects.for_team(team)
    page = text_of(response)
    assert response.status_code == 200
    assert re.search(rf'value="{kept.pk}" checked', page)
    assert ">\nRain</textarea>" in page
    assert not Generation.objects.exists()


def test_a_table_is_made_from_the_form_or_a_file(client, team, image):
    table = "seed,num_frames\n1,9\n2,17\n"
    file = SimpleUploadedFile("rows.csv", b"\xef\xbb\xbfseed\n3\n")

    client.post(page_url(team), filled("rows", image=str(image.pk), csv=table))
    client.post(page_url(team), filled("rows", image=str(image.pk), csv="", csv_file=file))

    assert sorted(clip.params["seed"] for clip in Generation.objects.all()) == [1, 2, 3]


def test_wrong_rows_are_shown_in_place_and_nothing_is_lost(client, team, image):
    table = "seed,prompt\n1,Rain\nx,Snow\n-2,\n"

    response = client.post(page_url(team), filled("rows", image=str(image.pk), csv=table))

    page = text_of(response)
    assert response.status_code == 422
    rows = re.findall(r'<td class="num">(\d+)</td><td class="mono">(\w+)</td>', page)
    assert rows == [("2", "seed"), ("3", "seed")]
    assert "x,Snow" in page
    assert not Generation.objects.exists()


def test_what_all_clips_share_is_told_at_its_field_once(client, team, image):
    response = client.post(
        page_url(team), filled("seeds", image=str(image.pk), seeds="1-2", num_frames="5", prompt="")
    )

    page = text_of(response)
    assert response.status_code == 422
    assert page.count("Length must be a whole number from 9 to 1441.") == 1
    assert page.count("Prompt is required") == 1
    missing = text_of(client.post(page_url(team), filled("rows", prompt=None, csv="seed\n1\n2\n")))
    assert missing.count("Prompt is required") == 1
    assert missing.count("Image URL is required") == 1


def test_a_matrix_names_what_is_missing(client, team):
    page = text_of(client.post(page_url(team), filled("matrix", prompt=None, prompts=" \n")))

    assert "Write at least one prompt" in page
    assert "Choose at least one picture" in page


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (filled("seeds", seeds="1-4", prompt=""), "4 clips for $0.03"),
        (filled("seeds", seeds="1"), "1 clip for $0.0075"),
        (filled("seeds", seeds="1-4"), "All ready in "),
        (filled("seeds", seeds="x"), "Fill in what is missing to see the price."),
        (filled("rows", csv="num_frames\n9\n17\nmany\n"), "2 clips for $0.0217"),
        (filled("rows", csv="num_frames\n9\n17\nmany\n"), "1 row not counted"),
        (filled("seeds", seeds="1-999"), "at most 200 clips"),
        (filled("seeds", seeds="1-9", num_frames="1441"), "$0.8076 is missing"),
    ],
)
def test_the_price_follows_the_form(client, team, data, expected):
    fragment = text_of(client.post(page_url(team, "batch_price"), data))

    assert expected in " ".join(re.sub(r"<[^>]+>", "", fragment).split())
    assert not Batch.objects.exists()


def test_the_same_form_twice_makes_one_batch(client, team, image):
    form = filled("seeds", image=str(image.pk), seeds="1-2")

    first, second = client.post(page_url(team), form), client.post(page_url(team), form)

    assert first["Location"] == second["Location"]
    assert Generation.objects.count() == 2


def test_without_credits_the_form_says_what_is_missing(client, team, image):
    page = text_of(
        client.post(page_url(team), filled("seeds", image=str(image.pk), seeds="1-9", num_frames="1441"))
    )

    assert "These 9 clips cost $10.8076 and your team has $10.00 left." in page
    assert not Batch.objects.exists()


def test_canceling_from_the_page_says_what_became_of_it(client, team, image):
    batch = factories.make_batch(team, image=image, clips=3)

    response = client.post(page_url(team, "batch_cancel", pk=batch.pk), follow=True)

    page = text_of(response)
    assert "3 clips canceled; nothing was charged for them." in page
    assert "hx-trigger" not in progress_part(page)
    assert balance_of(team).available == CREDITS


def test_a_long_batch_is_shown_page_by_page(client, team, image):
    batch = factories.make_batch(team, image=image, clips=61)
    address = page_url(team, "batch", pk=batch.pk)

    first, second = text_of(client.get(address)), text_of(client.get(address, {"first": "60"}))

    assert (first.count('class="slot"'), second.count('class="slot"')) == (60, 1)
    assert "?first=60" in first
    assert client.get(address, {"first": "x"}).status_code == 200


def test_the_clips_of_a_sweep_are_told_apart_by_their_seeds(client, team, image):
    client.post(page_url(team), filled("seeds", image=str(image.pk), seeds="7-9"))
    batch = Batch.objects.get()

    page = text_of(client.get(page_url(team, "batch", pk=batch.pk)))

    assert re.findall(r"seed (\d+)", page) == ["7", "8", "9"]


def test_progress_comes_as_the_part_alone(client, team, image):
    batch = factories.make_batch(team, image=image)

    fragment = text_of(client.get(page_url(team, "batch", pk=batch.pk), headers={"HX-Request": "true"}))

    assert fragment.strip().startswith('<div id="progress"')


def test_the_list_shows_how_far_each_is(client, team, image):
    batch = factories.make_batch(team, image=image, clips=2)
    bring(batch.generations.first(), Status.SUCCEEDED)

    page = re.sub(r"<[^>]+>", "", text_of(client.get(page_url(team, "batches"))))

    assert "1 of 2 ready" in page
    assert "$0.0075 charged" in page


def _others(team: Any, image: Image) -> set[Any]:
    return set(Image.objects.for_team(team).exclude(pk=image.pk).values_list("pk", flat=True))
