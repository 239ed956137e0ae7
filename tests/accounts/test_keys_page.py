"""The API keys page: who may open it, what it makes, and how long it shows a secret."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import ApiKey, Membership, Role
from tests.support.api import ApiClient, make_key
from tests.support.factories import make_member, make_team, make_user, owner_of

pytestmark = pytest.mark.django_db
WHOLE_KEY = re.compile(r"ltx_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}")
WISHES = {"name": "Website", "scopes": ["generate", "read"], "expires_in": ""}


@pytest.fixture
def team():
    return make_team()


@pytest.fixture
def owner(team):
    return signed_in(owner_of(team))


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def url(name: str, team, *args) -> str:
    return reverse(f"accounts:{name}", args=[team.slug, *args])


def person(team, role: str) -> Client:
    if role == "nobody":
        return Client()
    if role == "outsider":
        return signed_in(owner_of(make_team()))
    return signed_in(owner_of(team) if role == "owner" else make_member(team, role))


ACCESS = [
    ("nobody", 302),
    ("outsider", 404),
    ("viewer", 403),
    ("billing", 403),
    ("editor", 403),
    ("admin", 200),
    ("owner", 200),
]


@pytest.mark.parametrize(("role", "status"), ACCESS)
def test_who_may_see_the_keys(role, status, team):
    assert person(team, role).get(url("keys", team)).status_code == status


@pytest.mark.parametrize(("role", "status"), ACCESS)
def test_who_may_make_a_key(role, status, team):
    response = person(team, role).post(url("key_create", team), WISHES)

    assert response.status_code == status
    assert ApiKey.objects.filter(team=team).count() == (1 if status == 200 else 0)


@pytest.mark.parametrize(("role", "status"), ACCESS)
def test_who_may_revoke_a_key(role, status, team):
    key, _ = make_key(team)

    response = person(team, role).post(url("key_revoke", team, key.pk))

    assert response.status_code == (302 if status == 200 else status)
    key.refresh_from_db()
    assert key.is_revoked is (status == 200)


def test_a_new_key_is_shown_once_and_works(team, owner):
    response = owner.post(url("key_create", team), WISHES)
    (plain,) = set(WHOLE_KEY.findall(response.content.decode()))

    assert "no-store" in response["Cache-Control"]
    assert ApiClient(plain).get("/generations").status_code == 200
    assert ApiClient(plain).get("/balance").status_code == 403  # not among the scopes
    assert not WHOLE_KEY.search(owner.get(url("keys", team)).content.decode())
    assert plain not in str(dict(owner.session))


def test_a_form_with_mistakes_comes_back_as_it_was(team, owner):
    response = owner.post(url("key_create", team), {"name": "Nightly", "scopes": []})

    assert response.status_code == 422
    assert "Choose at least one thing" in response.content.decode()
    assert 'value="Nightly"' in response.content.decode()
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    "wishes",
    [{"name": ""}, {"name": "x" * 101}, {"scopes": ["everything"]}, {"expires_in": "7"}, {"name": "a\x00b"}],
)
def test_other_mistakes_make_no_key_either(wishes, team, owner):
    assert owner.post(url("key_create", team), {**WISHES, **wishes}).status_code == 422
    assert not ApiKey.objects.exists()


def test_an_expiry_is_kept(team, owner):
    owner.post(url("key_create", team), {**WISHES, "expires_in": "30"})

    expires_at = ApiKey.objects.get().expires_at
    assert expires_at is not None
    left = expires_at - timezone.now()
    assert timedelta(days=29, hours=23) < left <= timedelta(days=30)


def test_the_list_says_what_each_key_is(team, owner):
    key, _ = make_key(team)
    ApiKey.objects.filter(pk=key.pk).update(name="<b>Robot</b>", last_used_at=timezone.now())

    page = owner.get(url("keys", team)).content.decode()

    assert key.prefix in page
    assert "&lt;b&gt;Robot&lt;/b&gt;" in page
    assert owner_of(team).get_full_name() in page
    assert "billing:read" in page
    assert "Active" in page


def test_the_list_tells_ended_keys_apart(team, owner):
    _, revoked, expired = make_key(team)[0], make_key(team)[0], make_key(team)[0]
    left = make_member(team, Role.ADMIN)
    make_key(team, left)
    ApiKey.objects.filter(pk=revoked.pk).update(revoked_at=timezone.now())
    ApiKey.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
    Membership.objects.filter(user=left).delete()

    page = owner.get(url("keys", team)).content.decode()

    assert all(word in page for word in ("Active", "Revoked", "Expired", "Creator left"))
    assert page.count("Revoke this key?") == 1


def test_the_list_costs_the_same_for_many_keys(team, owner):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            owner.get(url("keys", team))
        return len(captured)

    make_key(team)
    queries()  # remembers the team
    few = queries()
    for _ in range(5):
        make_key(team)

    assert queries() == few


def test_an_empty_list_says_what_to_do(team, owner):
    assert "No keys yet" in owner.get(url("keys", team)).content.decode()


def test_other_teams_keys_are_neither_shown_nor_revoked(team, owner):
    foreign, _ = make_key(make_team())

    assert foreign.prefix not in owner.get(url("keys", team)).content.decode()
    assert owner.post(url("key_revoke", team, foreign.pk)).status_code == 404
    foreign.refresh_from_db()
    assert not foreign.is_revoked


def test_revoking_is_confirmed_by_a_message(team, owner):
    key, _ = make_key(team)

    response = owner.post(url("key_revoke", team, key.pk), follow=True)

    assert "test was revoked" in response.content.decode()


def test_revoking_takes_a_post(team, owner):
    key, _ = make_key(team)

    assert owner.get(url("key_revoke", team, key.pk)).status_code == 405


def test_posts_need_the_csrf_token(team):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner_of(team))

    assert client.post(url("key_create", team), WISHES).status_code == 403
    assert not ApiKey.objects.exists()


def test_opening_the_address_of_a_new_key_leads_to_the_list(team, owner):
    response = owner.get(url("key_create", team))

    assert (response.status_code, response.url) == (302, url("keys", team))


def test_the_example_names_this_site(team, owner, settings):
    assert "http://testserver/api/v1/quotes" in owner.get(url("keys", team)).content.decode()
    settings.PUBLIC_URL = "https://clips.example"
    assert "https://clips.example/api/v1/quotes" in owner.get(url("keys", team)).content.decode()


def test_somebody_in_two_teams_sees_each_teams_own_keys(team):
    both = make_user()
    first, second = make_team(both), make_team(both)
    key, _ = make_key(first)

    client = signed_in(both)

    assert key.prefix in client.get(url("keys", first)).content.decode()
    assert key.prefix not in client.get(url("keys", second)).content.decode()
