"""From a picture to a playing clip, by mouse and keyboard, with and without scripts, and when things go wrong."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from accounts.models import Team
from billing.models import Hold
from billing.services import balance_of, find_violations
from generations.models import Generation
from generations.states import Status
from tests.support.factories import owner_of
from tests.support.pictures import photograph

pytestmark = [pytest.mark.browser, pytest.mark.processes]

PRICE = 7500  # µ$ of nine frames
SOON = 30_000  # ms: four processes share two cores


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "harbour.jpg"
    path.write_bytes(photograph(960, 540))
    return path


def open_create(page: Page, site: str, team: Team) -> None:
    """As somebody who has signed in before."""
    client = Client()
    client.force_login(owner_of(team))
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": site}])
    page.goto(f"{site}/t/{team.slug}/create/")


def upload(page: Page, photo: Path) -> None:
    page.locator("#create-file").set_input_files(photo)
    expect(page.locator(".chosen figcaption")).to_contain_text("harbour.jpg", timeout=SOON)


def write(page: Page, prompt: str, frames: str = "9") -> None:
    page.get_by_label("Prompt", exact=True).fill(prompt)
    page.locator("#create-num_frames").fill(frames)
    page.locator("#create-num_frames").press("Tab")


def price_of(page: Page) -> Locator:
    return page.locator("#price")


def tiles(page: Page) -> Locator:
    return page.locator("#latest .slot")


def test_a_picture_and_a_sentence_become_a_playing_clip(running, watch, team: Team, page: Page, photo: Path):
    open_create(page, running.url, team)
    expect(price_of(page)).to_have_text("$0.1009")
    upload(page, photo)
    write(page, "Boats rock in the harbour, slow pan, evening light")
    expect(price_of(page)).to_have_text("$0.0075")
    expect(page.locator("#quote")).to_contain_text("0.38 s billed")

    page.locator("#generate").click()

    expect(tiles(page)).to_have_count(1)
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(re.compile("harbour"))
    expect(page.locator("#balance")).to_contain_text("$0.99")
    page.locator("#latest .tile-title").click()
    expect(page.locator("#status")).to_contain_text("Rendering", timeout=SOON)
    player = page.locator("video#player")
    expect(player).to_be_visible(timeout=SOON)
    expect(page.locator("#status")).to_contain_text("$0.0075 was charged.")
    page.wait_for_function("() => document.querySelector('#player').currentTime > 0.1", timeout=SOON)
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download").click()
    assert Path(saved.value.path()).read_bytes()[4:8] == b"ftyp"
    assert watch.complaints == []
    assert balance_of(team).available == 1_000_000 - PRICE
    assert find_violations() == []


def test_a_tile_becomes_ready_where_it_stands(running, watch, team: Team, page: Page, photo: Path):
    open_create(page, running.url, team)
    upload(page, photo)
    write(page, "A flag in the wind")

    page.get_by_label("Prompt", exact=True).press("Control+Enter")

    expect(tiles(page).first.locator(".status")).to_have_text("Ready", timeout=SOON)
    # Nothing more is asked once nothing is on its way.
    expect(page.locator("#watcher")).not_to_have_attribute("hx-get", re.compile("."))
    assert watch.complaints == []


def test_a_double_click_makes_one_clip_and_a_later_press_another(
    running, team: Team, page: Page, photo: Path
):
    open_create(page, running.url, team)
    upload(page, photo)
    write(page, "Waves")

    page.locator("#generate").dblclick()
    expect(tiles(page)).to_have_count(1)
    page.wait_for_timeout(1200)
    assert Generation.objects.count() == 1

    page.locator("#generate").click()
    expect(tiles(page)).to_have_count(2)
    assert balance_of(team).available >= 1_000_000 - 2 * PRICE


def test_what_is_wrong_is_said_at_its_field_and_everything_typed_stays(
    running, watch, team: Team, page: Page, photo: Path
):
    open_create(page, running.url, team)
    page.locator("#generate").click()
    expect(page.get_by_text("Prompt is required", exact=True)).to_be_visible()
    expect(page.get_by_text("Image URL is required", exact=True)).to_be_visible()

    upload(page, photo)
    page.get_by_label("Prompt", exact=True).fill("x" * 1001)
    expect(page.locator(".counter")).to_have_text("1,001 / 1,000")
    page.locator("#advanced summary").click()
    page.locator("#create-seed").fill("42")
    page.locator("#generate").click()

    expect(page.get_by_text("Prompt must be 1000 characters or less", exact=True)).to_be_visible()
    expect(page.locator("#create-seed")).to_have_value("42")
    expect(page.locator(".chosen figcaption")).to_contain_text("harbour.jpg")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("x" * 1001)
    assert not Generation.objects.exists()
    assert balance_of(team).available == 1_000_000

    page.get_by_label("Prompt", exact=True).fill("Short")
    page.locator("#generate").click()
    expect(tiles(page)).to_have_count(1)
    expect(page.get_by_text("Prompt must be 1000 characters or less")).to_be_hidden()
    assert watch.complaints == []


def test_a_pattern_is_filled_in_by_keyboard(running, team: Team, page: Page):
    open_create(page, running.url, team)
    page.get_by_role("link", name="Character", exact=True).click()

    for words in ("keeper", "climbs the stairs", "a lighthouse"):
        page.keyboard.type(words)
        page.keyboard.press("Tab")

    prompt = page.get_by_label("Prompt", exact=True)
    expect(prompt).to_have_value("The keeper climbs the stairs in a lighthouse")
    expect(prompt).not_to_be_focused()  # Tab has moved on: nobody is held in the field
    expect(page.get_by_text("Start from an example")).to_be_hidden()


def test_quality_and_steps_agree_and_lengths_keep_to_the_grid(running, team: Team, page: Page):
    open_create(page, running.url, team)
    page.locator("label", has_text="High").click()
    page.locator("#advanced summary").click()
    first = page.locator("#create-first_pass_num_inference_steps")
    expect(first).to_have_value("12")
    first.fill("7")
    expect(page.get_by_label("Custom", exact=True)).to_be_checked()

    frames = page.locator("#create-num_frames")
    frames.fill("60")
    frames.press("Tab")
    expect(frames).to_have_value("57")
    page.get_by_role("button", name="10 s", exact=True).click()
    expect(frames).to_have_value("241")
    expect(price_of(page)).to_have_text("$0.2009")


def test_a_failed_clip_costs_nothing_and_offers_the_next_step(
    running, fal, watch, team: Team, page: Page, photo: Path
):
    fal.rule("inference", "error", type="content_policy_violation")
    open_create(page, running.url, team)
    upload(page, photo)
    write(page, "Something")
    page.locator("#generate").click()
    page.locator("#latest .tile-title").click()

    expect(page.locator("#status")).to_contain_text("Nothing was charged", timeout=SOON)
    expect(page.locator("#status .status").first).to_have_text("Not approved")
    page.get_by_role("link", name="Change and try again").click()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("Something")
    expect(page.locator(".chosen figcaption")).to_contain_text("harbour.jpg")
    assert balance_of(team).available == 1_000_000
    assert watch.complaints == []


def test_a_clip_is_canceled_after_asking(running, fal, team: Team, page: Page, photo: Path):
    fal.control(inference_seconds=60)
    open_create(page, running.url, team)
    upload(page, photo)
    write(page, "Slow")
    page.locator("#generate").click()
    page.locator("#latest .tile-title").click()
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Cancel the clip").click()

    expect(page.locator("#status .status").first).to_have_text("Canceled", timeout=SOON)
    expect(page.locator("#status")).to_contain_text("Nothing was charged")
    assert balance_of(team).available == 1_000_000


def test_too_little_money_is_answered_by_a_shorter_clip(running, team: Team, page: Page, photo: Path):
    open_create(page, running.url, team)
    upload(page, photo)
    write(page, "Long", frames="1441")
    remedy = page.get_by_role("button", name=re.compile("^Shorten to"))
    expect(remedy).to_be_visible()
    expect(page.locator("#generate")).to_be_hidden()

    remedy.click()

    expect(page.locator("#create-num_frames")).to_have_value("1193")  # $1.00 pays for 1,200 frames
    expect(page.locator("#generate")).to_be_visible()


def test_while_the_server_is_away_the_page_says_so_and_goes_on(
    running, fal, team: Team, page: Page, photo: Path
):
    fal.control(inference_seconds=20)
    open_create(page, running.url, team)
    upload(page, photo)
    write(page, "Patience")
    page.locator("#generate").click()
    page.locator("#latest .tile-title").click()
    expect(page.locator("#status")).to_contain_text("Rendering", timeout=SOON)

    running.stacks["web"].close()
    expect(page.locator("#reconnecting")).to_be_visible(timeout=SOON)
    running.start("web")
    running.wait_for_web()

    expect(page.locator("#reconnecting")).to_be_hidden(timeout=SOON)
    expect(page.locator("video#player")).to_be_visible(timeout=60_000)


def test_everything_works_without_scripts(running, team: Team, browser: Browser, photo: Path):
    context: BrowserContext = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    open_create(page, running.url, team)
    page.locator("#create-file").set_input_files(photo)
    page.get_by_label("Prompt", exact=True).fill("No scripts at all")
    page.locator("#create-num_frames").fill("9")
    page.locator("#generate").click()

    page.wait_for_url(re.compile(r"/clips/[0-9a-f-]{36}/$"), timeout=SOON)
    clip = Generation.objects.get()
    expect(page.locator("video#player")).to_be_visible(timeout=SOON)  # the page refreshes itself
    clip.refresh_from_db()
    assert clip.status == Status.SUCCEEDED
    assert Hold.objects.get().captured == PRICE
    context.close()


def test_the_pages_fit_a_phone_and_a_doubled_zoom(running, team: Team, page: Page, photo: Path):
    open_create(page, running.url, team)
    upload(page, photo)
    write(page, "W" * 300)
    page.locator("#generate").click()
    expect(tiles(page)).to_have_count(1)
    clip = Generation.objects.get().get_absolute_url()
    for width in (360, 640):
        page.set_viewport_size({"width": width, "height": 740})
        for path in (f"/t/{team.slug}/create/", f"/t/{team.slug}/clips/", clip):
            page.goto(running.url + path)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (width, path)
