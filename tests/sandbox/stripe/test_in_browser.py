"""The hosted pages in a real browser: decline, 3-D Secure, success, portal, and the way back."""

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def test_a_person_pays_after_a_decline_and_a_challenge(shop, stand, page: Page):
    back = f"{stand.base}/health"
    session = shop.session(
        success_url=f"{back}?session={{CHECKOUT_SESSION_ID}}",
        cancel_url=back,
        payment_intent_data={"setup_future_usage": "off_session"},
    )
    page.goto(session.url)
    expect(page.get_by_text("Your card will be saved")).to_be_visible()

    page.get_by_label("Declined: insufficient funds").check()
    page.get_by_role("button", name="Pay $25.00").click()
    expect(page.get_by_role("alert")).to_have_text("Your card has insufficient funds.")
    page.get_by_label("3-D Secure, at every payment").check()
    page.get_by_role("button", name="Pay $25.00").click()
    page.get_by_role("button", name="Complete authentication").click()

    page.wait_for_url(f"{back}?session={session.id}")
    paid = shop.again(session.id)
    assert paid.payment_status == "paid"

    portal = shop.client.v1.billing_portal.sessions.create({"customer": paid.customer, "return_url": back})
    page.goto(portal.url)
    page.get_by_role("button", name="Remove 3184").click()
    expect(page.get_by_text("No cards.")).to_be_visible()
    page.get_by_role("link", name="Go back").click()
    page.wait_for_url(back)


def test_a_person_changes_their_mind(shop, stand, page: Page):
    page.goto(shop.session(cancel_url=f"{stand.base}/health?no").url)

    page.get_by_role("link", name="Cancel and go back").click()

    page.wait_for_url(f"{stand.base}/health?no")
    assert stand.objects("payment_intent") == []
