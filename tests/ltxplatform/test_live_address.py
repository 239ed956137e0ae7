"""Pages follow their stream under their own name, and the Content-Security-Policy lets them, and no others."""

import pytest
from django.test import Client

from accounts.models import Team
from tests.support import factories


@pytest.fixture
def team() -> Team:
    return factories.make_team()


def stream_and_policy(team: Team, host: str) -> tuple[str, str]:
    """The address in the page's body, and the sources it may connect to."""
    client = Client(headers={"host": host})
    client.force_login(factories.owner_of(team))
    response = client.get(f"/t/{team.slug}/clips/")
    _, marked, rest = response.content.decode().partition('data-stream="')
    policy = dict(part.strip().partition(" ")[::2] for part in response["Content-Security-Policy"].split(";"))
    return rest.partition('"')[0] if marked else "", policy["connect-src"]


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_on_one_machine_the_stream_has_the_pages_name(team, settings, host):
    settings.LIVE_URL = "http://127.0.0.1:8001"

    stream, policy = stream_and_policy(team, f"{host}:8000")

    assert stream == f"http://{host}:8001/live/t/{team.slug}/"
    assert policy == f"'self' http://{host}:8001"


@pytest.mark.django_db
def test_elsewhere_the_address_is_the_one_that_was_set(team, settings):
    settings.ALLOWED_HOSTS = ["clips.example"]
    settings.LIVE_URL = "https://live.clips.example"

    stream, policy = stream_and_policy(team, "clips.example")

    assert stream == f"https://live.clips.example/live/t/{team.slug}/"
    assert policy == "'self' https://live.clips.example"


@pytest.mark.django_db
def test_without_a_live_process_pages_connect_to_their_site_alone(team, settings):
    settings.LIVE_URL = ""

    assert stream_and_policy(team, "localhost") == ("", "'self'")


def test_a_name_that_is_not_ours_is_refused(settings):
    settings.LIVE_URL = "http://127.0.0.1:8001"

    response = Client(headers={"host": "elsewhere.example"}).get("/")

    assert response.status_code == 400
    assert ":8001" not in response["Content-Security-Policy"]
