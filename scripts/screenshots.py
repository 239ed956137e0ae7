"""Makes the pictures of the README from a running demo, in light and dark.

Run it from the checkout while a fresh `make demo` runs: `.venv/bin/python -m scripts.screenshots http://127.0.0.1:8000`.
It signs in as the demo team's owner, makes a few clips (a demo's credits, not money) and writes WebP files to
docs/screenshots/.
"""

import argparse
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support import chromium
from tests.support.pictures import photograph

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "screenshots"
WIDE, PHONE = (1280, 800), (360, 760)
QUALITY = 82
# What `make demo` prints.
OWNER, PASSWORD = "demo@example.com", "demo-password"
READY_MS = 120_000
AROUND = {
    "home": "/t/demo/",
    "billing": "/t/demo/billing/",
    "statement": "/t/demo/billing/statement/",
    "budgets": "/t/demo/billing/budgets/",
    "settings": "/settings/notifications/",
}


@dataclass(frozen=True)
class Scene:
    """A picture to start from, what happens in the clip, and its length in frames."""

    picture: bytes
    prompt: str
    frames: int = 57


def lighthouse() -> bytes:
    """The start page's picture, as large as the clips."""
    buffer = io.BytesIO()
    with Image.open(ROOT / "ltxplatform" / "static" / "img" / "hero.webp") as drawn:
        drawn.convert("RGB").resize((1280, 720), Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def scenes() -> list[Scene]:
    return [
        Scene(
            photograph(1280, 720, seed=4),
            "Mist drifts through the valley at first light, slow crane shot",
            97,
        ),
        Scene(
            photograph(720, 1280, seed=9), "The sun sets behind the hills, the light turns red, static shot"
        ),
        Scene(
            photograph(1024, 1024, seed=6), "Clouds pass over the ridges, their shadows wander, time lapse"
        ),
        Scene(photograph(1280, 720, seed=12), "The camera glides low over the hills towards the sun"),
        Scene(
            lighthouse(),
            "The beam of the lighthouse sweeps over the sea while the sun goes down, gulls pass, wide shot, "
            "warm light on the waves",
            121,
        ),
    ]


@contextmanager
def page_of(
    browser: Browser, site: str, *, theme: str = "light", size: tuple[int, int] = WIDE
) -> Iterator[Page]:
    context = browser.new_context(
        base_url=site,
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    yield context.new_page()
    context.close()


def keep(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    shot = Image.open(io.BytesIO(page.screenshot()))
    OUT.mkdir(parents=True, exist_ok=True)
    shot.convert("RGB").save(OUT / f"{name}.webp", quality=QUALITY, method=6)


def sign_in(page: Page) -> None:
    page.goto("/accounts/login/")
    page.locator("input[name=login]").fill(OWNER)
    page.locator("input[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/t/demo/")


def fill_in(page: Page, scene: Scene) -> None:
    page.goto("/t/demo/create/")
    upload = {"name": "picture.jpg", "mimeType": "image/jpeg", "buffer": scene.picture}
    page.locator("#create-file").set_input_files(upload)  # type: ignore[arg-type]
    page.locator("figure.chosen img").wait_for()
    page.locator("textarea[name=prompt]").fill(scene.prompt)
    length = page.locator("input[name=num_frames]").last
    length.fill(str(scene.frames))
    length.blur()


def make_clips(page: Page) -> None:
    """All of them; the last one is on the form when its picture is taken."""
    for scene in scenes():
        fill_in(page, scene)
        page.locator("#generate").click()
        newest = page.locator("#latest .slot:first-child", has_text=scene.prompt[:20])
        newest.wait_for()
        newest.locator("xpath=self::*[not(.//progress)]").wait_for(timeout=READY_MS)


def show_frame(page: Page, seconds: float = 1.5) -> None:
    """The player standing at a frame, instead of the mark of loading."""
    page.locator("video").evaluate(
        "(video, at) => new Promise((done) => { video.onseeked = done; video.currentTime = at; })", seconds
    )
    page.wait_for_timeout(500)  # the player takes its mark of loading away


def set_limit(page: Page) -> None:
    """One that a few clips come close to, once: a second run finds it."""
    page.goto("/t/demo/billing/budgets/")
    if page.locator(".allowance").count():
        return
    page.get_by_label("Applies to").select_option(label="Eddy Editor")
    page.get_by_label("Limit in dollars", exact=True).last.fill("5")
    page.get_by_role("button", name="Set limit").click()
    page.locator(".allowance").first.wait_for()


def take_around(browser: Browser, site: str) -> None:
    """Home, money and settings: what stands around the clips."""
    with page_of(browser, site) as page:
        sign_in(page)
        set_limit(page)
    for theme, ending in (("light", ""), ("dark", "-dark")):
        with page_of(browser, site, theme=theme) as page:
            sign_in(page)
            for name, path in AROUND.items():
                page.goto(path)
                keep(page, f"{name}{ending}")


def take(browser: Browser, site: str) -> None:
    with page_of(browser, site) as page:
        page.goto("/")
        keep(page, "start")
        page.goto("/accounts/login/")
        keep(page, "login")
        page.goto("/pricing/")
        keep(page, "pricing")
        sign_in(page)
        make_clips(page)
    for theme, ending in (("light", ""), ("dark", "-dark")):
        with page_of(browser, site, theme=theme) as page:
            sign_in(page)
            fill_in(page, scenes()[-1])
            keep(page, f"create{ending}")
            page.goto("/t/demo/clips/")
            keep(page, f"clips{ending}")
            page.locator("a[href*='/clips/']:has(img)").first.click()
            page.wait_for_url("**/clips/*-*/")
            show_frame(page)
            keep(page, f"clip{ending}")
    with page_of(browser, site, size=PHONE) as page:
        sign_in(page)
        keep(page, "home-phone")
        page.goto("/t/demo/create/")
        keep(page, "create-phone")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", nargs="?", default="http://127.0.0.1:8000")
    parser.add_argument(
        "--around", action="store_true", help="only home, money and settings, which make no clips"
    )
    given = parser.parse_args()
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=flags)
        if not given.around:
            take(browser, given.site)
        take_around(browser, given.site)
        browser.close()


if __name__ == "__main__":
    main()
