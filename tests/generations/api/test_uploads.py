"""Pictures sent over the API."""

import hashlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from generations.models import Image
from tests.support.api import ApiClient, api_for, pointers
from tests.support.factories import make_team
from tests.support.openapi import assert_described
from tests.support.pictures import photograph

pytestmark = pytest.mark.django_db


def picture(seed: int = 1, name: str = "photo.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, photograph(320, 240, seed), "image/jpeg")


def test_a_picture_is_kept_for_the_team(api, team):
    response = api.upload("/uploads", {"file": picture()})
    data = response.json()
    row = Image.objects.get()

    assert response.status_code == 201
    assert (data["id"], data["width"], data["height"]) == (str(row.pk), 320, 240)
    assert (data["sha256"], data["size"], data["name"]) == (row.sha256, row.size, "photo.jpg")
    assert row.team == team
    assert response["Location"] == f"/api/v1/uploads/{row.pk}"
    assert_described(response, "post", "/uploads")


def test_its_address_opens_the_file_without_a_key(api):
    data = api.upload("/uploads", {"file": picture()}).json()

    content = ApiClient().client.get(data["url"]).getvalue()

    assert hashlib.sha256(content).hexdigest() == data["sha256"]


def test_the_same_picture_again_is_the_same_upload(api):
    first = api.upload("/uploads", {"file": picture()})
    again = api.upload("/uploads", {"file": picture(name="copy.jpg")})

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    assert_described(again, "post", "/uploads")


def test_it_can_be_looked_up(api, image):
    response = api.get(f"/uploads/{image.pk}")

    assert response.json()["id"] == str(image.pk)
    assert_described(response, "get", "/uploads/{id}")


def test_another_teams_picture_does_not_exist(image):
    response = api_for(make_team()).get(f"/uploads/{image.pk}")

    assert response.status_code == 404
    assert_described(response, "get", "/uploads/{id}")


@pytest.mark.parametrize(
    "fields",
    [{}, {"file": "text"}, {"picture": "text"}, {"file": "text", "name": "x"}],
)
def test_anything_but_one_file_is_refused(fields, api):
    response = api.upload("/uploads", fields)

    assert (response.status_code, response.json()["code"]) == (422, "validation")
    assert not Image.objects.exists()


def test_two_files_are_refused(api):
    assert api.upload("/uploads", {"file": [picture(1), picture(2)]}).status_code == 422


def test_a_file_that_is_no_picture_is_unsupported(api):
    response = api.upload("/uploads", {"file": SimpleUploadedFile("a.jpg", b"%PDF-1.7 nothing to see")})

    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media")
    assert_described(response, "post", "/uploads")


def test_a_file_beyond_the_limit_is_too_large(api, settings):
    settings.UPLOAD_MAX_BYTES = 1000
    response = api.upload("/uploads", {"file": picture()})

    assert (response.status_code, response.json()["code"]) == (413, "too_large")


def test_a_body_that_announces_too_much_is_not_read(api, settings):
    settings.UPLOAD_MAX_BYTES = 1000
    response = api.upload("/uploads", {"file": SimpleUploadedFile("a.jpg", b"x" * 200_000)})

    assert response.status_code == 413


def test_a_json_body_names_an_address(api):
    response = api.post("/uploads", {"file": "x"})

    assert (response.status_code, pointers(response)) == (422, ["/file"])


def test_a_broken_multipart_body_is_malformed(api):
    response = api.post("/uploads", b"--x", Content_Type="multipart/form-data")

    assert (response.status_code, response.json()["code"]) == (400, "malformed")
