"""The style guide: who sees it, and that the real browser finds every page of ours sound in both themes."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Page, expect

from accounts.api_keys import create_api_key
from accounts.models import Role, User
from accounts.permissions import SCOPE_PERMISSIONS
from accounts.services import add_member, create_project
from accounts.services.projects import archive_project
from billing.services import set_limit
from billing.services.raise_requests import ask_for_more
from tests.contracts.world import picture_of
from tests.support import factories
from tests.support.site import served

GUIDE = "/styleguide/"
PUBLIC = ["/", "/pricing/", "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/nowhere/"]
OWN = ["/accounts/password/change/", "/accounts/logout/", GUIDE]
# Everything around the clips, with a full team behind it: people, keys, projects, money, settings, security, data.
SETTINGS = ["/settings/profile/", "/settings/display/", "/settings/notifications/", "/notifications/"]
SETTINGS += ["/settings/data/delete/", "/accounts/email/", "/accounts/security/"]
TEAM = ["", "members/", "projects/", "audit/", "settings/", "security/", "staff-visits/", "data/", "keys/"]
TEAM += ["billing/", "billing/statement/", "billing/usage/", "billing/budgets/", "billing/books/"]
# Of what is in order one example is enough: telling all of it costs more than finding it.
AXE: dict[str, Any] = {"preload": False, "resultTypes": ["violations"]}
PHONE = {"width": 360, "height": 800}


@pytest.mark.django_db
def test_only_staff_find_the_style_guide() -> None:
    stranger, member, staff = Client(), Client(), Client()
    member.force_login(factories.make_user())
    staff.force_login(factories.make_user(is_staff=True))

    assert stranger.get(GUIDE).status_code == 302
    assert member.get(GUIDE).status_code == 404
    assert staff.get(GUIDE).status_code == 200
    assert staff.post(GUIDE).status_code == 405


@pytest.fixture
def site(cloned_database: str) -> Iterator[str]:
    with served() as address:
        yield address


@pytest.fixture
def signed_in(site: str, context: BrowserContext) -> str:
    """The address of the site, for a member of staff with a team."""
    user = factories.make_user("mara@example.com", is_staff=True)
    team = factories.make_team(user, name="Northlight Studio")
    factories.give_credits(team)
    set_limit(team=team, member=user, period="day", cap=200_000)
    client = Client()
    client.force_login(user)
    context.add_cookies([{"name": "session", "value": client.cookies["session"].value, "url": site}])
    return site


def choose(context: BrowserContext, site: str, theme: str) -> None:
    context.add_cookies([{"name": "theme", "value": theme, "url": site}])


def serious(page: Page) -> list[str]:
    """What axe finds that keeps people out."""
    return named(page, Axe().run(page, options=AXE).response["violations"])


def hard_to_read(page: Page) -> list[str]:
    """What axe, which is in the page already, finds of contrast alone."""
    found = page.evaluate("options => axe.run(options)", {**AXE, "runOnly": ["color-contrast"]})
    return named(page, found["violations"])


def named(page: Page, violations: list[dict[str, Any]]) -> list[str]:
    return [
        f"{page.url}: {found['id']}: {node['html'][:160]}"
        for found in violations
        if found["impact"] in {"serious", "critical"}
        for node in found["nodes"]
    ]


def too_wide(page: Page, path: str, widths: Sequence[int]) -> list[str]:
    """The widths at which the page has to be moved sideways; the last one stays."""
    found = []
    for width in widths:
        page.set_viewport_size({"width": width, "height": 800})
        reach = page.evaluate("document.documentElement.scrollWidth")
        if reach > width:
            found.append(f"{path} is {reach} wide at {width}")
    return found


def refused_at(page: Page, address: str) -> list[str]:
    """What the page's policy stopped while it loaded; axe, which comes later, tries inline styles of its own."""
    heard: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            heard.append(f"{address}: {message.text}")

    page.on("console", note)
    page.goto(address)
    page.remove_listener("console", note)
    return heard


@pytest.fixture
def full_team(signed_in: str) -> str:
    """The slug of the team, with a row of everything that its pages list, in names as people have them."""
    owner = User.objects.get(email="mara@example.com")
    team = owner.memberships.get().team
    actor = factories.actor_for(team)
    long = "Wolfeschlegelsteinhausenbergerdorff"
    editor = factories.make_user(
        f"{long}.of.the.house@a-rather-long-name-of-a-company.example.com", name=long
    )
    add_member(team=team, user=editor, role=Role.EDITOR)
    add_member(team=team, user=factories.make_user(name="محمد عبد الرحمن"), role=Role.VIEWER)
    factories.make_invitation(team, f"{long}@example.com")
    project = create_project(actor=actor, name=f"{long} spring campaign")
    archive_project(actor=actor, project_id=create_project(actor=actor, name="Old").pk, now=timezone.now())
    create_api_key(actor=actor, name=f"{long} nightly", scopes=list(SCOPE_PERMISSIONS), project=project)
    limit = set_limit(team=team, member=editor, period="day", cap=200_000)
    ask_for_more(actor=factories.actor_for(team, editor), limit_id=limit.pk, amount=100_000, reason=long)
    factories.make_generation(team, image=picture_of(team), prompt=f"{long} walks by the sea")
    return team.slug


