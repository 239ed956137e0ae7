"""Pictures, prices and clips over the API."""

import base64
import hashlib
import json
import uuid
from datetime import datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.services import balance_of, publish_price
from generations.models import Generation, Image
from generations.parameters import PARAMETERS
from generations.services.states import advance
from generations.states import Status
from tests.support.api import ApiClient, api_for, make_key
from tests.support.factories import give_credits, make_generation, make_image, make_team
from tests.support.openapi import assert_described
from tests.support.pictures import photograph

pytestmark = pytest.mark.django_db
MODEL = "fal-ai/ltxv-13b-098-distilled/image-to-video"


@pytest.fixture
def api(team) -> ApiClient:
    return api_for(team)


@pytest.fixture
def image(team) -> Image:
    return make_image(team)


def wish(image: Image, **more):
    return {"prompt": "A boat drifts over a calm lake", "image": str(image.pk), **more}


def picture(seed: int = 1, name: str = "photo.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, photograph(320, 240, seed), "image/jpeg")


def pointers(response) -> list[str]:
    return [error["pointer"] for error in response.json()["errors"]]


def delivered(clip: Generation) -> Generation:
    """The clip as if fal had rendered it, through the states and their money."""
    now = timezone.now()
    for status in (Status.DISPATCHING, Status.PROCESSING, Status.FINALIZING):
        advance(generation_id=clip.pk, to=status, now=now)
    ready = advance(
        generation_id=clip.pk,
        to=Status.SUCCEEDED,
        now=now,
        used_prompt="A boat drifts",
        used_seed=7,
        video="clips/a.mp4",
        poster="clips/a.jpg",
        video_sha256="0" * 64,
        video_size=1234,
        width=640,
        height=360,
        frames=clip.params["num_frames"],
        duration_ms=375,
    )
    assert ready is not None
    return ready


class TestQuotes:
    def test_the_price_with_its_breakdown(self, api):
        response = api.post("/quotes", {"num_frames": 121, "enable_detail_pass": True, "frame_rate": 30})

        assert response.status_code == 200
        answer = dict(response.json())
        eta = answer.pop("eta")
        assert 0 < eta["low"] < eta["high"]
        assert {"id", "expires_at"} <= answer.keys()
        assert answer == {
            "id": answer["id"],
            "expires_at": answer["expires_at"],
            "currency": "USD",
            "amount": "0.201667",
            "num_frames": 121,
            "enable_detail_pass": True,
            "passes": 2,
            "billed_seconds": 5.0417,
            "clip_seconds": 4.0333,
            "rate": "0.020000",
            "formula": answer["formula"],
            "balance_after": "9.798333",
            "warnings": [],
        }
        assert "121" in response.json()["formula"]
        assert "$0.201667" in response.json()["formula"]
        assert_described(response, "post", "/quotes")

    def test_the_price_is_kept_for_who_names_the_quote(self, api, image):
        quote = api.post("/quotes", {}).json()
        publish_price(cost_nanos=40_000_000, valid_from=timezone.now())

        kept = api.post("/generations", wish(image, quote=quote["id"]), Idempotency_Key="kept")
        again = api.post("/generations", wish(image, quote=quote["id"]), Idempotency_Key="kept")
        other = api.post("/generations", wish(image), Idempotency_Key="kept")
        today = api.post("/generations", wish(image, quote=None))

        assert (kept.status_code, kept.json()["cost"]["held"]) == (201, "0.100834")
        assert (again.json()["id"], again["Idempotent-Replayed"]) == (kept.json()["id"], "true")
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reuse")
        assert today.json()["cost"]["held"] == "0.201667"

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"num_frames": 25}, "quote_mismatch"),
            ({"enable_detail_pass": True}, "quote_mismatch"),
            ({"quote": str(uuid.uuid4())}, "quote_expired"),
            ({"quote": 7}, "validation"),
            ({"quote": "soon"}, "validation"),
        ],
    )
    def test_a_quote_is_for_its_clip_only(self, api, image, change, code):
        quote = api.post("/quotes", {}).json()

        response = api.post("/generations", wish(image, **{"quote": quote["id"], **change}))

        assert (response.status_code, response.json()["code"]) == (422, code)
        assert not Generation.objects.exists()
        assert_described(response, "post", "/generations")

    def test_no_body_means_the_defaults(self, api):
        assert api.post("/quotes").json()["amount"] == "0.100834"

    def test_it_takes_what_a_generation_takes(self, api, image):
        assert api.post("/quotes", wish(image, seed=3)).status_code == 200

    def test_it_reserves_and_charges_nothing(self, api, team):
        before = balance_of(team)
        api.post("/quotes", {})

        assert balance_of(team) == before

    def test_a_shortage_is_a_negative_balance(self):
        assert api_for(make_team()).post("/quotes", {}).json()["balance_after"] == "-0.100834"

    def test_the_balance_is_only_for_keys_that_may_see_it(self, team):
        response = api_for(team, scopes=["generate"]).post("/quotes", {})

        assert response.json()["balance_after"] is None
        assert_described(response, "post", "/quotes")

    def test_frames_off_the_grid_are_priced_and_warned_about(self, api):
        response = api.post("/quotes", {"num_frames": 60})

        assert response.json()["amount"] == "0.050000"
        assert "57" in response.json()["warnings"][0]

    def test_a_detail_pass_without_steps_is_warned_about(self, api):
        body = {"enable_detail_pass": True, "second_pass_num_inference_steps": 6}

        assert "detail pass" in api.post("/quotes", body).json()["warnings"][0]

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"num_frames": 8}, "/num_frames"),
            ({"num_frames": 1442}, "/num_frames"),
            ({"num_frames": 9.5}, "/num_frames"),
            ({"resolution": "4k"}, "/resolution"),
            ({"prompt": ""}, "/prompt"),
            ({"prompt": "x" * 1001}, "/prompt"),
            ({"temporal_adain_factor": 0.33}, "/temporal_adain_factor"),
            ({"seed": -1}, "/seed"),
            ({"guidance_scale": 3}, "/guidance_scale"),
            ({"loras": [{"scale": 1}]}, "/loras"),
        ],
    )
    def test_wrong_fields_are_named(self, body, pointer, api):
        response = api.post("/quotes", body)

        assert (response.status_code, response.json()["code"]) == (422, "validation")
        assert pointers(response) == [pointer]
        assert_described(response, "post", "/quotes")


