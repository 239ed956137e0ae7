"""What scripts add to the create page: one clip a press, errors in place, blanks, presets, a remedy, small screens."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from accounts.models import Team
from billing.services import balance_of
from generations.models import Generation
from generations.states import Status
from tests.support import factories
from tests.support.create_page import harbour, open_create, price, prompt, tiles, upload, write
from tests.support.site import served
from tests.support.stages import bring
from tests.support.watch import Watch

pytestmark = pytest.mark.browser

CREDITS = 1_000_000
SERIOUS = {"serious", "critical"}


@pytest.fixture
def team(cloned_database: str) -> Team:
    team = factories.make_team()
    factories.give_credits(team, CREDITS)
    return team


@pytest.fixture
def site(team: Team) -> Iterator[str]:
    with served() as address:
        yield address


@pytest.fixture
def watch(page: Page, site: str) -> Watch:
    return Watch(page, site)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return harbour(tmp_path)


def test_a_double_click_makes_one_clip_and_a_later_press_another(
    site: str, watch: Watch, team: Team, page: Page, photo: Path
):
    open_create(page, site, team)
    upload(page, photo)
    write(page, "Waves")

    page.locator("#generate").dblclick()
    expect(tiles(page)).to_have_count(1)
    page.wait_for_timeout(1200)
    assert Generation.objects.count() == 1

    page.locator("#generate").click()
    expect(tiles(page)).to_have_count(2)
    assert balance_of(team).held == 2 * 7500
    assert watch.complaints == []


def test_what_is_wrong_is_said_at_its_field_and_everything_typed_stays(
    site: str, watch: Watch, team: Team, page: Page, photo: Path
):
    open_create(page, site, team)
    page.locator("#generate").click()
    expect(page.get_by_text("Prompt is required", exact=True)).to_be_visible()
    expect(page.get_by_text("Image URL is required", exact=True)).to_be_visible()

    upload(page, photo)
    prompt(page).fill("x" * 1001)
    expect(page.locator(".counter")).to_have_text("1,001 / 1,000")
    page.locator("#advanced summary").click()
    page.locator("#create-seed").fill("42")
    page.locator("#generate").click()

    expect(page.get_by_text("Prompt must be 1000 characters or less", exact=True)).to_be_visible()
    expect(page.locator("#create-seed")).to_have_value("42")
    expect(page.locator(".chosen figcaption")).to_contain_text("harbour.jpg")
    expect(prompt(page)).to_have_value("x" * 1001)
    assert not Generation.objects.exists()
    assert balance_of(team).available == CREDITS

    prompt(page).fill("Short")
    page.locator("#generate").click()
    expect(tiles(page)).to_have_count(1)
    expect(page.get_by_text("Prompt must be 1000 characters or less")).to_be_hidden()
    assert watch.complaints == []


def test_a_picture_is_dropped_replaced_and_chosen_again(
    site: str, watch: Watch, team: Team, page: Page, photo: Path
):
    open_create(page, site, team)
    page.evaluate(
        """async () => {
          const canvas = Object.assign(document.createElement("canvas"), {width: 320, height: 200});
          canvas.getContext("2d").fillRect(0, 0, 320, 200);
          const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
          const transfer = new DataTransfer();
          transfer.items.add(new File([blob], "dropped.png", {type: "image/png"}));
          document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: transfer, bubbles: true, cancelable: true}));
        }"""
    )
    expect(page.locator(".chosen figcaption")).to_contain_text("dropped.png")
    expect(page.locator("#picture-note")).to_contain_text("may look soft")

    upload(page, photo)
    expect(page.locator(".recent-pictures input")).to_have_count(2)
    page.locator(".recent-pictures input").last.focus()
    page.keyboard.press("Space")

    expect(page.locator(".chosen figcaption")).to_contain_text("dropped.png")
    assert watch.complaints == []


def test_an_upload_that_gets_lost_can_be_repeated(site: str, team: Team, page: Page, photo: Path):
    open_create(page, site, team)
    page.route("**/images/", lambda route: route.abort())
    page.locator("#create-file").set_input_files(photo)
    expect(page.get_by_text("The upload failed.")).to_be_visible()

    page.unroute("**/images/")
    page.get_by_role("button", name="Try again").click()

    expect(page.locator(".chosen figcaption")).to_contain_text("harbour.jpg")


def test_a_pattern_is_filled_in_by_keyboard(site: str, team: Team, page: Page):
    open_create(page, site, team)
    page.get_by_role("link", name="Character", exact=True).click()

    for words in ("keeper", "climbs the stairs", "a lighthouse"):
        page.keyboard.type(words)
        page.keyboard.press("Tab")

    expect(prompt(page)).to_have_value("The keeper climbs the stairs in a lighthouse")
    expect(prompt(page)).not_to_be_focused()  # Tab has moved on: nobody is held in the field
    expect(page.get_by_text("Start from an example")).to_be_hidden()


def test_quality_and_steps_agree_and_lengths_keep_to_the_grid(site: str, team: Team, page: Page):
    open_create(page, site, team)
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
    expect(price(page)).to_have_text("$0.2009")


def test_too_little_money_is_answered_by_a_shorter_clip(site: str, team: Team, page: Page):
    open_create(page, site, team)
    write(page, "Long", frames="1441")
    remedy = page.get_by_role("button", name=re.compile("^Shorten to"))
    expect(remedy).to_be_visible()
    expect(page.locator("#generate")).to_be_hidden()

    remedy.click()

    expect(page.locator("#create-num_frames")).to_have_value("1193")  # $1.00 pays for 1,200 frames
    expect(page.locator("#generate")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(site: str, team: Team, browser: Browser, scheme: Literal["light", "dark"]):
    # axe brings its own script, which the site's policy would refuse.
    page = browser.new_context(bypass_csp=True, color_scheme=scheme, reduced_motion="reduce").new_page()
    image = factories.make_image(team)
    ready = bring(factories.make_generation(team, image=image), Status.SUCCEEDED)
    failed = bring(factories.make_generation(team, image=image), Status.FAILED, failure_code="provider_error")
    running = bring(factories.make_generation(team, image=image), Status.PROCESSING, progress=40)

    open_create(page, site, team)
    page.locator("#advanced summary").click()
    assert serious(page) == []
    page.locator("#generate").click()
    expect(page.get_by_text("Prompt is required")).to_be_visible()
    assert serious(page) == []
    for path in (f"/t/{team.slug}/clips/", *(clip.get_absolute_url() for clip in (ready, failed, running))):
        page.goto(site + path)
        assert serious(page) == [], path
    page.locator("#cancel-open").click()
    assert serious(page) == []
    page.context.close()


def serious(page: Page) -> list[str]:
    """What keeps people out."""
    violations = Axe().run(page).response["violations"]
    return [
        f"{found['id']}: {found['nodes'][0]['html']}" for found in violations if found["impact"] in SERIOUS
    ]


def test_the_pages_fit_a_phone_and_a_doubled_zoom(site: str, team: Team, page: Page, photo: Path):
    open_create(page, site, team)
    upload(page, photo)
    write(page, "W" * 300)
    page.locator("#generate").click()
    expect(tiles(page)).to_have_count(1)
    clip = Generation.objects.get().get_absolute_url()
    for width in (360, 640):
        page.set_viewport_size({"width": width, "height": 740})
        for path in (f"/t/{team.slug}/create/", f"/t/{team.slug}/clips/", clip):
            page.goto(site + path)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (width, path)
