"""Batches, through the API and the pages: all or nothing, one price, each clip then by itself."""

import time
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.errors import FieldErrors, RowErrors
from accounts.models import Membership
from billing.services import balance_of, find_violations, hold_of, publish_price, set_limit
from generations.batch_rows import clean_rows, csv_rows, seeds_of
from generations.models import Batch, BatchKind, Generation, Image
from generations.services import order_batch, progress_of
from generations.states import Status
from tests.contracts.world import picture_of
from tests.support import factories, flow
from tests.support.api import ApiClient, api_for
from tests.support.stages import bring

CREDITS = 10_000_000
NINE = 7500  # µ$ of nine frames


@pytest.fixture
def api(team) -> ApiClient:
    return api_for(team)


@pytest.fixture
def client(team) -> Client:
    browser = Client()
    browser.force_login(factories.owner_of(team))
    return browser


@pytest.fixture
def image(team) -> Image:
    return picture_of(team)


def shared(image: Image | None = None, **changes: Any) -> dict[str, Any]:
    picture = {"image": str(image.pk)} if image else {}
    return {**picture, "prompt": "A boat", "num_frames": 9, "resolution": "480p", **changes}


def errors_of(response: Any) -> list[str]:
    assert response.status_code == 422, response.content
    return [error["pointer"] for error in response.json()["errors"]]


# -- what each kind makes


def test_a_seed_sweep_makes_a_clip_for_each_seed(api, team, image):
    body = {"kind": "seeds", "name": "Boats", "input": shared(image), "seeds": [0, 7, 2**31 - 1]}

    response = api.post("/batches", body, Idempotency_Key="sweep")

    data = response.json()
    assert response.status_code == 201
    assert response["Location"] == f"/api/v1/batches/{data['id']}"
    assert (data["kind"], data["name"], data["size"], data["finished"]) == ("seeds", "Boats", 3, False)
    assert data["counts"] == {"queued": 3}
    assert data["cost"] == {
        "currency": "USD",
        "quoted": "0.022500",
        "held": "0.022500",
        "captured": "0.000000",
        "released": "0.000000",
    }
    clips = Generation.objects.filter(batch=data["id"]).order_by("batch_place")
    assert [clip.params["seed"] for clip in clips] == [0, 7, 2**31 - 1]
    assert [clip.batch_place for clip in clips] == [0, 1, 2]
    assert all(hold_of(clip.hold_attempt).amount == NINE for clip in clips)
    assert [[event.to_status for event in clip.events.all()] for clip in clips] == [["queued"]] * 3
    assert (balance_of(team).available, balance_of(team).held) == (CREDITS - 3 * NINE, 3 * NINE)
    assert find_violations() == []


def test_seeds_can_be_counted_from_a_start(api, image):
    api.post("/batches", {"kind": "seeds", "input": shared(image), "seed_start": 5, "count": 3})

    assert sorted(clip.params["seed"] for clip in Generation.objects.all()) == [5, 6, 7]


def test_every_prompt_meets_every_picture(api, team, image):
    other = picture_of(team)
    body = {
        "kind": "matrix",
        "input": shared(),
        "prompts": ["Rain", "Snow", "Fog"],
        "images": [str(image.pk), str(other.pk)],
    }

    assert api.post("/batches", body).status_code == 201

    made = [(clip.image_id, clip.params["prompt"]) for clip in Generation.objects.order_by("batch_place")]
    assert made == [(pk, prompt) for pk in (image.pk, other.pk) for prompt in ("Rain", "Snow", "Fog")]


def test_rows_come_with_values_of_their_own(api, team, image):
    other = picture_of(team)
    rows = [{}, {"seed": 0}, {"image": str(other.pk), "num_frames": 17}]

    assert api.post("/batches", {"kind": "rows", "input": shared(image), "rows": rows}).status_code == 201

    made = list(Generation.objects.order_by("batch_place"))
    assert [clip.image_id for clip in made] == [image.pk, image.pk, other.pk]
    assert [clip.params["seed"] for clip in made] == [None, 0, None]
    assert [clip.price for clip in made] == [NINE, NINE, 14_167]
    assert Batch.objects.get().price == 2 * NINE + 14_167


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_may_have_any_usual_separator(api, image, separator):
    lines = [
        ["Prompt", "seed", "loras", "reverse_video"],
        ['"A ""boat""', "1", "user/a 0", "yes"],
        ["", "", "", ""],
        ["", "2", "", ""],
    ]
    table = "\ufeff" + "\r\n".join(separator.join(cells) for cells in lines).replace('boat""', 'boat"""')

    response = api.post("/batches", {"kind": "rows", "input": shared(image), "csv": table})

    assert response.status_code == 201, response.content
    first, second = (clip.clip_params for clip in Generation.objects.order_by("batch_place"))
    assert (first.prompt, first.seed, first.reverse_video) == ('A "boat"', 1, True)
    assert first.loras[0].scale == 0
    assert (second.prompt, second.seed, second.loras) == ("A boat", 2, ())


