"""What scripts add to derived clips, LoRAs, addresses and batches, in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.files.base import ContentFile
from playwright.sync_api import Page, expect

from accounts.models import Team
from generations.models import Batch, Generation, Image, Relation
from generations.states import Status
from tests.support import factories, pictures
from tests.support.create_page import SOON, open_create, write
from tests.support.site import served
from tests.support.stages import bring
from tests.support.watch import Watch

pytestmark = pytest.mark.browser

FRAMES = 49


@pytest.fixture
def team(cloned_database: str) -> Team:
    team = factories.make_team()
    factories.give_credits(team)
    return team


@pytest.fixture
def site(team: Team) -> Iterator[str]:
    with served() as address:
        yield address


@pytest.fixture
def watch(page: Page, site: str) -> Watch:
    return Watch(page, site)


@pytest.fixture
def ready(team: Team, tmp_path: Path) -> Generation:
    """A clip that plays: VP9, which every Chromium decodes."""
    clip = factories.make_generation(team, num_frames=FRAMES, prompt="A boat drifts over a calm lake")
    path = pictures.clip(tmp_path / "clip.mp4", frames=FRAMES, codec="libvpx-vp9")
    clip.video.save("clips/a.mp4", ContentFile(path.read_bytes()), save=False)
    clip.poster.save("clips/a.jpg", ContentFile(pictures.photograph(320, 192)), save=False)
    return bring(clip, Status.SUCCEEDED, video=clip.video.name, poster=clip.poster.name, frames=FRAMES)


def test_a_clip_is_continued_from_where_it_was_paused(page: Page, site, team, ready, watch) -> None:
    open_create(page, site, team)
    page.goto(f"{site}{ready.get_absolute_url()}")
    player = page.locator("#player")
    expect(page.get_by_role("button", name="Extend", exact=True)).to_be_visible()
    player.evaluate("video => { video.pause(); video.currentTime = 1.02; }")

    page.get_by_role("button", name="Extend from 1.02 s").click()

    expect(page.get_by_role("heading", name="Continues")).to_contain_text("A boat drifts", timeout=SOON)
    expect(page.get_by_text(f"Starts from frame 25 of {FRAMES}.")).to_be_visible()
    write(page, "The boat lands")
    page.locator("#generate").click()
    expect(page.locator("#latest .slot")).to_have_count(2, timeout=SOON)
    new = Generation.objects.exclude(pk=ready.pk).get()
    assert (new.parent, new.relation, new.image.from_frame) == (ready, Relation.EXTEND, 24)
    assert watch.complaints == []


def test_loras_are_added_and_removed_by_keyboard(page: Page, site, team, watch) -> None:
    image = factories.make_image(team)
    open_create(page, site, team)
    page.goto(f"{page.url}?image={image.pk}")
    write(page, "A boat")
    page.locator("#advanced > summary").click()
    expect(page.locator(".lora:visible")).to_have_count(0)

    add = page.get_by_role("button", name="Add a LoRA")
    for path, scale in (("user/one", "0.5"), ("user/two", "0"), ("user/many", "1.25")):
        add.press("Enter")
        page.keyboard.type(path)
        page.keyboard.press("Tab")
        page.keyboard.type(scale)
    page.keyboard.press("Tab")
    page.keyboard.type("night.safetensors")
    page.locator(".lora:visible").first.get_by_role("button", name="Remove this LoRA").press("Enter")
    expect(page.locator(".lora:visible")).to_have_count(2)
    expect(add).to_be_focused()
    page.locator("#generate").click()

    expect(page.locator("#latest .slot")).to_have_count(1, timeout=SOON)
    assert Generation.objects.get().params["loras"] == [
        {"path": "user/two", "scale": 0.0},
        {"path": "user/many", "scale": 1.25, "weight_name": "night.safetensors"},
    ]
    assert watch.complaints == []


def test_enter_in_the_address_fetches_and_orders_nothing(page: Page, site, team, watch) -> None:
    open_create(page, site, team)
    page.locator("#create-address").fill("https://127.0.0.1/boat.jpg")
    page.locator("#create-address").press("Enter")

    error = page.locator("#picture-error")
    expect(error).to_contain_text("No picture could be fetched from this address.", timeout=SOON)
    expect(page.locator("#create-address")).to_have_value("https://127.0.0.1/boat.jpg")
    assert not Generation.objects.exists()
    assert watch.complaints == []


def test_a_sweep_shows_its_price_while_it_is_written_and_its_progress_afterwards(
    page: Page, site, team, watch
) -> None:
    image = factories.make_image(team)
    open_create(page, site, team)
    page.goto(f"{site}/t/{team.slug}/batches/new/?kind=seeds&image={image.pk}")
    write(page, "A boat")
    page.get_by_label("Seeds", exact=True).fill("1-3")
    expect(page.locator("#batch-quote")).to_contain_text("3 clips for $0.0225", timeout=SOON)

    page.get_by_role("button", name="Make 3 clips").click()

    expect(page.locator(".slot")).to_have_count(3, timeout=SOON)
    bring(Generation.objects.first(), Status.FAILED)
    expect(page.locator("#progress")).to_contain_text("$0.0075 returned", timeout=SOON)
    page.get_by_role("button", name="Cancel unfinished clips").click()
    page.get_by_role("button", name="Cancel the clips").click()
    expect(page.get_by_text("2 clips canceled")).to_be_visible(timeout=SOON)
    assert Batch.objects.get().size == 3
    assert watch.complaints == []


def test_chosen_files_become_pictures_of_a_matrix_at_once(page: Page, site, team, tmp_path, watch) -> None:
    files = []
    for seed in (1, 2):
        path = tmp_path / f"picture {seed}.jpg"
        path.write_bytes(pictures.photograph(320, 180, seed))
        files.append(path)
    open_create(page, site, team)
    page.goto(f"{site}/t/{team.slug}/batches/new/?kind=matrix")
    page.get_by_label("Prompts", exact=True).fill("Rain\nSnow")

    page.get_by_label("Picture files").set_input_files(files)

    expect(page.locator(".picture-boxes :checked")).to_have_count(2, timeout=SOON)
    expect(page.get_by_label("Prompts", exact=True)).to_have_value("Rain\nSnow")
    expect(page.locator("#batch-quote")).to_contain_text("4 clips for", timeout=SOON)
    assert Image.objects.count() == 2
    assert not Generation.objects.exists()
    assert watch.complaints == []


def test_the_new_pages_are_accessible_and_fit_a_phone(page: Page, site, team, ready) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    batch = factories.make_batch(team, image=ready.image, clips=2)
    long_name = factories.make_image(team)
    Image.objects.filter(pk=long_name.pk).update(original_name="a picture with a very long name indeed.jpg")
    open_create(page, site, team)
    base = f"{site}/t/{team.slug}"
    for theme, address in (
        ("dark", f"{base}/create/?from={ready.pk}&as=extend&image={long_name.pk}"),
        ("light", f"{base}/clips/{ready.pk}/"),
        ("light", f"{base}/batches/new/?kind=seeds"),
        ("dark", f"{base}/batches/new/?kind=matrix"),
        ("light", f"{base}/batches/new/?kind=rows"),
        ("dark", f"{base}/batches/"),
        ("light", f"{base}/batches/{batch.pk}/"),
    ):
        page.emulate_media(color_scheme=theme)
        page.goto(address)
        found = [
            (violation["id"], violation["nodes"][0]["html"][:200])
            for violation in Axe().run(page).response["violations"]
            if violation["impact"] in {"serious", "critical"}
        ]
        assert found == [], address
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, address
