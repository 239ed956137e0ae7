"""Which browsers have signed a person in before: a signed cookie in the browser, and nothing about it here.

A browser's line about itself and its address would both be poor signs: half the world shares the one, and the other
changes with every train.
"""

from typing import Final

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from accounts.models import User

SALT: Final = "known-browser"
LASTS: Final = 400 * 24 * 3600  # seconds; browsers keep no cookie longer
MOST: Final = 10  # people who share a browser


def is_known(request: HttpRequest, user: User) -> bool:
    return user.pk in _people(request)


def remember(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """This browser is known for the person from now on, whoever else has used it."""
    people = [user.pk, *(pk for pk in _people(request) if pk != user.pk)]
    response.set_cookie(
        _name(),
        signing.dumps(people[:MOST], salt=SALT),
        max_age=LASTS,
        secure=settings.SECURE_COOKIES,
        httponly=True,
        samesite="Lax",
    )


def _people(request: HttpRequest) -> list[int]:
    """Nobody for a cookie that is missing or that we did not write."""
    try:
        people = signing.loads(request.COOKIES.get(_name(), ""), salt=SALT, max_age=LASTS)
    except signing.BadSignature:
        return []
    return people if isinstance(people, list) else []


def _name() -> str:
    return "__Host-browser" if settings.SECURE_COOKIES else "browser"