class TestBodies:
    """What every endpoint with a JSON body refuses, before anything else."""

    @pytest.mark.parametrize(
        "body",
        ["{", "nonsense", '{"seed": NaN}', '{"prompt": "\\ud800"}', '{"prompt": "a\\u0000b"}', "[" * 100_000],
    )
    def test_what_cannot_be_read_or_stored_is_malformed(self, body, api):
        response = api.post("/generations", body)

        assert (response.status_code, response.json()["code"]) == (400, "malformed")
        assert_described(response, "post", "/generations")

    def test_other_bytes_than_utf8_are_malformed(self, api):
        assert api.post("/generations", b'{"prompt": "\xff"}').status_code == 400

    @pytest.mark.parametrize("body", ["[]", "1", '"text"', "null"])
    def test_other_json_than_an_object_is_refused(self, body, api):
        response = api.post("/generations", body)

        assert response.status_code == 422
        assert pointers(response) == [""]

    def test_an_escaped_backslash_before_u0000_is_text(self, api, image):
        assert api.post("/quotes", {"prompt": "a \\u0000 b"}).status_code == 200

    def test_another_content_type_is_unsupported(self, api):
        response = api.post("/generations", "a=b", Content_Type="text/plain")

        assert (response.status_code, response.json()["code"]) == (415, "unsupported_media")
        assert_described(response, "post", "/generations")

    def test_a_body_beyond_the_limit_is_too_large(self, api, settings):
        settings.UPLOAD_MAX_BYTES = 1000
        response = api.post("/generations", json.dumps({"prompt": "x" * 1_100_000}))

        assert (response.status_code, response.json()["code"]) == (413, "too_large")

    def test_an_answer_in_another_format_cannot_be_had(self, api):
        response = api.get("/generations", Accept="application/xml")

        assert (response.status_code, response.json()["code"]) == (406, "not_acceptable")

    @pytest.mark.parametrize(
        "path", ["", "/", "/nothing", "/generations/", "/generations/no-uuid", "/balance/x"]
    )
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_an_unknown_address_is_a_problem_too(self, path, method):
        response = getattr(ApiClient(), method)(path)

        assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")
        assert response.json()["code"] == "not_found"
        assert response.json()["request_id"] == response["X-Request-ID"]

    def test_an_unexpected_failure_shows_its_id_and_nothing_else(self, api, monkeypatch, caplog):
        monkeypatch.setattr("generations.api.balance_of", lambda _: 1 / 0)

        response = api.post("/quotes", {})

        assert (response.status_code, response.json()["code"]) == (500, "internal")
        assert "division" not in response.content.decode()
        assert response.json()["request_id"]
        assert sum(1 for record in caplog.records if record.exc_info) == 1
        assert_described(response, "post", "/quotes")


