"""Start-up checks: a queue that cannot work as measured, and values production must not run with."""

from collections.abc import Iterable
from math import ceil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

LOCAL_MEMORY = "django.core.cache.backends.locmem.LocMemCache"
REAL_FAL_ADDRESSES = ("FAL_QUEUE_URL", "FAL_REST_URL", "FAL_API_URL")
SHORTEST_SECRET_KEY = 50


@register(Tags.compatibility)
def check_queue(**_: Any) -> list[CheckMessage]:
    """The queue's settings keep the promises that tasks rely on: no second delivery, no shared sockets."""
    main = settings.Q_CLUSTER
    problems = list(_retry_problems(main))
    if main.get("orm") != "default":
        problems.append(Error("Q_CLUSTER must use the database as broker: orm='default'.", id="ltx.E001"))
    cache = settings.CACHES.get(main.get("cache", "default"), {})
    if cache.get("BACKEND") != LOCAL_MEMORY:
        problems.append(
            Error(
                "Q_CLUSTER['cache'] must name a local-memory cache: status is saved twice a second.",
                id="ltx.E003",
            )
        )
    if settings.DATABASES["default"].get("OPTIONS", {}).get("pool"):
        problems.append(
            Error(
                "DATABASES must not use a connection pool: forked workers would share its sockets and read "
                "each other's rows.",
                id="ltx.E004",
            )
        )
    return problems


def _retry_problems(main: dict[str, Any]) -> Iterable[CheckMessage]:
    for name, own in {main["name"]: {}, **main.get("ALT_CLUSTERS", {})}.items():
        cluster = main | own
        if cluster["retry"] < (needed := shortest_retry(**cluster)):
            yield Error(
                f"Queue {name}: retry is {cluster['retry']} s, but a task may wait and run for {needed} s "
                "before it is acknowledged; with less it is delivered twice.",
                id="ltx.E002",
            )


def shortest_retry(*, timeout: int, queue_limit: int, workers: int, **_: Any) -> int:
    """Seconds a pulled task may take in the worst case: waiting behind a full cluster, then running."""
    return timeout * (ceil((queue_limit + 1) / workers) + 1) + 30


@register(Tags.security)
def check_production(**_: Any) -> list[CheckMessage]:
    """Production refuses values that are only safe on a developer's machine."""
    return [] if settings.IN_DEVELOPMENT else list(_production_problems())


def _production_problems() -> Iterable[CheckMessage]:
    key = settings.SECRET_KEY
    if key == settings.DEFAULT_SECRET_KEY or len(key) < SHORTEST_SECRET_KEY or len(set(key)) < 5:
        yield Error(
            f"SECRET_KEY must be random and have at least {SHORTEST_SECRET_KEY} characters.", id="ltx.E010"
        )
    if settings.DEBUG:
        yield Error("DEBUG must be off: its error pages show settings and data.", id="ltx.E011")
    if settings.STATIC_FROM_SOURCE:
        yield Error(
            "STATIC_FROM_SOURCE must be off: visitors would keep old scripts and styles.", id="ltx.E024"
        )
    if not settings.ALLOWED_HOSTS or "*" in settings.ALLOWED_HOSTS:
        yield Error("ALLOWED_HOSTS must list the site's host names.", id="ltx.E012")
    if not settings.PUBLIC_URL.startswith("https://"):
        yield Error("PUBLIC_URL must be the site's https:// address.", id="ltx.E013")
    if settings.LIVE_URL and not settings.LIVE_URL.startswith("https://"):
        yield Error("LIVE_URL must be an https:// address: pages may not read from others.", id="ltx.E018")
    if not settings.SECURE_COOKIES or not (settings.SECURE_SSL_REDIRECT or settings.SECURE_HSTS_SECONDS):
        yield Error("SECURE_COOKIES, and SECURE_SSL_REDIRECT or HSTS, must be on.", id="ltx.E014")
    if settings.FETCH_PRIVATE_NETWORKS:
        yield Error("FETCH_PRIVATE_NETWORKS opens our own network to people's addresses.", id="ltx.E017")
    yield from _sign_in_problems()
    yield from _fal_problems()
    yield from _stripe_problems()


def _sign_in_problems() -> Iterable[CheckMessage]:
    if settings.BREACHED_PASSWORDS_FILE and not Path(settings.BREACHED_PASSWORDS_FILE).is_file():
        yield Error("BREACHED_PASSWORDS_FILE names no file: nobody could choose a password.", id="ltx.E022")
    if settings.OIDC_ISSUER and not (
        settings.OIDC_ISSUER.startswith("https://")
        and settings.OIDC_CLIENT_ID
        and settings.OIDC_CLIENT_SECRET
    ):
        yield Error(
            "OIDC_ISSUER must be an https:// address, with OIDC_CLIENT_ID and OIDC_CLIENT_SECRET.",
            id="ltx.E023",
        )


def _fal_problems() -> Iterable[CheckMessage]:
    if settings.FAL_SANDBOX_IN_USE or not (settings.FAL_KEY or settings.FAL_KEYS):
        yield Error("FAL_KEY or FAL_KEYS must be set, and the sandbox is not for production.", id="ltx.E015")
    for name in REAL_FAL_ADDRESSES:
        address = urlsplit(getattr(settings, name))
        if address.scheme != "https" or address.hostname in {"localhost", "127.0.0.1", "::1"}:
            yield Error(f"{name} must be an https:// address of another machine.", id="ltx.E016")


def _stripe_problems() -> Iterable[CheckMessage]:
    """Without a key nobody can pay, which is allowed: credit can be given by hand."""
    if settings.STRIPE_SANDBOX_IN_USE:
        yield Error("SANDBOX_URL must be empty: cards are not for the sandbox.", id="ltx.E019")
    elif settings.STRIPE_SECRET_KEY and not settings.STRIPE_WEBHOOK_SECRET:
        yield Error("STRIPE_WEBHOOK_SECRET must be set beside STRIPE_SECRET_KEY.", id="ltx.E020")
    address = urlsplit(settings.STRIPE_API_URL)
    if address.scheme != "https" or address.hostname in {"localhost", "127.0.0.1", "::1"}:
        yield Error("STRIPE_API_URL must be an https:// address of another machine.", id="ltx.E021")


def refuse_unsafe_start() -> None:
    """Raise ImproperlyConfigured where management commands would report an error.

    For servers that load the application without Django's command line, which runs the checks itself.
    """
    problems = [*check_queue(), *check_production()]
    if problems:
        raise ImproperlyConfigured(" ".join(f"{problem.msg} ({problem.id})" for problem in problems))
