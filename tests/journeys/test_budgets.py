"""A member with a small daily cap: one clip, a refusal that says what to do, a request, an answer, the second clip."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from accounts.models import Team, User
from accounts.services import add_member
from billing.models import Hold, Limit
from billing.services import find_violations
from tests.support import factories
from tests.support.create_page import SOON, harbour, tiles, upload, write
from tests.support.product import Product
from tests.support.watch import Watch

pytestmark = [pytest.mark.browser, pytest.mark.processes]

PRICE = 100_834  # µ$ of the default clip


@pytest.fixture
def jo(team: Team) -> User:
    user = factories.make_user(name="Jo Lind")
    add_member(team=team, user=user, role="editor")
    return user


def signed_in(page: Page, site: str, user: User) -> Page:
    client = Client()
    client.force_login(user)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": site}])
    return page


def test_a_refused_member_asks_and_the_owners_answer_lets_the_clip_through(
    running: Product, watch: Watch, team: Team, jo: User, page: Page, browser: Browser, tmp_path: Path
):
    running.fal.control(inference_seconds=0.2)
    billing = f"{running.url}/t/{team.slug}/billing"
    owner = signed_in(browser.new_context().new_page(), running.url, factories.owner_of(team))
    owners_watch = Watch(owner, running.url, running.live_url)
    owner.goto(f"{billing}/budgets/")
    owner.get_by_label("Applies to").select_option(label="Jo Lind")
    owner.get_by_label("Limit in dollars", exact=True).last.fill("0.20")
    owner.get_by_role("button", name="Set limit").click()
    expect(owner.locator(".allowance")).to_contain_text("$0.20 a day")

    signed_in(page, running.url, jo).goto(f"{running.url}/t/{team.slug}/create/")
    upload(page, harbour(tmp_path))
    write(page, "Boats rock in the harbour", frames="121")
    page.locator("#generate").click()
    expect(tiles(page)).to_have_count(1)
    write(page, "A flag in the wind", frames="121")
    page.locator("#generate").click()

    # Which cap, what is missing, who can lift it, and the way there.
    expect(page.locator(".banner.bad")).to_contain_text("$0.09", timeout=SOON)
    expect(page.locator("#remedy")).to_contain_text("$0.001668 is missing")
    expect(page.locator("#remedy")).to_contain_text("Mara Maker can raise the limit")
    page.get_by_role("link", name="Ask for more").click()
    expect(page.get_by_label("How much more, in dollars")).to_have_value("0.001668")
    page.get_by_label("How much more, in dollars").fill("0.10")
    page.get_by_label("Reason").fill("A second take of the harbour")
    page.get_by_role("button", name="Ask the owners").click()
    expect(page.locator(".asked")).to_contain_text("Waiting")

    owner.reload()
    expect(owner.locator(".answer")).to_contain_text("A second take of the harbour")
    owner.get_by_role("button", name="Approve").click()
    expect(owner.locator(".answer")).to_have_count(0)
    expect(owner.locator(".allowance")).to_contain_text("Raised until")
    page.reload()
    expect(page.locator(".asked")).to_contain_text("Approved")

    page.goto(f"{running.url}/t/{team.slug}/create/")
    page.locator(".recent-pictures label").first.click()
    expect(page.locator(".chosen")).to_be_visible()
    write(page, "A flag in the wind", frames="121")
    page.locator("#generate").click()
    expect(tiles(page)).to_have_count(2)
    expect(tiles(page).first.locator(".status")).to_have_text("Ready", timeout=SOON)
    expect(tiles(page).last.locator(".status")).to_have_text("Ready", timeout=SOON)

    owner.goto(f"{billing}/usage/")
    expect(owner.get_by_role("row", name=re.compile("Jo Lind"))).to_contain_text("$0.2017")
    owner.goto(f"{billing}/statement/")
    expect(owner.locator(".book tbody tr").first).to_contain_text("Clip delivered")
    owner.get_by_role("link", name="Do the books balance?").click()
    owner.get_by_role("button", name="Check the books").click()
    expect(owner.locator(".banner.good")).to_contain_text("The books balance")
    assert (watch.complaints, owners_watch.complaints) == ([], [])
    assert sorted(Hold.objects.filter(team=team).values_list("captured", flat=True)) == [PRICE, PRICE]
    assert Limit.objects.get(team=team).cap == 200_000
    assert find_violations(team) == []
    owner.context.close()
