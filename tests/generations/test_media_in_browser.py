"""The headers that shut media in must not keep a browser from playing, seeking and saving it."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone

from generations.media import media_url
from generations.models import Generation, Image
from tests.support import pictures
from tests.support.factories import make_team
from tests.support.site import served

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><title>Clip</title>
<img id="poster" src="{poster}"><video id="clip" src="{video}" preload="auto" muted></video>
<a id="save" href="{save}">Save</a>"""
POLICY = "default-src 'self'; media-src 'self'; img-src 'self'"


@pytest.fixture
def site(cloned_database: str) -> Iterator[str]:
    with served() as address:
        yield address


@pytest.fixture
def clip(cloned_database, tmp_path: Path) -> Generation:
    team = make_team()
    photo = pictures.photograph(320, 192)
    image = Image(
        team=team, width=320, height=192, size=len(photo), sha256="cd" * 32, content_type="image/jpeg"
    )
    image.file.save("images/one.jpg", ContentFile(photo), save=False)
    image.save()
    row = Generation(
        team=team,
        image=image,
        params={},
        idempotency_key=str(uuid.uuid4()),
        request_hash="0" * 64,
        price=1,
        start_deadline=timezone.now(),
    )
    content = pictures.clip(tmp_path / "clip.mp4", frames=121, codec="libvpx-vp9").read_bytes()
    row.video.save("clips/one.mp4", ContentFile(content), save=False)
    row.poster.save("clips/one.jpg", ContentFile(photo), save=False)
    row.save()
    return row


def until(page, expression: str, seconds: float = 10) -> None:
    """Wait until it is true; Playwright's own waiting evaluates text, which the page's policy forbids."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(50)


def test_a_browser_plays_seeks_and_saves_a_clip(site, clip, page, tmp_path):
    html = PAGE.format(
        poster=media_url(clip, "poster"),
        video=media_url(clip, "video"),
        save=media_url(clip, "video", download=True),
    )
    page.route(
        f"{site}/page/",
        lambda route: route.fulfill(
            body=html, content_type="text/html", headers={"Content-Security-Policy": POLICY}
        ),
    )
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(f"{site}/page/")

    until(page, "document.querySelector('#clip').readyState >= 2")
    assert page.evaluate("document.querySelector('#poster').naturalWidth") == 320
    assert page.evaluate("document.querySelector('#clip').duration") == pytest.approx(5.04, abs=0.05)
    page.evaluate("document.querySelector('#clip').currentTime = 4")
    until(page, "document.querySelector('#clip').seeking === false")
    assert page.evaluate("document.querySelector('#clip').currentTime") == pytest.approx(4, abs=0.05)
    page.evaluate("document.querySelector('#clip').play()")
    until(page, "document.querySelector('#clip').currentTime > 4.1")
    with page.expect_download() as download:
        page.click("#save")
    assert download.value.suggested_filename == f"clip-{clip.pk.hex[:8]}.mp4"
    with clip.video.open("rb") as file:
        assert Path(download.value.path()).read_bytes() == file.read()
    assert complaints == []


def test_a_clip_opened_by_itself_plays_too(site, clip, page):
    page.goto(site + media_url(clip, "video"))

    until(page, "document.querySelector('video')?.readyState >= 2")


def test_a_picture_opened_by_itself_shows(site, clip, page):
    page.goto(site + media_url(clip, "poster"))

    assert page.evaluate("document.images[0].naturalWidth") == 320