class TestUploads:
    def test_a_picture_is_kept_for_the_team(self, api, team):
        response = api.upload("/uploads", {"file": picture()})
        data = response.json()
        row = Image.objects.get()

        assert response.status_code == 201
        assert (data["id"], data["width"], data["height"]) == (str(row.pk), 320, 240)
        assert (data["sha256"], data["size"], data["name"]) == (row.sha256, row.size, "photo.jpg")
        assert row.team == team
        assert response["Location"] == f"/api/v1/uploads/{row.pk}"
        assert_described(response, "post", "/uploads")

    def test_its_address_opens_the_file_without_a_key(self, api):
        data = api.upload("/uploads", {"file": picture()}).json()

        content = ApiClient().client.get(data["url"]).getvalue()

        assert hashlib.sha256(content).hexdigest() == data["sha256"]

    def test_the_same_picture_again_is_the_same_upload(self, api):
        first = api.upload("/uploads", {"file": picture()})
        again = api.upload("/uploads", {"file": picture(name="copy.jpg")})

        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json()["id"] == first.json()["id"]
        assert_described(again, "post", "/uploads")

    def test_it_can_be_looked_up(self, api, image):
        response = api.get(f"/uploads/{image.pk}")

        assert response.json()["id"] == str(image.pk)
        assert_described(response, "get", "/uploads/{id}")

    def test_another_teams_picture_does_not_exist(self, image):
        response = api_for(make_team()).get(f"/uploads/{image.pk}")

        assert response.status_code == 404
        assert_described(response, "get", "/uploads/{id}")

    @pytest.mark.parametrize(
        "fields",
        [{}, {"file": "text"}, {"picture": "text"}, {"file": "text", "name": "x"}],
    )
    def test_anything_but_one_file_is_refused(self, fields, api):
        response = api.upload("/uploads", fields)

        assert (response.status_code, response.json()["code"]) == (422, "validation")
        assert not Image.objects.exists()

    def test_two_files_are_refused(self, api):
        assert api.upload("/uploads", {"file": [picture(1), picture(2)]}).status_code == 422

    def test_a_file_that_is_no_picture_is_unsupported(self, api):
        response = api.upload("/uploads", {"file": SimpleUploadedFile("a.jpg", b"%PDF-1.7 nothing to see")})

        assert (response.status_code, response.json()["code"]) == (415, "unsupported_media")
        assert_described(response, "post", "/uploads")

    def test_a_file_beyond_the_limit_is_too_large(self, api, settings):
        settings.UPLOAD_MAX_BYTES = 1000
        response = api.upload("/uploads", {"file": picture()})

        assert (response.status_code, response.json()["code"]) == (413, "too_large")

    def test_a_body_that_announces_too_much_is_not_read(self, api, settings):
        settings.UPLOAD_MAX_BYTES = 1000
        response = api.upload("/uploads", {"file": SimpleUploadedFile("a.jpg", b"x" * 200_000)})

        assert response.status_code == 413

    def test_a_json_body_names_an_address(self, api):
        response = api.post("/uploads", {"file": "x"})

        assert (response.status_code, pointers(response)) == (422, ["/file"])

    def test_a_broken_multipart_body_is_malformed(self, api):
        response = api.post("/uploads", b"--x", Content_Type="multipart/form-data")

        assert (response.status_code, response.json()["code"]) == (400, "malformed")


