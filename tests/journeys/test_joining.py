"""Somebody joins a team by e-mail and passkey, works within a limit, and is out with the next click after removal."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.models import Membership, Team
from billing.models import Hold
from tests.journeys.test_budgets import PRICE, signed_in
from tests.support.authenticator import add_authenticator
from tests.support.create_page import SOON, harbour, tiles, upload, write
from tests.support.factories import owner_of
from tests.support.product import Product
from tests.support.watch import Watch

pytestmark = [pytest.mark.browser, pytest.mark.processes]

NORA = "nora@example.com"


def test_somebody_joins_works_within_a_limit_and_is_removed(
    running: Product, watch: Watch, team: Team, page: Page, browser: Browser, tmp_path: Path
):
    running.fal.control(inference_seconds=0.2)
    team_pages = f"{running.url}/t/{team.slug}"
    owner = signed_in(page, running.url, owner_of(team))
    owner.goto(f"{team_pages}/members/")
    owner.get_by_label("E-mail addresses").fill(NORA)
    owner.get_by_role("button", name="Send invitations").click()
    expect(owner.locator("#invitations")).to_contain_text(NORA)

    nora = browser.new_context().new_page()
    site, live = (url.replace("127.0.0.1", "localhost") for url in (running.url, running.live_url))
    hers = Watch(nora, site, live)
    add_authenticator(nora)
    nora.goto(emailed(running, "workers", r"http://127\.0\.0\.1:\d+(/invitations/[\w-]+/)", site))
    expect(nora.get_by_role("heading", name=f"Join {team.name}")).to_be_visible()
    nora.get_by_role("link", name="Create an account").click()
    nora.get_by_role("link", name="Use a passkey instead").click()
    nora.get_by_label("Email").fill(NORA)
    nora.get_by_role("button", name="Continue").click()
    nora.get_by_label("Code").fill(emailed(running, "web", r"^([A-Z0-9]{4}-[A-Z0-9]{4})$"))
    nora.get_by_role("button", name="Confirm address").click()
    nora.wait_for_load_state()  # the page's script makes the passkey
    nora.get_by_label("Name").fill("Nora's phone")
    nora.get_by_role("button", name="Create passkey").click()
    nora.get_by_role("button", name="Accept invitation").click()
    expect(nora.locator("h1")).to_be_visible()

    owner.goto(f"{team_pages}/billing/budgets/")
    owner.get_by_label("Applies to").select_option(label=NORA)
    owner.get_by_label("Limit in dollars", exact=True).last.fill("0.20")
    owner.get_by_role("button", name="Set limit").click()
    expect(owner.locator(".allowance")).to_contain_text("$0.20 a day")

    nora.goto(f"{site}/t/{team.slug}/create/")
    upload(nora, harbour(tmp_path))
    write(nora, "Boats rock in the harbour", frames="121")
    with nora.expect_response(f"{live}/live/**") as stream:  # with her cookie, which belongs to the name
        nora.locator("#generate").click()
    assert stream.value.status == 200
    expect(tiles(nora).first.locator(".status")).to_have_text("Ready", timeout=SOON)
    assert hers.complaints == []

    owner.goto(f"{team_pages}/members/")
    owner.locator("summary", has_text=f"Change {NORA}").click()
    owner.get_by_role("button", name="Remove from team").click()
    owner.get_by_role("button", name=f"Remove {NORA}").click()
    expect(owner.locator(".people")).not_to_contain_text(NORA)
    with nora.expect_response("**/clips/") as answer:
        nora.get_by_role("link", name="Clips").first.click()
    assert answer.value.status == 404

    owner.goto(f"{team_pages}/audit/")
    told = owner.locator(".deeds li").all_inner_texts()
    story = ["removed", "set a limit for", "joined", "invited"]  # newest first
    assert [word for text in told for word in story if word in text and NORA in text] == story
    assert watch.complaints == []
    assert not Membership.objects.filter(team=team, user__email=NORA).exists()
    assert Hold.objects.get(team=team).captured == PRICE
    nora.context.close()


def emailed(running: Product, process: str, wanted: str, before: str = "") -> str:
    """What stands in the last e-mail to her that has it; development writes e-mails into the log."""
    pattern = re.compile(wanted, re.MULTILINE)

    def found() -> list[str]:
        emails = running.running[process].output.split("\nContent-Type: multipart/alternative")
        return [match for text in emails if NORA in text for match in pattern.findall(text)]

    running.running[process].wait_for(lambda: bool(found()), 30)
    return before + found()[-1]