def test_clips_are_sent_in_the_order_they_were_given(team, image):
    batch = factories.make_batch(team, image=image, clips=5)

    clips = Generation.objects.filter(batch=batch).order_by("line_order")

    assert [clip.batch_place for clip in clips] == [0, 1, 2, 3, 4]


def test_the_clips_of_a_batch_may_expire_early(api, image):
    api.post("/batches", {"kind": "seeds", "input": shared(image), "count": 2}, Cancel_After="90")

    waits = {(clip.start_deadline - clip.created_at).total_seconds() for clip in Generation.objects.all()}
    assert waits == {90}


# -- one price, all or nothing


def test_a_quote_says_the_price_of_all_and_makes_nothing(api, image):
    body = {"kind": "seeds", "input": shared(image), "count": 200}

    response = api.post("/batches/quote", body)

    assert response.json() == {
        "id": response.json()["id"],
        "expires_at": response.json()["expires_at"],
        "currency": "USD",
        "amount": "1.500000",
        "clips": 200,
        "formula": "200 \u00d7 $0.0075 (9 frames ÷ 24 a second \u00d7 $0.02 a second) = $1.50",
        "balance_after": "8.500000",
        "eta": response.json()["eta"],
    }
    one = api.post("/batches/quote", {**body, "count": 1}).json()["eta"]
    assert response.json()["eta"]["high"] > one["high"]  # the last one waits for the others
    assert not Generation.objects.exists()


def test_the_prices_are_kept_for_who_names_the_quote(api, image):
    body = {"kind": "seeds", "input": shared(image), "count": 3}
    quote = api.post("/batches/quote", body).json()["id"]
    publish_price(cost_nanos=40_000_000, valid_from=timezone.now())

    kept = api.post("/batches", {**body, "quote": quote}, Idempotency_Key="kept")
    again = api.post("/batches", {**body, "quote": quote}, Idempotency_Key="kept")
    more = api.post("/batches", {**body, "quote": quote, "count": 4})
    today = api.post("/batches", body)

    assert (kept.status_code, kept.json()["cost"]["held"]) == (201, "0.022500")
    assert (again.json()["id"], again["Idempotent-Replayed"]) == (kept.json()["id"], "true")
    assert (more.status_code, more.json()["code"]) == (422, "quote_mismatch")
    assert today.json()["cost"]["held"] == "0.045000"


def test_a_budget_is_told_what_all_clips_would_cost(api, team, image):
    member = Membership.objects.get(team=team).user
    set_limit(team=team, member=member, period="day", cap=20_000)
    body = {"kind": "seeds", "input": shared(image), "count": 3}

    response = api.post("/batches", body)

    problem = response.json()
    assert (response.status_code, problem["code"]) == (403, "budget_exceeded")
    assert problem["detail"].startswith("You have $0.02 of $0.02 left today. These 3 clips cost $0.0225.")
    assert (problem["needed"], problem["shortfall"]) == ("0.022500", "0.002500")
    assert problem["limit"]["held"] == "0.000000"
    assert not Batch.objects.exists()
    assert api.post("/batches", {**body, "count": 2}).status_code == 201


def test_only_who_may_see_the_balance_is_told_it(team, image):
    program = api_for(team, scopes=("generate",))

    body = {"kind": "seeds", "input": shared(image), "count": 2}

    assert program.post("/batches/quote", body).json()["balance_after"] is None


def test_too_few_credits_make_nothing_and_name_what_all_would_cost(api, team, image):
    body = {"kind": "seeds", "input": shared(image, num_frames=1441), "count": 9}  # 9 x $1.200834

    response = api.post("/batches", body)

    problem = response.json()
    assert (response.status_code, problem["code"]) == (402, "insufficient_credits")
    assert (problem["needed"], problem["available"], problem["shortfall"]) == (
        "10.807506",
        "10.000000",
        "0.807506",
    )
    assert problem["detail"].startswith("These 9 clips cost $10.8076 and your team has $10.00 left.")
    assert not Generation.objects.exists()
    assert not Batch.objects.exists()
    assert balance_of(team).held == 0


def test_each_clip_settles_alone(api, team, image):
    batch = factories.make_batch(team, image=image, clips=4)
    first, second, third, _ = batch.generations.order_by("batch_place")
    bring(first, Status.SUCCEEDED)
    bring(second, Status.FAILED)
    bring(third, Status.PROCESSING)

    data = api.get(f"/batches/{batch.pk}").json()

    assert data["counts"] == {"succeeded": 1, "failed": 1, "processing": 1, "queued": 1}
    assert (data["cost"]["captured"], data["cost"]["released"], data["cost"]["held"]) == (
        "0.007500",
        "0.007500",
        "0.015000",
    )
    assert find_violations() == []


