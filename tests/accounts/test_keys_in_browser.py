"""The API keys page as people use it: make, copy and revoke a key, with nothing against the site's policy."""

import pytest
from django.test import Client

from accounts.models import ApiKey
from tests.support.factories import make_team, owner_of
from tests.support.site import served

pytestmark = pytest.mark.browser


def test_a_key_is_made_copied_and_revoked(cloned_database, page, settings):
    team = make_team(name="Studio Nord")
    client = Client()
    client.force_login(owner_of(team))
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    with served() as site:
        name = settings.SESSION_COOKIE_NAME
        page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": site}])
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.goto(f"{site}/t/{team.slug}/keys/")
        page.get_by_text("No keys yet").wait_for()

        page.get_by_label("Name").fill("Website")
        page.get_by_role("button", name="Create key").click()
        shown = page.locator("#new-key").inner_text().strip()
        page.locator("[data-copy='#new-key']").click()
        page.get_by_text("Copied").first.wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == shown

        page.get_by_role("button", name="Revoke Website").click()
        page.get_by_role("button", name="Revoke key").click()
        page.get_by_text("Revoked", exact=True).wait_for()
        assert shown not in page.content()

    assert ApiKey.objects.get().is_revoked
    assert complaints == []
