"""The staff site in a real browser: its scripts run under its policy, and nothing is refused or fetched elsewhere."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import ConsoleMessage, Page

from generations.models import Generation
from ltxplatform.management.commands.seed_demo import PASSWORD, STAFF, seed
from tests.support import factories
from tests.support.site import served

pytestmark = pytest.mark.browser


@pytest.fixture
def clip(cloned_database: str) -> Generation:
    demo, _ = seed()
    clip = factories.make_generation(demo)
    Generation.objects.filter(pk=clip.pk).update(video_sha256="5" * 64, video=f"clips/{'c' * 80}.mp4")
    return clip


@pytest.fixture
def site(cloned_database: str) -> Iterator[str]:
    with served() as address:
        yield address


@pytest.fixture
def complaints(site: str, page: Page) -> list[str]:
    """What the browser refused, what failed in a script, and what was asked of another site."""
    heard: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            heard.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda request: None if local(request.url, site) else heard.append(request.url))
    return heard


def local(url: str, site: str) -> bool:
    return url.startswith((site, "data:", "blob:"))


def sign_in(page: Page, site: str) -> None:
    page.goto(f"{site}/staff/")
    page.get_by_label("Email").fill(STAFF)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site}/staff/")


def test_the_staff_site_works_without_a_single_violation(
    site: str, clip: Generation, page: Page, complaints: list[str]
) -> None:
    sign_in(page, site)
    page.locator("a[href='/staff/generations/generation/']").first.click()
    page.get_by_role("link", name=str(clip.pk)).click()
    page.get_by_text("held $0.0075").wait_for()
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("() => document.documentElement.scrollWidth") == 360  # hashes break anywhere
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{site}/staff/billing/transaction/")
    page.locator("#searchbar").fill(str(clip.pk))
    page.keyboard.press("Enter")
    page.wait_for_url("**/transaction/?q=*")
    page.get_by_role("link", name=f"hold:{clip.pk}").click()
    page.get_by_text("$9.9925").first.wait_for()

    # Alpine has run: it takes the attribute away that hides the page until then.
    assert page.locator("html[x-cloak]").count() == 0
    assert complaints == []
