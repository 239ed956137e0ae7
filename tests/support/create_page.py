"""The create page as people use it, in a browser."""

from pathlib import Path

from django.conf import settings
from django.test import Client
from playwright.sync_api import Locator, Page, expect

from accounts.models import Team
from tests.support.factories import owner_of
from tests.support.pictures import photograph

SOON = 30_000  # ms: the machine may be busy


def harbour(folder: Path) -> Path:
    """A picture file to upload."""
    path = folder / "harbour.jpg"
    path.write_bytes(photograph(960, 540))
    return path


def open_create(page: Page, site: str, team: Team) -> None:
    """As the team's owner, who has signed in before."""
    client = Client()
    client.force_login(owner_of(team))
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": site}])
    page.goto(f"{site}/t/{team.slug}/create/")


def upload(page: Page, photo: Path) -> None:
    page.locator("#create-file").set_input_files(photo)
    expect(page.locator(".chosen figcaption")).to_contain_text(photo.name, timeout=SOON)


def prompt(page: Page) -> Locator:
    return page.get_by_label("Prompt", exact=True)


def write(page: Page, text: str, frames: str = "9") -> None:
    prompt(page).fill(text)
    page.locator("#create-num_frames").fill(frames)
    page.locator("#create-num_frames").press("Tab")


def price(page: Page) -> Locator:
    return page.locator("#price")


def tiles(page: Page) -> Locator:
    return page.locator("#latest .slot")