class TestSubmitting:
    def test_a_clip_is_put_in_line_and_its_price_held(self, api, team, image):
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

    def test_every_input_arrives_by_fals_name(self, api, image):
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

    def test_a_repeat_gives_the_first_clip_back(self, api, team, image):
        first = api.post("/generations", wish(image), Idempotency_Key="same key")
        again = api.post("/generations", wish(image), Idempotency_Key="same key")

        assert (again.status_code, again["Idempotent-Replayed"]) == (201, "true")
        assert again.json() == first.json()
        assert again["Location"] == first["Location"]
        assert Generation.objects.count() == 1
        assert balance_of(team).held == Generation.objects.get().price

    def test_the_same_key_for_another_body_is_refused(self, api, image):
        api.post("/generations", wish(image), Idempotency_Key="k")
        response = api.post("/generations", wish(image, seed=1), Idempotency_Key="k")

        assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reuse")
        assert Generation.objects.count() == 1
        assert_described(response, "post", "/generations")

    def test_teams_do_not_share_keys(self, api, image):
        other = make_team()
        give_credits(other)
        api.post("/generations", wish(image), Idempotency_Key="k")

        response = api_for(other).post("/generations", wish(make_image(other)), Idempotency_Key="k")

        assert response.status_code == 201
        assert "Idempotent-Replayed" not in response

    def test_without_a_key_each_request_makes_a_clip(self, api, image):
        assert [api.post("/generations", wish(image)).status_code for _ in range(2)] == [201, 201]
        assert Generation.objects.count() == 2

    @pytest.mark.parametrize("key", ["", " ", "x" * 256, "é", "a\tb"])
    def test_a_key_that_cannot_be_kept_is_malformed(self, key, api, image):
        response = api.post("/generations", wish(image), Idempotency_Key=key)

        assert (response.status_code, response.json()["code"]) == (400, "malformed")
        assert not Generation.objects.exists()

    def test_the_longest_key_is_kept(self, api, image):
        assert api.post("/generations", wish(image), Idempotency_Key="x" * 255).status_code == 201

    def test_without_credits_nothing_is_made(self, image):
        team = make_team()
        response = api_for(team).post("/generations", wish(make_image(team)))

        assert (response.status_code, response.json()["code"]) == (402, "insufficient_credits")
        assert (response.json()["needed"], response.json()["available"]) == ("0.100834", "0.000000")
        assert not Generation.objects.exists()
        assert_described(response, "post", "/generations")

    def test_a_key_that_may_not_see_the_balance_is_not_told_it(self):
        team = make_team()
        response = api_for(team, scopes=["generate"]).post("/generations", wish(make_image(team)))

        assert response.status_code == 402
        assert "available" not in response.json()

    def test_all_wrong_fields_are_named_at_once(self, api):
        response = api.post("/generations", {"num_frames": 1, "who": 1})

        assert response.status_code == 422
        assert set(pointers(response)) == {"/prompt", "/num_frames", "/who", "/image"}
        assert "Prompt is required" in response.content.decode()
        assert "Image URL is required" in response.content.decode()

    @pytest.mark.parametrize("image_id", ["x", 1, [], {}, "00000000-0000-4000-8000-000000000000", ""])
    def test_a_picture_that_is_not_there_is_named(self, image_id, api):
        response = api.post("/generations", {"prompt": "p", "image": image_id})

        assert (response.status_code, pointers(response)) == (422, ["/image"])

    def test_another_teams_picture_is_not_there(self, image):
        other = make_team()
        give_credits(other)

        assert pointers(api_for(other).post("/generations", wish(image))) == ["/image"]

    def test_a_picture_may_come_as_a_data_uri(self, api, team):
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
    def test_other_addresses_are_refused_with_the_way_to_go(self, address, api):
        response = api.post("/generations", {"prompt": "p", "image_url": address})

        assert (response.status_code, pointers(response)) == (422, ["/image_url"])
        assert not Image.objects.exists()

    def test_a_data_uri_that_is_no_picture_is_refused(self, api):
        uri = f"data:image/png;base64,{base64.b64encode(b'nothing').decode()}"
        response = api.post("/generations", {"prompt": "p", "image_url": uri})

        assert (response.status_code, response.json()["code"]) == (415, "unsupported_media")

    def test_two_pictures_are_one_too_many(self, api, image):
        response = api.post("/generations", wish(image, image_url="data:image/png;base64,YQ=="))

        assert pointers(response) == ["/image_url"]

    def test_a_doubtful_wish_is_accepted_with_a_warning(self, api, image):
        response = api.post("/generations", wish(image, num_frames=60))

        assert response.status_code == 201
        assert response.json()["params"]["num_frames"] == 60
        assert len(response.json()["warnings"]) == 1


