"""Keys: their form, who they speak for, and when they stop."""

import hashlib
import re
import zlib
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import api_keys, key_secrets
from accounts.api_keys import create_api_key, revoke_api_key
from accounts.errors import FieldErrors
from accounts.key_checks import find_key
from accounts.key_secrets import KeyParts, hash_secret, parse, written
from accounts.models import ApiKey, Membership, Role
from accounts.services import add_member
from tests.support.api import ApiClient, make_key
from tests.support.factories import actor_for, make_member, make_team, make_user, owner_of

pytestmark = pytest.mark.django_db
BALANCE_QUERIES = 2  # the team's accounts, and the price book


def balance(plain: str):
    return ApiClient(plain).get("/balance")


def test_a_key_has_the_promised_form():
    key, plain = make_key(make_team())

    assert re.fullmatch(r"ltx_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}", plain)
    assert plain.startswith(f"{key.prefix}_")
    assert 62**key_secrets.SECRET_LENGTH > 2**160


def test_only_the_hash_of_the_secret_is_stored():
    key, plain = make_key(make_team())
    secret = parse(plain).secret

    row = str(ApiKey.objects.filter(pk=key.pk).values().get())

    assert hash_secret(secret) in row
    assert (
        hashlib.sha256(secret.encode()).hexdigest() not in row
    )  # who has the rows cannot even check a guess
    assert secret not in row
    assert plain not in row


def test_every_single_mistyped_character_is_noticed_without_a_query(django_assert_num_queries):
    _, plain = make_key(make_team())
    wrong = [plain[:i] + ("x" if plain[i] != "x" else "y") + plain[i + 1 :] for i in range(len(plain))]

    with django_assert_num_queries(0):
        assert [text for text in wrong if parse(text) is not None] == []
        assert balance(wrong[20]).status_code == 401


@pytest.mark.parametrize(
    "text", ["", "ltx_live_", "ltx_live_a_b", "_" * 60, "ltx_live_é" + "0" * 50, "sk_live_1"]
)
def test_noise_is_no_key(text):
    assert parse(text) is None


def test_the_checksum_matches_an_independent_computation():
    body = "ltx_live_000000000000_" + "A" * 32
    number, digits = zlib.crc32(body.encode()), ""
    while number:
        number, place = number // 62, number % 62
        digits = (
            (("0123456789" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + "abcdefghijklmnopqrstuvwxyz")[place]) + digits
        )

    assert written(KeyParts("0" * 12, "A" * 32)) == body + digits.rjust(6, "0")


def test_a_key_opens_the_api_in_one_query(django_assert_num_queries):
    _, plain = make_key(make_team())
    balance(plain)  # notes the first use

    with django_assert_num_queries(1 + BALANCE_QUERIES):
        response = balance(plain)

    assert response.status_code == 200


def test_a_well_formed_key_with_another_secret_opens_nothing():
    key, _ = make_key(make_team())
    forged = written(KeyParts(key.public_id, "0" * key_secrets.SECRET_LENGTH))

    assert find_key(parse(forged)) is None
    assert balance(forged).status_code == 401


@pytest.mark.parametrize("header", ["", "Bearer", "Basic YTpi", "Bearer a b", "Token x", "ltx_live_x"])
def test_other_credentials_are_answered_with_a_challenge(header):
    client = ApiClient()
    client.headers = {"Authorization": header} if header else {}

    response = client.get("/balance")

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "unauthenticated"


def test_a_session_is_no_key():
    team = make_team()
    client = ApiClient()
    client.client.force_login(owner_of(team))

    assert client.get("/balance").status_code == 401


def test_the_scheme_is_read_in_any_case():
    client = ApiClient()
    client.headers = {"Authorization": f"bearer {make_key(make_team())[1]}"}

    assert client.get("/balance").status_code == 200


def _revoke(key):
    revoke_api_key(actor=actor_for(key.team), key_id=key.pk)


def _expire(key):
    ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now())


def _leave(key):
    Membership.objects.filter(team=key.team, user=key.created_by).delete()


def _deactivate(key):
    type(key.created_by).objects.filter(pk=key.created_by.pk).update(is_active=False)


