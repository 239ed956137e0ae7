"""Pictures by address: from a server of this machine, which only the development setting opens."""

import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image as Picture

from accounts.errors import DomainError
from generations.models import Generation, Image
from generations.services import PictureNotFetched, import_picture, import_pictures
from tests.support import factories
from tests.support.api import api_for
from tests.support.pictures import bomb_png, photograph
from tests.support.sockets import connections_watched

FILES = {
    "/boat.jpg": photograph(640, 360),
    "/my%20dog.jpg": photograph(320, 180, seed=2),
    "/page.html": b"<!doctype html><title>not a picture</title>",
    "/bomb.png": bomb_png(20_000, 20_000),
    "/empty": b"",
}


class Files(BaseHTTPRequestHandler):
    served: list[str] = []

    def do_GET(self) -> None:
        content = FILES.get(self.path.partition("?")[0])
        type(self).served.append(self.path)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")  # what it says is not asked
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def site(server: str, settings) -> str:
    settings.FETCH_PRIVATE_NETWORKS = True
    Files.served = []
    return server


@pytest.fixture
def client(team) -> Client:
    browser = Client()
    browser.force_login(factories.owner_of(team))
    return browser


def test_a_picture_by_address_is_like_one_uploaded(team, site):
    actor = factories.actor_for(team)

    image = import_picture(actor=actor, address=f"{site}/my%20dog.jpg?size=1")

    assert (image.width, image.height, image.original_name) == (320, 180, "my dog.jpg")
    with image.file.open() as file:
        assert Picture.open(io.BytesIO(file.read())).size == (320, 180)
    assert import_picture(actor=actor, address=f"{site}/my%20dog.jpg") == image


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/missing.jpg", "picture_not_fetched"),
        ("/page.html", "unsupported_media"),
        ("/bomb.png", "too_many_pixels"),
        ("/empty", "empty_file"),
    ],
)
def test_what_is_no_picture_is_refused_like_an_upload(team, site, path, code):
    with pytest.raises(DomainError) as caught:
        import_picture(actor=factories.actor_for(team), address=f"{site}{path}")

    assert caught.value.code == code
    assert not Image.objects.exists()


def test_a_picture_that_is_too_large_is_told_so(team, site, settings):
    settings.UPLOAD_MAX_BYTES = 5_000

    with pytest.raises(DomainError) as caught:
        import_picture(actor=factories.actor_for(team), address=f"{site}/boat.jpg")

    assert caught.value.code == "too_large"


def test_refused_closed_and_missing_addresses_read_the_same(team, site, settings):
    """Whoever asks must not learn what else answers in the network of the site."""
    closed = [
        "http://127.0.0.1:9/",
        f"{site}/missing.jpg",
        "ftp://127.0.0.1/",
        "https://no.such.name.invalid/",
    ]
    told = {str(outcome) for outcome in import_pictures(actor=factories.actor_for(team), addresses=closed)}
    settings.FETCH_PRIVATE_NETWORKS = False
    inside = [f"{site}/boat.jpg", "https://127.0.0.1/", "https://169.254.169.254/", "https://10.0.0.1/"]
    told |= {str(outcome) for outcome in import_pictures(actor=factories.actor_for(team), addresses=inside)}

    assert len(told) == 1


def test_without_the_setting_nothing_on_this_machine_is_reached(team, server):
    Files.served = []

    with connections_watched() as seen, pytest.raises(PictureNotFetched):
        import_picture(actor=factories.actor_for(team), address=f"{server}/boat.jpg")

    assert (seen, Files.served) == ([], [])


# -- through the API


def test_an_upload_may_name_an_address(team, site):
    api = api_for(team)

    first = api.post("/uploads", {"url": f"{site}/boat.jpg"})
    again = api.post("/uploads", {"url": f"{site}/boat.jpg"})

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"] == str(Image.objects.get().pk)
    assert first.json()["name"] == "boat.jpg"


@pytest.mark.parametrize("url", [None, 3, "", "boat.jpg", "ftp://a.example/b", " https://a.example/b"])
def test_an_address_of_another_shape_is_pointed_at(team, url):
    response = api_for(team).post("/uploads", {"url": url})

    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == ["/url"]


def test_an_address_that_holds_no_picture_is_a_problem(team, site):
    response = api_for(team).post("/uploads", {"url": f"{site}/missing.jpg"})

    assert (response.status_code, response.json()["code"]) == (422, "picture_not_fetched")


def test_a_clip_starts_from_an_address_and_a_repeat_fetches_nothing(team, site):
    api = api_for(team)
    body = {"prompt": "A boat", "num_frames": 9, "image_url": f"{site}/boat.jpg"}

    first = api.post("/generations", body, Idempotency_Key="k")
    again = api.post("/generations", body, Idempotency_Key="k")
    other = api.post("/generations", {**body, "image_url": f"{site}/my%20dog.jpg"}, Idempotency_Key="k")

    assert (first.status_code, again["Idempotent-Replayed"], other.status_code) == (201, "true", 422)
    assert Generation.objects.get().image == Image.objects.get()
    assert Files.served == ["/boat.jpg"]


def test_rows_of_a_batch_fetch_each_address_once(team, site):
    rows = [{"prompt": "A boat", "image_url": f"{site}/boat.jpg", "seed": seed} for seed in range(3)]
    rows.append({"prompt": "A dog", "image_url": f"{site}/my%20dog.jpg"})

    response = api_for(team).post("/batches", {"kind": "rows", "input": {"num_frames": 9}, "rows": rows})

    assert response.status_code == 201
    assert sorted(Files.served) == ["/boat.jpg", "/my%20dog.jpg"]
    assert [clip.image.width for clip in Generation.objects.order_by("batch_place")] == [640, 640, 640, 320]


# -- through the page


def test_the_page_fetches_a_picture_and_shows_it(client, team, site):
    upload = reverse("generations:image_upload", args=[team.slug])

    response = client.post(upload, {"address": f"{site}/boat.jpg"}, headers={"HX-Request": "true"})

    page = response.content.decode()
    assert response.status_code == 200
    assert f'value="{Image.objects.get().pk}" checked' in page
    assert f'value="{site}/boat.jpg"' not in page  # done with: sent again it would be fetched again


def test_an_address_without_a_picture_is_told_at_the_field_and_kept(client, team, site):
    upload = reverse("generations:image_upload", args=[team.slug])

    response = client.post(upload, {"address": f"{site}/missing.jpg"}, headers={"HX-Request": "true"})

    page = response.content.decode()
    assert response.status_code == 422
    assert "No picture could be fetched from this address." in page
    assert f'value="{site}/missing.jpg"' in page


def test_without_scripts_the_address_goes_with_the_form(client, team, site):
    form = {"address": f"{site}/boat.jpg", "prompt": "A boat", "num_frames": "9", "quality": "fast"}
    form |= {"resolution": "480p", "aspect_ratio": "auto"}

    response = client.post(reverse("generations:create", args=[team.slug]), form)

    assert response["Location"] == Generation.objects.get().get_absolute_url()