class TestReading:
    def test_a_delivered_clip_in_full(self, api, team):
        clip = delivered(make_generation(team))

        response = api.get(f"/generations/{clip.pk}")
        data = response.json()

        assert data["status_text"] == "Ready"
        assert data["used"] == {"prompt": "A boat drifts", "seed": 7}
        assert data["cost"]["captured"] == data["cost"]["quoted"] == "0.007500"
        assert data["cost"]["held"] == "0.000000"
        output = data["output"]
        assert (output["width"], output["height"], output["frames"]) == (640, 360, 9)
        assert (output["duration"], output["size"], output["sha256"]) == (0.375, 1234, "0" * 64)
        assert output["video_url"].startswith("http://testserver/media/")
        assert output["video_url"] != output["download_url"]
        left = datetime.fromisoformat(output["expires_at"]) - timezone.now()
        assert timedelta(0) < left <= timedelta(minutes=15)
        statuses = [event["status"] for event in data["timeline"]]
        assert statuses == ["queued", "dispatching", "processing", "finalizing", "succeeded"]
        assert_described(response, "get", "/generations/{id}")

    def test_a_failed_clip_says_why_and_that_it_cost_nothing(self, api, team):
        clip = make_generation(team)
        advance(
            generation_id=clip.pk,
            to=Status.FAILED,
            now=timezone.now(),
            failure_code="provider_error",
            failure_detail="secret of the operator",
        )

        response = api.get(f"/generations/{clip.pk}")

        assert response.json()["failure"]["code"] == "provider_error"
        assert response.json()["failure"]["retryable"]
        assert response.json()["cost"]["released"] == "0.007500"
        assert "secret" not in response.content.decode()
        assert_described(response, "get", "/generations/{id}")

    @pytest.mark.parametrize("path", ["/generations/{}", "/generations/{}/cancel"])
    def test_another_teams_clip_does_not_exist(self, path, team):
        clip = make_generation(team)
        stranger = api_for(make_team())

        method = stranger.post if path.endswith("cancel") else stranger.get
        response = method(path.format(clip.pk))

        assert (response.status_code, response.json()["code"]) == (404, "not_found")
        clip.refresh_from_db()
        assert clip.status == Status.QUEUED

    def test_an_unchanged_clip_is_answered_304(self, api, team):
        clip = make_generation(team)
        first = api.get(f"/generations/{clip.pk}")

        again = api.get(f"/generations/{clip.pk}", If_None_Match=first["ETag"])

        assert (again.status_code, again.content) == (304, b"")
        assert again["ETag"] == first["ETag"]
        assert first["Cache-Control"] == "private, no-cache"

    def test_a_changed_clip_is_sent_again(self, api, team):
        clip = make_generation(team)
        etag = api.get(f"/generations/{clip.pk}")["ETag"]
        Generation.objects.filter(pk=clip.pk).update(progress=10)

        again = api.get(f"/generations/{clip.pk}", If_None_Match=etag)

        assert again.status_code == 200
        assert again["ETag"] != etag


