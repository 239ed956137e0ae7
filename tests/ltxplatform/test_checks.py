"""What the start-up checks let through and what they refuse."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from ltxplatform import checks

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "DEPLOYMENT": "production",
    "SECRET_KEY": "k9-" * 20 + "abcdef",
    "ALLOWED_HOSTS": "clips.example",
    "PUBLIC_URL": "https://clips.example",
    "FAL_KEY": "id:secret",
    "DATABASE_URL": "postgresql://ltxplatform@db/ltxplatform",
}


def settings_of(**environment: str) -> subprocess.CompletedProcess[str]:
    """What happens when the settings are read with this environment."""
    return subprocess.run(
        [sys.executable, "-c", "from ltxplatform import settings; print(settings.FAL_KEYS)"],
        env={"PATH": os.environ["PATH"], **PRODUCTION, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_one_key_or_several_but_not_both() -> None:
    several = "first=id:canary@3, second=id2:canary"

    assert "name='first', window=3" in settings_of(FAL_KEY="", FAL_KEYS=several).stdout
    both = settings_of(FAL_KEYS=several)
    assert "Set either FAL_KEY or FAL_KEYS, not both." in both.stderr
    assert "canary" not in both.stdout + both.stderr


def ids(found) -> set[str]:
    return {problem.id for problem in found}


def test_the_queue_settings_pass() -> None:
    assert checks.check_queue() == []


@pytest.mark.parametrize(
    ("timeout", "limit", "workers", "needed"),
    [(60, 2, 2, 210), (300, 2, 2, 930), (40, 2, 2, 150), (6, 4, 2, 54)],
)
def test_the_shortest_retry(timeout: int, limit: int, workers: int, needed: int) -> None:
    assert checks.shortest_retry(timeout=timeout, queue_limit=limit, workers=workers) == needed


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"retry": 209}, "ltx.E002"),
        ({"ALT_CLUSTERS": {"media": {"timeout": 300, "retry": 929}}}, "ltx.E002"),
        ({"queue_limit": 50}, "ltx.E002"),
        ({"orm": None}, "ltx.E001"),
    ],
)
def test_a_queue_that_would_deliver_twice_is_refused(change: dict, problem: str, settings) -> None:
    settings.Q_CLUSTER = settings.Q_CLUSTER | change

    assert problem in ids(checks.check_queue())


def test_a_shared_cache_for_the_queue_is_refused(settings) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache"}}

    assert ids(checks.check_queue()) == {"ltx.E003"}


def test_a_connection_pool_is_refused(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "OPTIONS", {"pool": True})

    assert ids(checks.check_queue()) == {"ltx.E004"}


def check(**environment: str) -> tuple[int, str]:
    """`manage.py check --deploy` on a machine with exactly these variables."""
    bare = {"PATH": os.environ["PATH"]}
    result = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=bare | {name: value for name, value in environment.items() if value},
        capture_output=True,
        text=True,
        check=False,
    )
    return result.returncode, result.stdout + result.stderr


def test_a_complete_production_environment_passes() -> None:
    code, output = check(**PRODUCTION)

    assert code == 0, output


def test_every_unsafe_value_is_named_at_once() -> None:
    code, output = check(
        **PRODUCTION
        | {
            "SECRET_KEY": "short",
            "DEBUG": "true",
            "STATIC_FROM_SOURCE": "true",
            "ALLOWED_HOSTS": "*",
            "PUBLIC_URL": "http://clips.example",
            "SECURE_COOKIES": "false",
            "FAL_KEY": "",
            "SANDBOX_URL": "http://127.0.0.1:8790",
            "FETCH_PRIVATE_NETWORKS": "true",
            "LIVE_URL": "http://clips.example",
        }
    )

    assert code == 1
    for number in (*range(10, 20), 21, 24):
        assert f"ltx.E0{number}" in output, output


def test_cards_are_taken_only_with_what_signs_stripes_deliveries() -> None:
    code, output = check(**PRODUCTION, STRIPE_SECRET_KEY="sk_live_x")
    assert (code, "ltx.E020" in output) == (1, True), output

    code, output = check(**PRODUCTION, STRIPE_SECRET_KEY="sk_live_x", STRIPE_WEBHOOK_SECRET="whsec_x")
    assert code == 0, output


def problems_of_production(settings, **values) -> set[str]:
    settings.IN_DEVELOPMENT = False
    for name, value in values.items():
        setattr(settings, name, value)
    return ids(checks.check_production())


@pytest.mark.parametrize(
    ("name", "is_refused"), [("", False), ("there.txt", False), ("gone.txt", True), (".", True)]
)
def test_a_list_of_breached_passwords_that_is_no_file_is_refused(
    name, is_refused, settings, tmp_path
) -> None:
    (tmp_path / "there.txt").write_text("00000\n")
    named = str(tmp_path / name) if name else ""

    found = problems_of_production(settings, BREACHED_PASSWORDS_FILE=named)

    assert ("ltx.E022" in found) is is_refused


@pytest.mark.parametrize(
    ("change", "is_refused"),
    [
        ({}, False),
        ({"OIDC_ISSUER": ""}, False),  # nothing of it is used
        ({"OIDC_ISSUER": "http://id.example"}, True),
        ({"OIDC_CLIENT_ID": ""}, True),
        ({"OIDC_CLIENT_SECRET": ""}, True),
    ],
)
def test_an_openid_provider_is_named_whole_or_not_at_all(change, is_refused, settings) -> None:
    whole = {"OIDC_ISSUER": "https://id.example", "OIDC_CLIENT_ID": "ltx", "OIDC_CLIENT_SECRET": "canary"}

    found = problems_of_production(settings, **whole | change)

    assert ("ltx.E023" in found) is is_refused


def test_a_wrong_list_and_half_a_provider_stop_the_start() -> None:
    wrong = {"BREACHED_PASSWORDS_FILE": "/nowhere/breached.txt", "OIDC_ISSUER": "https://id.example"}

    code, output = check(**PRODUCTION, **wrong)

    assert code == 1
    assert "ltx.E022" in output
    assert "ltx.E023" in output


def test_stripe_is_never_an_address_on_this_machine() -> None:
    code, output = check(**PRODUCTION, STRIPE_API_URL="http://127.0.0.1:8790/stripe")

    assert (code, "ltx.E021" in output) == (1, True), output


@pytest.mark.parametrize(("value", "said"), [("10,x", "whole numbers"), ("0,10", "at least 1")])
def test_packs_are_whole_dollars(value: str, said: str) -> None:
    assert said in settings_of(CREDIT_PACKS=value).stderr


@pytest.mark.parametrize("missing", ["SECRET_KEY", "DATABASE_URL"])
def test_production_does_not_start_without(missing: str) -> None:
    code, output = check(**PRODUCTION | {missing: ""})

    assert code == 1
    assert missing in output
    assert "Traceback" not in output


def test_a_server_without_django_s_command_line_refuses_too(settings) -> None:
    checks.refuse_unsafe_start()
    settings.IN_DEVELOPMENT = False

    with pytest.raises(ImproperlyConfigured, match=r"SECRET_KEY must be random.*\(ltx\.E010\)"):
        checks.refuse_unsafe_start()