@pytest.mark.parametrize(
    ("end", "word"), [(_revoke, "revoked"), (_expire, "expired"), (_leave, "left"), (_deactivate, "left")]
)
def test_a_key_ends_on_the_next_request(end, word):
    team = make_team()
    key, plain = make_key(team, make_member(team, Role.ADMIN))
    assert balance(plain).status_code == 200

    end(key)
    response = balance(plain)

    assert response.status_code == 401
    assert word.replace("left", "no longer in the team") in response.json()["detail"]


def test_a_key_never_may_more_than_its_maker_may_now():
    team = make_team()
    maker = make_member(team, Role.ADMIN)
    _, plain = make_key(team, maker)
    Membership.objects.filter(team=team, user=maker).update(role=Role.VIEWER)

    assert ApiClient(plain).get("/generations").status_code == 200
    response = ApiClient(plain).post("/quotes", {})

    assert response.status_code == 403
    assert "role" in response.json()["detail"]


def test_a_key_speaks_for_its_own_team_only():
    maker = make_user()
    team, other = make_team(maker), make_team()
    add_member(team=other, user=maker, role=Role.OWNER)
    make_member(team, Role.OWNER)
    _, plain = make_key(team, maker)
    Membership.objects.filter(team=team, user=maker).delete()

    assert balance(plain).status_code == 401  # still in the other team, which is none of this key's


def test_use_is_noted_at_most_once_a_minute():
    key, plain = make_key(make_team())
    long_ago, just_now = timezone.now() - timedelta(minutes=2), timezone.now() - timedelta(seconds=30)

    balance(plain)
    key.refresh_from_db()
    assert key.last_used_at is not None
    assert timezone.now() - key.last_used_at < timedelta(seconds=10)

    for before, is_renewed in ((long_ago, True), (just_now, False)):
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=before)
        balance(plain)
        key.refresh_from_db()
        assert (key.last_used_at != before) is is_renewed


def test_a_refused_key_is_not_noted_as_used():
    key, plain = make_key(make_team())
    _revoke(key)

    balance(plain)

    key.refresh_from_db()
    assert key.last_used_at is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "  "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["read", "everything"]}, "scopes"),
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "expires_at"),
    ],
)
def test_wrong_wishes_make_no_key(changes, field):
    wishes = {"name": "website", "scopes": ["read"], **changes}

    with pytest.raises(FieldErrors) as refusal:
        create_api_key(actor=actor_for(make_team()), **wishes)

    assert list(refusal.value.errors) == [field]
    assert not ApiKey.objects.exists()


def test_revoking_twice_keeps_the_first_time():
    key, _ = make_key(make_team())

    _revoke(key)
    first = ApiKey.objects.get(pk=key.pk).revoked_at
    _revoke(key)

    assert ApiKey.objects.get(pk=key.pk).revoked_at == first


def test_another_teams_key_cannot_be_revoked():
    key, _ = make_key(make_team())

    with pytest.raises(api_keys.KeyNotFound):
        revoke_api_key(actor=actor_for(make_team()), key_id=key.pk)

    assert not ApiKey.objects.get(pk=key.pk).is_revoked


def test_the_command_prints_a_working_key_once(capsys):
    team = make_team()

    call_command("api_key", team.slug)

    printed = capsys.readouterr().out.strip()
    assert balance(printed).status_code == 200
    assert ApiKey.objects.get().created_by == owner_of(team)


def test_the_command_takes_scopes_name_and_maker(capsys):
    team = make_team()
    editor = make_member(team, Role.EDITOR)

    call_command("api_key", team.slug, "--scope", "read", "--name", "nightly", "--user", editor.email.upper())

    key = ApiKey.objects.get()
    assert (key.scopes, key.name, key.created_by) == (["read"], "nightly", editor)
    assert balance(capsys.readouterr().out.strip()).status_code == 403


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["nobody"], "There is no team nobody."),
        (["ours", "--user", "who@example.com"], "not in this team"),
        (["ours", "--name", " "], "Give the key a name"),
    ],
)
def test_the_command_says_what_is_wrong(options, sentence):
    team = make_team()
    type(team).objects.filter(pk=team.pk).update(slug="ours")

    with pytest.raises(CommandError, match=sentence):
        call_command("api_key", *options)

    assert not ApiKey.objects.exists()