class TestLists:
    def test_pages_follow_each_other_without_gaps_though_clips_arrive(self, api, team, image):
        made = [str(make_generation(team, image=image).pk) for _ in range(5)]
        seen, cursor = [], ""

        while cursor is not None:
            response = api.get("/generations", {"limit": 2, **({"cursor": cursor} if cursor else {})})
            assert_described(response, "get", "/generations")
            seen += [clip["id"] for clip in response.json()["data"]]
            cursor = response.json()["next_cursor"]
            make_generation(team, image=image)

        assert seen == made[::-1]

    def test_the_next_page_is_linked(self, api, team, image):
        for _ in range(3):
            make_generation(team, image=image)

        response = api.get("/generations", {"limit": 2, "status": "queued"})
        address = response["Link"].removeprefix("<").partition(">")[0]
        rest = api.client.get(address, headers=api.headers)

        assert response["Link"].endswith('>; rel="next"')
        assert len(rest.json()["data"]) == 1
        assert "Link" not in rest

    def test_only_the_teams_own_clips_are_listed(self, team):
        make_generation(team)

        assert api_for(make_team()).get("/generations").json() == {"data": [], "next_cursor": None}

    def test_filters(self, api, team, image):
        ready, waiting = (make_generation(team, image=image) for _ in range(2))
        delivered(ready)
        middle = waiting.created_at

        def ids(**query) -> list[str]:
            return [clip["id"] for clip in api.get("/generations", query).json()["data"]]

        assert ids(status="succeeded") == [str(ready.pk)]
        assert ids(status="queued") == [str(waiting.pk)]
        assert ids(created_before=middle.isoformat()) == [str(ready.pk)]
        assert ids(created_after=ready.created_at.isoformat()) == [str(waiting.pk)]
        assert ids(created_after=middle.isoformat()) == []

    @pytest.mark.parametrize(
        ("query", "pointer"),
        [
            ({"limit": 0}, "/limit"),
            ({"limit": 201}, "/limit"),
            ({"limit": "many"}, "/limit"),
            ({"limit": [1, 2]}, "/limit"),
            ({"status": "ready"}, "/status"),
            ({"created_after": "yesterday"}, "/created_after"),
            ({"page": 2}, "/page"),
        ],
    )
    def test_wrong_query_parameters_are_named(self, query, pointer, api):
        response = api.get("/generations", query)

        assert (response.status_code, pointers(response)) == (422, [pointer])
        assert_described(response, "get", "/generations")

    @pytest.mark.parametrize("cursor", ["x", "%00", "é", "MjAyNi0wMS0wMVQwMDowMDowMA", "a" * 5000])
    def test_a_foreign_cursor_is_invalid(self, cursor, api):
        response = api.get("/generations", {"cursor": cursor})

        assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor")
        assert_described(response, "get", "/generations")

    def test_a_page_takes_four_queries_however_long_it_is(self, api, team, image):
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert api.get("/generations").status_code == 200
            return len(captured)

        delivered(make_generation(team, image=image))
        make_generation(team, image=image)
        queries()  # notes the key's first use
        few = queries()
        for _ in range(4):
            delivered(make_generation(team, image=image))
            make_generation(team, image=image)

        # The key, the page, the places in line, whether anything is sent at all, the holds.
        assert (few, queries()) == (5, 5)