def test_a_batch_has_at_most_as_many_clips_as_the_site_allows(api, image, settings):
    settings.BATCH_MAX = 3

    response = api.post("/batches", {"kind": "seeds", "input": shared(image), "count": 4})

    assert response.status_code == 422
    assert "at most 3 clips; this one has 4" in response.json()["errors"][0]["message"]
    assert api.post("/batches", {"kind": "rows", "rows": []}).status_code == 422
    assert not Generation.objects.exists()


def test_two_hundred_clips_take_few_statements_beside_their_holds(team, image):
    """The promise is two seconds; statements are what a busy machine does not change."""
    with CaptureQueriesContext(connection) as queries:
        began = time.monotonic()
        factories.make_batch(team, image=image, clips=200)
        took = time.monotonic() - began

    holds = [query for query in queries if "billing_hold_credits" in query["sql"]]
    assert len(holds) == 200
    assert len(queries) - len(holds) < 40
    assert took < 10
    assert django_settings.BATCH_MAX >= 200


# -- what is wrong, where


def test_every_wrong_cell_is_named_by_row_and_column(api, image):
    rows = [{"seed": 1}, {"seed": -1, "num_frames": "many"}, {"image": "x"}, {"prompt": "", "nonsense": 1}]

    response = api.post("/batches", {"kind": "rows", "input": shared(image), "rows": rows})

    assert sorted(errors_of(response)) == [
        "/rows/1/num_frames",
        "/rows/1/seed",
        "/rows/2/image",
        "/rows/3/nonsense",
        "/rows/3/prompt",
    ]
    assert not Generation.objects.exists()


def test_a_picture_of_another_team_is_wrong_in_its_rows(api, image):
    foreign = picture_of(factories.make_team())
    rows = [{}, {"image": str(foreign.pk)}, {"image": str(uuid4())}]

    response = api.post("/batches", {"kind": "rows", "input": shared(image), "rows": rows})

    assert errors_of(response) == ["/rows/1/image", "/rows/2/image"]
    assert not Generation.objects.exists()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/kind"),
        ({"kind": "many"}, "/kind"),
        ({"kind": "seeds"}, "/count"),
        ({"kind": "seeds", "seeds": []}, "/seeds"),
        ({"kind": "seeds", "seeds": ["x"]}, "/seeds"),
        ({"kind": "seeds", "seeds": [-1]}, "/seeds"),
        ({"kind": "seeds", "seeds": [True]}, "/seeds"),
        ({"kind": "seeds", "seeds": 3}, "/seeds"),
        ({"kind": "seeds", "count": 0}, "/count"),
        ({"kind": "seeds", "count": 2, "seed_start": -1}, "/seed_start"),
        ({"kind": "seeds", "count": 2, "prompts": []}, "/prompts"),
        ({"kind": "seeds", "count": 2, "input": []}, "/input"),
        ({"kind": "seeds", "count": 2, "name": "n" * 101}, "/name"),
        ({"kind": "matrix", "prompts": ["a"]}, "/images"),
        ({"kind": "matrix", "prompts": "a", "images": []}, "/prompts"),
        ({"kind": "rows"}, "/rows"),
        ({"kind": "rows", "rows": [1]}, "/rows"),
        ({"kind": "rows", "rows": [], "csv": ""}, "/rows"),
        ({"kind": "rows", "csv": 1}, "/csv"),
        ({"kind": "rows", "csv": ""}, "/csv"),
        ({"kind": "rows", "csv": "prompt,nonsense\na,b"}, "/csv"),
        ({"kind": "rows", "csv": "prompt,prompt\na,b"}, "/csv"),
        ({"kind": "rows", "csv": 'prompt\n"a'}, "/csv"),
        ({"kind": "rows", "csv": "prompt\na,b"}, "/rows/0"),
    ],
)
@pytest.mark.parametrize("path", ["/batches", "/batches/quote"])
def test_a_body_of_another_shape_is_refused(api, path, body, pointer):
    assert errors_of(api.post(path, body)) == [pointer]


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("1", [1]), ("1,2, 3", [1, 2, 3]), ("5-8", [5, 6, 7, 8]), ("3 - 5;9", [3, 4, 5, 9]), ("1 1 1", [1])],
)
def test_seeds_are_written_as_people_do(text, seeds):
    assert seeds_of(text) == seeds


@pytest.mark.parametrize("text", ["", "x", "1-", "-1", "8-5", "1.5", "0-9999999999", "99999999999", "²"])
def test_other_words_are_no_seeds(text):
    with pytest.raises(ValueError, match="Seeds are whole numbers"):
        seeds_of(text)


