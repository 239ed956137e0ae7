"""Buying credit in a browser, on Stripe's page as its stand-in has it, with every process of the product."""

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Team
from billing.services import balance_of, find_violations
from tests.support.create_page import open_create
from tests.support.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.processes]


@pytest.fixture
def home(running: Product, page: Page, team: Team) -> str:
    """The billing home, open in front of its owner; Stripe delivers to the product's door."""
    running.fal.http().post(
        f"{running.fal.url}/stripe/control/webhook_endpoints",
        json={"url": f"{running.url}/webhooks/stripe/", "secret": "whsec_sandbox"},
    )
    open_create(page, running.url, team)
    address = f"{running.url}/t/{team.slug}/billing/"
    page.goto(address)
    return address


def pay_with(page: Page, card: str) -> None:
    page.wait_for_url("**/stripe/pay/**")
    page.locator(f"input[value={card}]").check()
    page.get_by_role("button", name="Pay $").click()


def test_an_owner_buys_25_dollars_and_sees_them(home: str, team: Team, page: Page) -> None:
    page.locator("button.pack[value='25']").click()
    pay_with(page, "pm_card_visa")

    expect(page.get_by_text("Paid. The credit has been added.")).to_be_visible(timeout=20_000)
    expect(page.locator("#balance")).to_contain_text("$26.00")
    assert balance_of(team).available == 26_000_000
    page.goto(home)
    page.get_by_role("link", name="Invoice").click()
    page.wait_for_url("**/stripe/invoices/**")
    assert find_violations() == []


def test_3d_secure_and_a_declined_card(home: str, team: Team, page: Page) -> None:
    page.get_by_label("Another amount ($)").fill("12.50")
    page.keyboard.press("Enter")
    pay_with(page, "pm_card_visa_chargeDeclined")
    expect(page.get_by_role("alert")).to_contain_text("declined")

    pay_with(page, "pm_card_authenticationRequired")
    page.get_by_role("button", name="Complete authentication").click()

    expect(page.get_by_text("Paid. The credit has been added.")).to_be_visible(timeout=20_000)
    assert balance_of(team).available == 13_500_000


def test_coming_back_without_paying_and_paying_then(home: str, team: Team, page: Page) -> None:
    page.locator("button.pack[value='10']").click()
    page.wait_for_url("**/stripe/pay/**")
    page.get_by_role("link", name="Cancel and go back").click()
    expect(page.get_by_text("You came back without paying.")).to_be_visible()

    page.get_by_role("button", name="Pay $10.00").click()
    pay_with(page, "pm_card_visa")

    expect(page.get_by_text("Paid. The credit has been added.")).to_be_visible(timeout=20_000)
