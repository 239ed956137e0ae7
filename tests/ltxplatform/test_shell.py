"""What stands around every page: navigation by role, one key per place, limits that hold for all processes."""

import re

import pytest
from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import Team
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

    assert len(keys) == 5
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