def test_a_huge_table_is_not_read_to_its_end():
    assert len(csv_rows("prompt\n" + "a\n" * 20_000)) == 5_000


def test_rows_name_pictures_one_way():
    with pytest.raises(RowErrors) as caught:
        clean_rows([{"prompt": "a", "image": str(uuid4()), "image_url": "https://a.example/b"}])
    assert [column for _, column, _ in caught.value.errors] == ["image_url"]
    with pytest.raises(FieldErrors):
        clean_rows([{"prompt": "a", "image_url": f"https://a.example/{number}"} for number in range(21)])


def test_pictures_that_cannot_be_fetched_are_named_by_row(team, image):
    """Closed addresses, so that nothing leaves the machine."""
    rows = [{**shared(image)}, {**shared(), "image_url": "https://127.0.0.1/a.jpg"}]

    with pytest.raises(RowErrors) as caught:
        order_batch(actor=factories.actor_for(team), kind=BatchKind.ROWS, rows=rows, idempotency_key="k")

    assert [(row, column) for row, column, _ in caught.value.errors] == [(1, "image_url")]
    assert not Generation.objects.exists()


# -- once


def test_the_same_key_makes_one_batch(api, team, image):
    body = {"kind": "seeds", "input": shared(image), "count": 2}

    first = api.post("/batches", body, Idempotency_Key="k")
    again = api.post("/batches", body, Idempotency_Key="k")
    other = api.post("/batches", {**body, "count": 3}, Idempotency_Key="k")

    assert again["Idempotent-Replayed"] == "true"
    assert again.json()["id"] == first.json()["id"]
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reuse")
    assert Generation.objects.count() == 2
    assert balance_of(team).held == 2 * NINE


# -- lists and canceling


def test_batches_are_listed_newest_first_and_page_by_page(api, team, image):
    made = [str(factories.make_batch(team, image=image, clips=1).pk) for _ in range(3)]

    first = api.get("/batches", {"limit": 2})
    rest = api.get("/batches", {"limit": 2, "cursor": first.json()["next_cursor"]})

    listed = [batch["id"] for page in (first, rest) for batch in page.json()["data"]]
    assert listed == made[::-1]
    assert 'rel="next"' in first["Link"]
    assert rest.json()["next_cursor"] is None


def test_a_list_of_batches_asks_no_more_for_more(api, team, image):
    factories.make_batch(team, image=image, clips=1)
    api.get("/batches")
    with CaptureQueriesContext(connection) as few:
        api.get("/batches")
    for _ in range(3):
        factories.make_batch(team, image=image, clips=3)
    with CaptureQueriesContext(connection) as many:
        api.get("/batches")

    assert len(many) == len(few) <= 4


def test_clips_are_listed_by_batch(api, team, image):
    factories.make_generation(team, image=image)
    batch = factories.make_batch(team, image=image)

    listed = api.get("/generations", {"batch": str(batch.pk)}).json()["data"]

    assert [clip["batch"] for clip in listed] == [str(batch.pk)] * 2


def test_canceling_takes_back_all_that_has_not_ended(api, team, image):
    batch = factories.make_batch(team, image=image, clips=4)
    first, second, *_ = batch.generations.order_by("batch_place")
    bring(first, Status.SUCCEEDED)
    bring(second, Status.FINALIZING)

    response = api.post(f"/batches/{batch.pk}/cancel", {})

    data = response.json()
    assert response.status_code == 200
    assert data["outcomes"] == {"released": 2, "too_late": 1}
    assert data["batch"]["counts"] == {"succeeded": 1, "finalizing": 1, "canceled": 2}
    assert api.post(f"/batches/{batch.pk}/cancel", {}).json()["outcomes"] == {"too_late": 1}
    assert balance_of(team).held == NINE


def test_another_teams_batch_does_not_exist(team, image):
    batch = factories.make_batch(team, image=image)
    stranger = api_for(factories.make_team())

    assert stranger.get(f"/batches/{batch.pk}").status_code == 404
    assert stranger.post(f"/batches/{batch.pk}/cancel", {}).status_code == 404
    assert stranger.get("/generations", {"batch": str(batch.pk)}).json()["data"] == []
    assert stranger.get("/batches").json()["data"] == []


def test_a_batch_is_made_like_any_clips(fal, team):
    batch = factories.make_batch(team, clips=3)

    assert flow.dispatch_all() == 3
    for clip in batch.generations.all():
        flow.finish(clip)

    progress = progress_of([batch])[batch.pk]
    assert (progress.ready, progress.is_finished, progress.captured) == (3, True, 3 * NINE)
    assert find_violations() == []