def judge(page: Page, site: str, paths: list[str]) -> None:
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    # All loads first: what axe tries afterwards is reported late, and must not count against the next page.
    for path in paths:
        complaints += refused_at(page, f"{site}{path}")
    for path in paths:
        page.goto(f"{site}{path}")
        complaints += serious(page)
        complaints += too_wide(page, path, (1280, 360))
    assert not complaints, "\n".join(complaints)


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_for_visitors_are_sound(site: str, page: Page, context: BrowserContext, theme: str) -> None:
    choose(context, site, theme)
    judge(page, site, PUBLIC)


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_for_members_are_sound(signed_in: str, page: Page, context: BrowserContext, theme: str) -> None:
    choose(context, signed_in, theme)
    judge(page, signed_in, OWN)


@pytest.mark.browser
def test_pages_around_the_clips_are_sound_on_phones_in_both_themes(
    signed_in: str, full_team: str, page: Page, context: BrowserContext
) -> None:
    choose(context, signed_in, "light")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.emulate_media(
        reduced_motion="reduce"
    )  # else axe meets colours on their way from one theme to the other
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for path in [*(f"/t/{full_team}/{each}" for each in TEAM), *SETTINGS]:
        complaints += refused_at(page, f"{signed_in}{path}")
        if urlsplit(page.url).path != path:
            complaints.append(f"{path} led to {page.url}")
        complaints += too_wide(page, path, (1280, PHONE["width"]))
        complaints += serious(page)
        # The other theme changes colours alone, so contrast is all there is to ask again.
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        complaints += hard_to_read(page)
    assert not complaints, "\n".join(complaints)


@pytest.mark.browser
def test_a_theme_is_chosen_at_once_and_arrives_with_the_next_page(site: str, page: Page) -> None:
    page.goto(site)
    assert page.locator("html").get_attribute("data-theme") == "system"

    page.get_by_role("button", name="Dark").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 16, 18)"
    page.reload()

    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.get_by_role("button", name="Dark").get_attribute("aria-pressed") == "true"


@pytest.mark.browser
def test_what_is_chosen_in_the_menu_is_kept_and_a_change_is_guarded(signed_in: str, page: Page) -> None:
    page.goto(f"{signed_in}/settings/display/")
    page.get_by_role("button", name="Your account").click()
    with page.expect_response("**/settings/theme/") as saved:
        page.locator("#person-menu").get_by_role("button", name="Dark").click()
    assert saved.value.status == 204
    page.context.clear_cookies(name="theme")
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"

    page.get_by_label("Time zone").select_option("Europe/Berlin")
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.once("dialog", leave)
    page.goto(signed_in)
    assert asked == ["beforeunload"]


@pytest.mark.browser
def test_a_made_up_theme_is_ignored(site: str, page: Page, context: BrowserContext) -> None:
    choose(context, site, "neon")
    page.goto(site)
    assert page.locator("html").get_attribute("data-theme") == "system"


@pytest.mark.browser
def test_dialogs_and_menus_work_from_the_keyboard(signed_in: str, page: Page) -> None:
    page.goto(signed_in + GUIDE)
    opener = page.get_by_role("button", name="Open dialog")
    opener.press("Enter")
    assert page.locator("#demo-dialog").is_visible()
    page.keyboard.press("Escape")
    page.locator("#demo-dialog").wait_for(state="hidden")
    assert opener.evaluate("element => element === document.activeElement")

    more = page.get_by_role("button", name="More")
    more.press("Enter")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent.trim()") == "Download"
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.textContent.trim()") == "Delete"
    page.keyboard.press("Escape")
    page.locator("#demo-menu").wait_for(state="hidden")


@pytest.mark.browser
def test_slider_counter_and_toasts_follow_the_hand(signed_in: str, page: Page) -> None:
    page.goto(signed_in + GUIDE)
    slider = page.get_by_label("Length, slider")
    slider.press("ArrowRight")
    assert page.get_by_role("spinbutton", name="Length").input_value() == "129"
    page.get_by_role("spinbutton", name="Length").fill("57")
    assert slider.input_value() == "57"

    page.locator("#id_prompt").first.fill("A 🚤 at sea")
    assert page.locator("#id_prompt-counter").first.text_content() == "10 / 1,000"

    page.get_by_role("button", name="Copy").click()
    expect(page.locator("#toasts .toast")).to_have_count(1)  # once the clipboard has it
    page.locator("#toasts").get_by_role("button", name="Dismiss").click()
    expect(page.locator("#toasts .toast")).to_have_count(0)


@pytest.mark.browser
def test_single_keys_can_be_switched_off(signed_in: str, page: Page) -> None:
    page.goto(signed_in + GUIDE)
    page.keyboard.press("?")
    assert page.locator("#shortcuts").is_visible()
    page.get_by_role("switch", name="Single-key shortcuts").uncheck()
    page.keyboard.press("Escape")
    page.locator("#shortcuts").wait_for(state="hidden")

    page.keyboard.press("?")

    assert not page.locator("#shortcuts").evaluate("dialog => dialog.open")


@pytest.mark.browser
def test_the_calculator_answers_while_one_types(site: str, page: Page) -> None:
    page.goto(site + reverse("billing:pricing"))
    page.get_by_role("spinbutton", name="Length").fill("240")
    page.locator("#answer .figure").get_by_text("$0.20").wait_for()
    page.get_by_role("switch", name="Detail pass, doubles the price").check()
    page.locator("#answer .figure").get_by_text("$0.40").wait_for()
    page.get_by_role("spinbutton", name="Length").fill("5000")
    page.locator("#answer").get_by_text("at most 1,441 frames").wait_for()