class TestCanceling:
    def test_a_waiting_clip_is_released_and_a_repeat_agrees(self, api, team):
        clip = make_generation(team)
        responses = [api.post(f"/generations/{clip.pk}/cancel") for _ in range(2)]

        for response in responses:
            assert response.status_code == 200
            assert response.json()["outcome"] == "released"
            assert response.json()["generation"]["status"] == "canceled"
            assert_described(response, "post", "/generations/{id}/cancel")
        assert balance_of(team).held == 0

    def test_a_clip_at_fal_is_asked_for(self, api, team):
        clip = make_generation(team)
        for status in (Status.DISPATCHING, Status.PROCESSING):
            advance(generation_id=clip.pk, to=status, now=timezone.now())

        response = api.post(f"/generations/{clip.pk}/cancel")

        assert (response.status_code, response.json()["outcome"]) == (202, "pending_upstream")
        assert response.json()["generation"]["cancel_requested"]
        assert_described(response, "post", "/generations/{id}/cancel")

    def test_a_delivered_clip_stays(self, api, team):
        clip = delivered(make_generation(team))

        response = api.post(f"/generations/{clip.pk}/cancel")

        assert (response.status_code, response.json()["code"]) == (409, "state_conflict")
        assert response.json()["outcome"] == "too_late"
        assert_described(response, "post", "/generations/{id}/cancel")

    def test_it_takes_no_fields(self, api, team):
        clip = make_generation(team)

        assert pointers(api.post(f"/generations/{clip.pk}/cancel", {"why": "so"})) == ["/why"]
        assert api.post(f"/generations/{clip.pk}/cancel", {}).status_code == 200


class TestModels:
    def test_the_model_names_its_nineteen_inputs(self, api):
        response = api.get("/models")
        (model,) = response.json()["data"]
        inputs = model["inputs"]["properties"]

        assert model["id"] == MODEL
        assert len(inputs) == 19
        assert inputs.keys() == {parameter.name for parameter in PARAMETERS} | {"image_url"}
        assert all(schema["description"] for schema in inputs.values())
        assert (inputs["num_frames"]["minimum"], inputs["num_frames"]["maximum"]) == (9, 1441)
        assert inputs["temporal_adain_factor"]["multipleOf"] == 0.05
        assert model["inputs"]["required"] == ["prompt", "image_url"]
        assert model["quality_presets"]["fast"]["first_pass_num_inference_steps"] == 6
        assert (model["rate"], model["default_clip_price"]) == ("0.020000", "0.100834")
        assert_described(response, "get", "/models")

    def test_defaults_are_those_of_the_table(self, api, image):
        inputs = api.get("/models").json()["data"][0]["inputs"]["properties"]
        params = api.post("/generations", wish(image)).json()["params"]

        defaults = {name: schema["default"] for name, schema in inputs.items() if "default" in schema}
        assert {name: params[name] for name in defaults} == defaults

    def test_the_schema_stands_alone_too(self, api):
        response = api.get(f"/models/{MODEL}/schema")

        assert response.json()["$schema"].startswith("https://json-schema.org/")
        assert len(response.json()["properties"]) == 19
        assert_described(response, "get", "/models/{model}/schema")

    def test_there_is_no_other_model(self, api):
        assert api.get("/models/fal-ai/other/schema").status_code == 404


READ, GENERATE, BILLING = "read", "generate", "billing:read"
PLACE = str(uuid.UUID(int=0))


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("post", "/quotes", GENERATE),
        ("post", "/uploads", GENERATE),
        ("get", f"/uploads/{PLACE}", READ),
        ("post", "/generations", GENERATE),
        ("get", "/generations", READ),
        ("get", f"/generations/{PLACE}", READ),
        ("post", f"/generations/{PLACE}/cancel", GENERATE),
        ("get", "/models", READ),
        ("get", f"/models/{MODEL}/schema", READ),
        ("get", "/balance", BILLING),
    ],
)
def test_each_endpoint_takes_its_scope_and_no_other(method, path, scope, team):
    for scopes in ([READ], [GENERATE], [BILLING]):
        response = getattr(ApiClient(make_key(team, scopes=scopes)[1]), method)(path)
        refused = response.status_code == 403 and response.json()["code"] == "scope"
        assert refused is (scopes != [scope]), scopes
    assert getattr(ApiClient(), method)(path).status_code == 401
