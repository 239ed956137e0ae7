"""What a key opens, from where, until when, and in which form it is sent; and what a new SECRET_KEY does to it."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts.api_keys import end_old_secret, rotate_api_key
from accounts.errors import FieldErrors
from accounts.key_checks import FoundKey, KeyState, find_key, may_come_from, state_of
from accounts.key_secrets import for_fal_clients, parse
from accounts.models import ApiKey, AuditEvent, Project, Team, User
from tests.support.api import ApiClient, make_key
from tests.support.factories import actor_for, make_member, make_team

pytestmark = pytest.mark.django_db

NOW = timezone.now()
A_BIT = timedelta(microseconds=1)
DAY = timedelta(days=1)


def balance(plain, scheme="Bearer", **options):
    client = ApiClient()
    client.headers = {"Authorization": f"{scheme} {plain}"}
    return client.client.get("/api/v1/balance", headers=client.headers, **options)


def rotated(key, overlap=DAY):
    return rotate_api_key(actor=actor_for(key.team), key_id=key.pk, overlap=overlap, now=timezone.now())[1]


@pytest.mark.parametrize("scheme", ["Bearer", "Key", "key"])
def test_one_key_is_sent_in_both_forms(scheme):
    _, plain = make_key(make_team())
    public_id, colon, secret = for_fal_clients(plain).partition(":")

    assert colon
    assert plain == f"ltx_live_{public_id}_{secret}"
    assert balance(plain, scheme).status_code == 200
    assert balance(for_fal_clients(plain), scheme).status_code == 200


@pytest.mark.parametrize("text", ["a:b", ":", "x" * 12 + ":" + "y" * 38, "ltx_live_x:y"])
def test_other_pairs_are_refused_without_a_query(text, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert balance(text, "Key").status_code == 401


@pytest.mark.parametrize(
    ("left", "state"),
    [(A_BIT, KeyState.ACTIVE), (timedelta(0), KeyState.EXPIRED), (-A_BIT, KeyState.EXPIRED)],
)
def test_an_expiry_is_compared_with_one_clock_once(left, state):
    key, _ = make_key(make_team())
    key.expires_at = NOW + left

    assert state_of(FoundKey(key, "owner"), now=NOW) == state


@pytest.mark.parametrize(
    ("left", "state"),
    [(A_BIT, KeyState.ACTIVE), (timedelta(0), KeyState.REPLACED), (-A_BIT, KeyState.REPLACED)],
)
def test_an_old_secret_ends_on_its_moment(left, state):
    key, _ = make_key(make_team())
    key.previous_until = NOW + left

    assert state_of(FoundKey(key, "owner", by_previous=True), now=NOW) == state
    assert state_of(FoundKey(key, "owner"), now=NOW) == KeyState.ACTIVE


def test_after_a_rotation_both_secrets_work_until_the_old_one_ends():
    key, old = make_key(make_team())
    new = rotated(key)

    assert parse(new).public_id == parse(old).public_id
    assert (balance(old).status_code, balance(new).status_code) == (200, 200)
    ApiKey.objects.filter(pk=key.pk).update(previous_until=timezone.now())
    refused = balance(old)
    assert refused.status_code == 401
    assert "rotated" in refused.json()["detail"]
    assert balance(new).status_code == 200


def test_rotating_again_or_at_once_leaves_one_secret_less():
    key, first = make_key(make_team())
    second = rotated(key)
    third = rotated(key)
    assert [balance(each).status_code for each in (first, second, third)] == [401, 200, 200]

    fourth = rotated(key, overlap=timedelta(0))

    assert [balance(each).status_code for each in (second, third, fourth)] == [401, 401, 200]
    assert AuditEvent.objects.filter(action="api_key.rotated").count() == 3


def test_the_old_secret_can_be_ended_early():
    key, old = make_key(make_team())
    rotated(key)

    end_old_secret(actor=actor_for(key.team), key_id=key.pk)

    assert balance(old).status_code == 401


@pytest.mark.parametrize("overlap", [-A_BIT, timedelta(days=7) + A_BIT])
def test_an_overlap_is_at_most_seven_days(overlap):
    key, plain = make_key(make_team())

    with pytest.raises(FieldErrors):
        rotated(key, overlap)

    assert balance(plain).status_code == 200


@pytest.mark.parametrize(
    ("networks", "address", "fits"),
    [
        ([], "203.0.113.7", True),
        ([], None, True),
        (["203.0.113.0/24"], "203.0.113.7", True),
        (["203.0.113.0/24"], "::ffff:203.0.113.7", True),
        (["203.0.113.0/24"], "203.0.114.7", False),
        (["2001:db8::/32", "203.0.113.7/32"], "2001:db8::1", True),
        (["203.0.113.0/24"], "2001:db8::1", False),
        (["203.0.113.0/24"], None, False),
        (["203.0.113.0/24"], "noise", False),
    ],
)
def test_a_key_with_networks_works_from_nowhere_else(networks, address, fits):
    assert may_come_from(ApiKey(networks=networks), address) is fits


def test_a_forged_header_is_not_where_a_caller_comes_from():
    key, plain = make_key(make_team())
    ApiKey.objects.filter(pk=key.pk).update(networks=["203.0.113.0/24"])

    refused = balance(plain, REMOTE_ADDR="198.51.100.9", HTTP_X_FORWARDED_FOR="203.0.113.7")

    assert refused.status_code == 401
    assert "198.51.100.9" in refused.json()["detail"]
    assert balance(plain, REMOTE_ADDR="203.0.113.7").status_code == 200


def test_what_is_found_in_one_query_is_what_the_models_would_load(django_assert_num_queries):
    team = make_team()
    key, plain = make_key(team)
    rotated(key)
    ApiKey.objects.filter(pk=key.pk).update(
        expires_at=NOW,
        last_used_at=NOW,
        networks=["203.0.113.0/24"],
        project=Project.objects.create(team=team, name="Spring"),
    )
    Team.objects.filter(pk=team.pk).update(ends_at=NOW)
    User.objects.filter(pk=key.created_by_id).update(last_login=NOW, last_team=team, time_zone="Asia/Tokyo")

    with django_assert_num_queries(1):
        found = find_key(parse(plain)).key
        related = found.team, found.created_by

    for made in (found, *related):
        loaded = type(made).objects.get(pk=made.pk)
        names = [field.attname for field in made._meta.concrete_fields]
        assert [getattr(made, name) for name in names] == [getattr(loaded, name) for name in names]
        assert (made._state.adding, made._state.db) == (False, loaded._state.db)
    found.name = "renamed"
    found.save()
    assert ApiKey.objects.get(pk=key.pk).name == "renamed"


def test_the_statement_is_prepared_once_for_a_connection():
    def uses():
        with connection.cursor() as cursor:
            cursor.execute("SELECT generic_plans + custom_plans FROM pg_prepared_statements")
            return [count for (count,) in cursor]

    _, plain = make_key(make_team())
    find_key(parse(plain))
    (before,) = uses()

    find_key(parse(plain))
    find_key(parse(plain))

    assert uses() == [before + 2]


def test_a_key_is_still_checked_after_a_failed_statement_took_the_plans_along():
    _, plain = make_key(make_team())
    find_key(parse(plain))

    with pytest.raises(DatabaseError), transaction.atomic():
        connection.cursor().execute("SELECT 1/0")

    assert find_key(parse(plain)) is not None


def test_a_new_secret_key_takes_keys_along_while_the_former_is_named(settings):
    key, plain = make_key(make_team())
    former = settings.SECRET_KEY
    settings.SECRET_KEY = "another-secret-key-of-this-platform"
    assert balance(plain).status_code == 401

    settings.SECRET_KEY_FALLBACKS = [former]
    assert balance(plain).status_code == 200
    # It was used meanwhile, so it does not need the former one any more.
    settings.SECRET_KEY_FALLBACKS = []
    assert balance(plain).status_code == 200
    assert ApiKey.objects.get(pk=key.pk).secret_hash != key.secret_hash


def test_a_key_of_somebody_else_is_not_rotated():
    team = make_team()
    key, plain = make_key(team)
    admin = make_member(team, "admin")

    with pytest.raises(Exception, match="Only the person who created this key"):
        rotate_api_key(actor=actor_for(team, admin), key_id=key.pk, overlap=DAY, now=timezone.now())

    assert ApiKey.objects.get(pk=key.pk).previous_hash == ""
    assert balance(plain).status_code == 200
