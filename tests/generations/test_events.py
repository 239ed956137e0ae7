"""A clip's news from the web process: the same events as the live process sends, told once and then closed."""

import json
from typing import Any

import pytest

from generations.models import Generation
from generations.news import last_event_id
from generations.states import Status
from tests.contracts.world import picture_of
from tests.support import factories
from tests.support.api import ApiClient, api_for
from tests.support.stages import bring

pytestmark = pytest.mark.django_db


@pytest.fixture
def clip() -> Generation:
    team = factories.make_team()
    factories.give_credits(team)
    return factories.make_generation(team, image=picture_of(team))


@pytest.fixture
def api(clip: Generation) -> ApiClient:
    return api_for(clip.team)


def read(response: Any) -> list[tuple[str, Any, int | None]]:
    """Name, data and id of each event."""
    events = []
    for block in response.content.decode().strip().split("\n\n"):
        lines = dict(line.partition(": ")[::2] for line in block.splitlines())
        if "event" in lines:
            number = int(lines["id"]) if "id" in lines else None
            events.append((lines["event"], json.loads(lines["data"]), number))
    return events


def test_it_tells_what_there_is_and_when_to_ask_again(api: ApiClient, clip: Generation) -> None:
    response = api.get(f"/generations/{clip.pk}/events", Accept="text/event-stream")

    assert response.status_code == 200
    assert response["Content-Type"] == "text/event-stream"
    assert response.content.startswith(b"retry: 1000\n\n")
    told = {name: data for name, data, _ in read(response)}
    assert list(told) == ["status", "queue", "log", "cost"]
    assert (told["status"]["status"], told["status"]["status_text"]) == ("queued", "In line")
    assert told["queue"]["place"] >= 1
    assert told["queue"]["eta"]["low"] <= told["queue"]["eta"]["high"]
    assert told["cost"]["held"] == "0.007500"


def test_it_goes_on_after_the_last_event_and_ends_with_the_clip(api: ApiClient, clip: Generation) -> None:
    path = f"/generations/{clip.pk}/events"
    first = read(api.get(path))[0][2]
    bring(clip, Status.SUCCEEDED)

    later = read(api.get(path, Last_Event_ID=str(first)))

    states = [data["status"] for name, data, _ in later if name == "status"]
    assert states == ["dispatching", "processing", "finalizing", "succeeded"]
    name, whole, last = later[-1]
    assert (name, whole["status"], whole["id"]) == ("done", "succeeded", str(clip.pk))
    nothing = api.get(path, Last_Event_ID=str(last))
    assert (nothing.status_code, nothing.content) == (204, b"")


def test_refusals_are_problem_documents_whatever_is_accepted(clip: Generation) -> None:
    stranger = api_for(factories.make_team())

    response = stranger.get(f"/generations/{clip.pk}/events", Accept="text/event-stream")

    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")
    assert json.loads(response.content)["code"] == "not_found"


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "٣", "9" * 30])
def test_a_last_event_id_without_sense_begins_at_the_beginning(text: str) -> None:
    assert last_event_id(text) == 0
