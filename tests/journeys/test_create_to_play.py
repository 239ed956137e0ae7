"""From a picture to a playing clip with every process of the product, also without scripts and when things go wrong."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.models import Team
from billing.models import Hold
from billing.services import balance_of, find_violations
from generations.models import Generation
from generations.states import Status
from tests.support.create_page import SOON, harbour, open_create, price, prompt, tiles, upload, write
from tests.support.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.processes]

PRICE = 7500  # µ$ of nine frames
CREDITS = 1_000_000


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return harbour(tmp_path)


def order(page: Page, text: str) -> None:
    write(page, text)
    before = tiles(page).count()
    page.locator("#generate").click()
    expect(tiles(page)).to_have_count(before + 1)
    page.locator("#latest .tile-title").first.click()


def test_a_picture_and_a_sentence_become_a_playing_clip(
    running: Product, watch, team: Team, page: Page, photo: Path
):
    running.fal.control(inference_seconds=1)
    open_create(page, running.url, team)
    expect(price(page)).to_have_text("$0.1009")
    upload(page, photo)
    write(page, "Boats rock in the harbour, slow pan, evening light")
    expect(price(page)).to_have_text("$0.0075")
    expect(page.locator("#quote")).to_contain_text("0.38 s billed")

    page.locator("#generate").click()

    expect(tiles(page)).to_have_count(1)
    expect(prompt(page)).to_have_value(re.compile("harbour"))  # ready for the next one
    expect(page.locator("#balance")).to_contain_text("$0.99")
    prompt(page).fill("A flag in the wind")
    page.wait_for_timeout(1000)
    prompt(page).press("Control+Enter")
    expect(tiles(page)).to_have_count(2)
    expect(tiles(page).first.locator(".status")).to_have_text("Ready", timeout=SOON)
    expect(tiles(page).last.locator(".status")).to_have_text("Ready", timeout=SOON)
    # Nothing more is asked once nothing is on its way.
    expect(page.locator("[name=watch]")).to_have_count(0)

    page.emulate_media(reduced_motion="no-preference")  # else nothing plays by itself
    order(page, "Gulls over the pier")
    expect(page.locator("#status")).to_contain_text("Rendering", timeout=SOON)
    expect(page.locator("video#player")).to_be_visible(timeout=SOON)
    expect(page.locator("#status")).to_contain_text("$0.0075 was charged.")
    page.wait_for_function("() => document.querySelector('#player').currentTime > 0.1", timeout=SOON)
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download").click()
    assert Path(saved.value.path()).read_bytes()[4:8] == b"ftyp"
    assert watch.complaints == []
    assert balance_of(team).available == CREDITS - 3 * PRICE
    assert find_violations() == []


def test_a_clip_that_fails_or_is_canceled_costs_nothing(
    running: Product, watch, team: Team, page: Page, photo: Path
):
    running.fal.rule("inference", "error", type="content_policy_violation", prompt="Something")
    open_create(page, running.url, team)
    upload(page, photo)
    order(page, "Something")

    expect(page.locator("#status")).to_contain_text("Nothing was charged", timeout=SOON)
    expect(page.locator("#status .status").first).to_have_text("Not approved")
    page.get_by_role("link", name="Change and try again").click()
    expect(prompt(page)).to_have_value("Something")
    expect(page.locator(".chosen figcaption")).to_contain_text("harbour.jpg")

    running.fal.control(inference_seconds=60)
    order(page, "Slowly")
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Cancel the clip").click()
    expect(page.locator("#status .status").first).to_have_text("Canceled", timeout=SOON)
    expect(page.locator("#status")).to_contain_text("Nothing was charged")
    assert balance_of(team).available == CREDITS
    assert watch.complaints == []


def test_while_the_server_is_away_the_page_says_so_and_goes_on(
    running: Product, team: Team, page: Page, photo: Path
):
    running.fal.control(inference_seconds=10)
    open_create(page, running.url, team)
    upload(page, photo)
    order(page, "Patience")
    expect(page.locator("#status")).to_contain_text("Rendering", timeout=SOON)
    page.wait_for_load_state()  # its scripts come from the server that goes away now

    running.stacks["web"].close()
    expect(page.locator("#reconnecting")).to_be_visible(timeout=SOON)
    running.start("web")
    running.wait_for_web()

    expect(page.locator("#reconnecting")).to_be_hidden(timeout=SOON)
    expect(page.locator("video#player")).to_be_visible(timeout=2 * SOON)


def test_everything_works_without_scripts(running: Product, team: Team, browser: Browser, photo: Path):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    open_create(page, running.url, team)
    page.locator("#create-file").set_input_files(photo)
    prompt(page).fill("No scripts at all")
    page.locator("#create-num_frames").fill("9")
    page.locator("#generate").click()

    page.wait_for_url(re.compile(r"/clips/[0-9a-f-]{36}/$"), timeout=SOON)
    expect(page.locator("video#player")).to_be_visible(timeout=SOON)  # the page reloads itself
    assert Generation.objects.get(team=team).status == Status.SUCCEEDED
    assert Hold.objects.get(team=team).captured == PRICE
    context.close()
