"""What stands around every page: navigation by role, one key per place, limits that hold for all processes."""

import re
from datetime import timedelta

import pytest
from django.core.cache import caches
from django.db import connection
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from accounts.models import Team
from billing.services.limits import suspend_team
from tests.support import factories

pytestmark = pytest.mark.django_db


def page_of(team: Team, role: str) -> str:
    browser = Client()
    browser.force_login(factories.make_member(team, role))
    return browser.get(f"/t/{team.slug}/clips/").content.decode()


@pytest.mark.parametrize("role", ["owner", "editor", "viewer", "billing"])
def test_the_team_switcher_leads_where_the_role_may_go(role: str) -> None:
    team = factories.make_team()
    user = factories.make_member(team, role)
    browser = Client()
    browser.force_login(user)
    page = browser.get(f"/t/{team.slug}/clips/").content.decode()

    menu = re.search(r'id="team-menu".*?</nav>', page, re.DOTALL)
    assert menu is not None
    links = re.findall(r'href="([^"]+)"', menu[0])
    assert any(team.slug in link for link in links)
    assert [browser.get(link).status_code for link in links] == [200] * len(links)


def test_no_two_places_share_a_key() -> None:
    keys = re.findall(r'data-key="(.)"', page_of(factories.make_team(), "owner"))

    assert len(keys) == 6
    assert len(set(keys)) == len(keys)


def test_wrong_passwords_are_counted_for_all_processes_together() -> None:
    user = factories.make_user()
    answers = []
    for _ in range(7):
        caches["local"].clear()  # another process knows nothing of this one's memory
        answers.append(
            Client()
            .post(reverse("account_login"), {"login": user.email, "password": "guess"})
            .content.decode()
        )

    assert "Too many attempts" not in answers[0]
    assert "Too many attempts" in answers[-1]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM platform_cache WHERE cache_key LIKE '%login%'")
        assert cursor.fetchone()[0] > 0


def test_home_leads_the_navigation_and_only_the_page_that_is_open_is_lit() -> None:
    team = factories.make_team()
    browser = Client()
    browser.force_login(factories.owner_of(team))

    def lit(path: str) -> list[str]:
        page = browser.get(f"/t/{team.slug}/{path}").content.decode()
        return re.findall(r'data-key="(.)" aria-current="page"', page)

    assert lit("") == ["h"]
    assert lit("clips/") == ["l"]
    assert lit("batches/") == ["c"]
    assert lit("projects/") == ["t"]


def test_every_page_says_that_the_operator_stopped_the_team_from_spending() -> None:
    team = factories.make_team()
    factories.give_credits(team)
    assert "may not spend credit" not in page_of(team, "editor")

    suspend_team(team=team, reason="A dispute, for staff only")

    page = page_of(team, "editor")
    assert "may not spend credit" in page
    assert "dispute" not in page


def test_every_page_says_that_the_team_will_be_deleted_and_owners_are_led_to_undo_it() -> None:
    team = factories.make_team()
    Team.objects.filter(pk=team.pk).update(ends_at=timezone.now() + timedelta(days=14))

    assert "will be deleted on" in page_of(team, "editor")
    assert f"/t/{team.slug}/data/" not in page_of(team, "editor")
    assert f"/t/{team.slug}/data/" in page_of(team, "owner")


def test_the_ribbon_says_where_emails_go_while_nobody_delivers_them() -> None:
    signup = reverse("account_signup")
    assert "e-mails are printed" not in Client().get(signup).content.decode()

    with override_settings(EMAIL_BACKEND="django.core.mail.backends.console.EmailBackend"):
        page = Client().get(signup).content.decode()

    assert "e-mails are printed in the terminal" in page
