"""Money, keys, factors and team rules ask for a recent sign-in, and nothing is lost or done by asking."""

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import ApiKey, Team
from tests.support import factories

pytestmark = pytest.mark.django_db
KEY = {"name": "Website", "scopes": ["read"]}
HTMX = {"HX-Request": "true"}


@pytest.fixture
def team() -> Team:
    cache.clear()
    return factories.make_team(factories.make_confirmed_user())


@pytest.fixture
def browser(team: Team) -> Client:
    browser = Client()
    browser.force_login(factories.owner_of(team))
    return browser


def let_pass(browser: Client, seconds: int) -> None:
    session = browser.session
    session["signed_in_at"] = time.time() - seconds
    session.save()


def asked_then_back_to(response: HttpResponse) -> str:
    where = urlsplit(response["Location"])
    assert where.path == reverse("account_reauthenticate")
    return parse_qs(where.query)["next"][0]


def test_a_key_is_made_after_proving_who_one_is(team: Team, browser: Client) -> None:
    page = reverse("accounts:keys", args=[team.slug])
    create = reverse("accounts:key_create", args=[team.slug])
    let_pass(browser, 3600)
    assert "confirm that it is you" in browser.get(page).content.decode()

    refused = browser.post(create, KEY, headers={"referer": f"http://testserver{page}"})
    assert asked_then_back_to(refused) == page
    assert not ApiKey.objects.exists()

    back = browser.post(refused["Location"], {"password": factories.PASSWORD, "next": page}, follow=True)
    assert back.redirect_chain[-1][0] == page
    assert "Nothing was changed yet" in back.content.decode()
    assert "confirm that it is you" not in back.content.decode()
    assert browser.post(create, KEY).status_code == 200
    assert ApiKey.objects.exists()


def test_a_form_that_was_opened_in_time_may_be_sent_a_little_later(team: Team, browser: Client) -> None:
    let_pass(browser, 16 * 60)
    assert browser.get(reverse("accounts:team_security", args=[team.slug])).status_code == 302
    assert browser.post(reverse("accounts:key_create", args=[team.slug]), KEY).status_code == 200


@pytest.mark.parametrize("name", ["billing:portal", "billing:recharge", "accounts:team_security"])
def test_money_and_rules_are_asked_for_too(team: Team, browser: Client, name: str) -> None:
    let_pass(browser, 3600)

    assert asked_then_back_to(browser.post(reverse(name, args=[team.slug]))) == "/"


@pytest.mark.parametrize("referer", ["https://evil.example/t/", "//evil.example/", "javascript:alert(1)", ""])
def test_it_never_leads_away_from_the_site(team: Team, browser: Client, referer: str) -> None:
    let_pass(browser, 3600)
    path = reverse("billing:portal", args=[team.slug])

    assert asked_then_back_to(browser.post(path, headers={"referer": referer})) == "/"


def test_a_fragment_takes_the_whole_page_there(team: Team, browser: Client) -> None:
    let_pass(browser, 3600)
    here = {"HX-Current-URL": f"http://testserver/t/{team.slug}/billing/"}

    answer = browser.post(reverse("billing:portal", args=[team.slug]), headers={**HTMX, **here})

    assert answer.status_code == 200
    assert answer["HX-Redirect"] == f"/accounts/reauthenticate/?next=/t/{team.slug}/billing/"


@pytest.mark.parametrize("name", ["mfa_activate_totp", "mfa_add_webauthn", "account_set_password"])
def test_factors_and_passwords_are_not_added_at_a_browser_left_open(browser: Client, name: str) -> None:
    let_pass(browser, 3600)

    assert asked_then_back_to(browser.get(reverse(name))) == reverse(name)


def test_who_has_neither_password_nor_factor_signs_in_again(team: Team, browser: Client) -> None:
    owner = factories.owner_of(team)
    owner.set_unusable_password()
    owner.save()
    browser.force_login(owner)
    let_pass(browser, 3600)
    page = reverse("accounts:team_security", args=[team.slug])

    asked = browser.get(page)
    assert asked["Location"] == f"{reverse('accounts:sign_in_again')}?next={page}"
    assert browser.get(asked["Location"]).status_code == 200
    out = browser.post(reverse("accounts:sign_in_again"), {"next": page})
    assert out["Location"] == f"/accounts/login/?next={page}"
    assert "_auth_user_id" not in browser.session
