"""Clips read over the API, one and many."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from generations.models import Generation
from generations.services.states import advance
from generations.states import Status
from tests.generations.api.clips import delivered
from tests.support.api import api_for, pointers
from tests.support.factories import make_generation, make_team
from tests.support.openapi import assert_described

pytestmark = pytest.mark.django_db


def test_a_delivered_clip_in_full(api, team):
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


def test_a_failed_clip_says_why_and_that_it_cost_nothing(api, team):
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
def test_another_teams_clip_does_not_exist(path, team):
    clip = make_generation(team)
    stranger = api_for(make_team())

    method = stranger.post if path.endswith("cancel") else stranger.get
    response = method(path.format(clip.pk))

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    clip.refresh_from_db()
    assert clip.status == Status.QUEUED


def test_an_unchanged_clip_is_answered_304(api, team):
    clip = make_generation(team)
    first = api.get(f"/generations/{clip.pk}")

    again = api.get(f"/generations/{clip.pk}", If_None_Match=first["ETag"])

    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"] == first["ETag"]
    assert first["Cache-Control"] == "private, no-cache"


def test_a_changed_clip_is_sent_again(api, team):
    clip = make_generation(team)
    etag = api.get(f"/generations/{clip.pk}")["ETag"]
    Generation.objects.filter(pk=clip.pk).update(progress=10)

    again = api.get(f"/generations/{clip.pk}", If_None_Match=etag)

    assert again.status_code == 200
    assert again["ETag"] != etag


def test_pages_follow_each_other_without_gaps_though_clips_arrive(api, team, image):
    made = [str(make_generation(team, image=image).pk) for _ in range(5)]
    seen, cursor = [], ""

    while cursor is not None:
        response = api.get("/generations", {"limit": 2, **({"cursor": cursor} if cursor else {})})
        assert_described(response, "get", "/generations")
        seen += [clip["id"] for clip in response.json()["data"]]
        cursor = response.json()["next_cursor"]
        make_generation(team, image=image)

    assert seen == made[::-1]


def test_the_next_page_is_linked(api, team, image):
    for _ in range(3):
        make_generation(team, image=image)

    response = api.get("/generations", {"limit": 2, "status": "queued"})
    address = response["Link"].removeprefix("<").partition(">")[0]
    rest = api.client.get(address, headers=api.headers)

    assert response["Link"].endswith('>; rel="next"')
    assert len(rest.json()["data"]) == 1
    assert "Link" not in rest


def test_only_the_teams_own_clips_are_listed(team):
    make_generation(team)

    assert api_for(make_team()).get("/generations").json() == {"data": [], "next_cursor": None}


def test_filters(api, team, image):
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
def test_wrong_query_parameters_are_named(query, pointer, api):
    response = api.get("/generations", query)

    assert (response.status_code, pointers(response)) == (422, [pointer])
    assert_described(response, "get", "/generations")


@pytest.mark.parametrize("cursor", ["x", "%00", "é", "MjAyNi0wMS0wMVQwMDowMDowMA", "a" * 5000])
def test_a_foreign_cursor_is_invalid(cursor, api):
    response = api.get("/generations", {"cursor": cursor})

    assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor")
    assert_described(response, "get", "/generations")


def test_a_page_takes_four_queries_however_long_it_is(api, team, image):
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
