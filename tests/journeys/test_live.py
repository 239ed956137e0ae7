"""What the live process does for a page: changes on screen within a second, without asking; and when it is away."""

import statistics
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import Team
from generations.models import Batch, BatchKind, Generation
from generations.parameters import ClipParams
from generations.services.states import record_event
from generations.states import Status
from ltxplatform import processes
from tests.support import factories
from tests.support.create_page import SOON, open_create
from tests.support.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.processes]

# When the page shows each text for the first time, in milliseconds since 1970.
OBSERVE = """() => {
  window.shownAt = {};
  const look = () => {
    for (const word of document.body.innerText.match(/Rendering \\d+ %/g) ?? []) window.shownAt[word] ??= Date.now();
  };
  new MutationObserver(look).observe(document.body, {childList: true, subtree: true, characterData: true});
}"""


@pytest.fixture
def clip(team: Team) -> Generation:
    """Rendering, but at no fal: only this test changes it."""
    clip = Generation(
        team=team,
        created_by=team.members.get(),
        image=factories.make_image(team),
        params=ClipParams(prompt="A boat", num_frames=9).as_json(),
        status=Status.PROCESSING,
        idempotency_key=uuid4().hex,
        price=7500,
        start_deadline=timezone.now() + timedelta(days=1),
        sent_at=timezone.now(),
        started_at=timezone.now(),
    )
    clip.save(force_insert=True)
    record_event(clip, source=None, now=timezone.now())
    return clip


class Asked:
    """The page's own requests for news, with their times."""

    def __init__(self, page: Page) -> None:
        self.times: list[float] = []
        page.on("request", lambda request: self._note(request.url))

    def _note(self, url: str) -> None:
        if "?version=" in url or "/updates/" in url:
            self.times.append(time.monotonic())

    def within(self, page: Page, seconds: float) -> int:
        before = len(self.times)
        page.wait_for_timeout(seconds * 1000)
        return len(self.times) - before


def wait_for_stream(page: Page, asked: Asked) -> None:
    """Until the page relies on the stream: then it asks only when told."""
    assert processes.wait_until(lambda: asked.within(page, 1.6) == 0, seconds=40), "the page goes on asking"


@pytest.mark.parametrize("where", ["the clip's page", "the create page"])
def test_a_change_is_on_screen_within_a_second_of_its_commit(
    running: Product, watch, team: Team, clip: Generation, page: Page, where: str
) -> None:
    asked = Asked(page)
    open_create(page, running.url, team)
    if where == "the clip's page":
        page.goto(running.url + clip.get_absolute_url())
    wait_for_stream(page, asked)
    page.evaluate(OBSERVE)

    committed = {}
    for percent in (10, 30, 50, 70, 90):
        Generation.objects.filter(pk=clip.pk).update(progress=percent)
        committed[f"Rendering {percent} %"] = time.time() * 1000
        page.wait_for_timeout(500)
    expect(page.get_by_text("Rendering 90 %").first).to_be_visible(timeout=SOON)

    shown = page.evaluate("() => window.shownAt")
    delays = [shown[word] - moment for word, moment in committed.items()]
    print(f"from commit to screen, {where}: {sorted(map(round, delays))} ms")
    assert statistics.median(delays) < 1000
    assert watch.complaints == []


def test_a_button_stays_while_it_is_pressed(
    running: Product, watch, team: Team, clip: Generation, page: Page
) -> None:
    open_create(page, running.url, team)
    page.goto(running.url + clip.get_absolute_url())
    page.locator("#cancel-open").hover()

    page.mouse.down()
    Generation.objects.filter(pk=clip.pk).update(progress=40)
    page.wait_for_timeout(1500)
    expect(page.get_by_text("Rendering 40 %")).to_have_count(0)
    page.mouse.up()

    expect(page.locator("#cancel-dialog")).to_be_visible()
    expect(page.get_by_text("Rendering 40 %").first).to_be_visible(timeout=SOON)
    assert watch.complaints == []


def test_without_the_live_process_the_page_asks_and_then_listens_again(
    running: Product, team: Team, clip: Generation, page: Page
) -> None:
    asked = Asked(page)
    open_create(page, running.url, team)
    page.goto(running.url + clip.get_absolute_url())
    wait_for_stream(page, asked)

    processes.kill_group(running.running["live"].child)
    Generation.objects.filter(pk=clip.pk).update(progress=20)
    expect(page.get_by_text("Rendering 20 %").first).to_be_visible(timeout=SOON)
    assert asked.within(page, 3) >= 2
    expect(page.locator("#reconnecting")).to_be_hidden()

    running.revive("live")
    wait_for_stream(page, asked)
    Generation.objects.filter(pk=clip.pk).update(progress=60)
    expect(page.get_by_text("Rendering 60 %").first).to_be_visible(timeout=SOON)


def test_nobody_listens_to_a_page_that_nobody_looks_at(
    running: Product, team: Team, clip: Generation, page: Page
) -> None:
    asked = Asked(page)
    open_create(page, running.url, team)
    page.goto(running.url + clip.get_absolute_url())
    wait_for_stream(page, asked)

    hide(page, True)
    Generation.objects.filter(pk=clip.pk).update(progress=40)
    assert asked.within(page, 2) == 0
    hide(page, False)
    expect(page.get_by_text("Rendering 40 %").first).to_be_visible(timeout=SOON)


def test_a_batch_tells_how_far_it_is_without_asking(
    running: Product, team: Team, clip: Generation, page: Page
) -> None:
    batch = Batch.objects.create(
        team=team,
        created_by=clip.created_by,
        kind=BatchKind.SEEDS,
        size=1,
        price=clip.price,
        idempotency_key="b",
    )
    Generation.objects.filter(pk=clip.pk).update(batch=batch)
    asked = Asked(page)
    open_create(page, running.url, team)
    page.goto(f"{running.url}/t/{team.slug}/batches/{batch.pk}/")
    wait_for_stream(page, asked)

    Generation.objects.filter(pk=clip.pk).update(status=Status.CANCELED, ended_at=timezone.now())

    expect(page.locator("#progress")).to_contain_text("Canceled", timeout=SOON)
    assert page.locator("#progress").get_attribute("data-live") is None


def hide(page: Page, hidden: bool) -> None:
    page.evaluate(
        """(hidden) => {
          Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )
