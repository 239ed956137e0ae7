"""Who calls the API: the bearer of a key. Session cookies count for nothing here, so neither does CSRF."""

from typing import Any, Final

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import key_checks, key_secrets
from accounts.actors import Actor, key_actor
from accounts.key_checks import KeyState
from accounts.models import User
from accounts.origin import client_address

HOW_TO: Final = "Send your key in the header: Authorization: Bearer ltx_live_…"
# `Key` is how fal's clients send theirs.
SCHEMES: Final = frozenset({"bearer", "key"})
NO_SUCH_KEY: Final = "This API key is not valid. Check that you copied all of it."
ENDED: Final = {
    KeyState.REVOKED: "This API key was revoked. Create a new one on the API keys page.",
    KeyState.EXPIRED: "This API key has expired. Create a new one on the API keys page.",
    KeyState.ORPHANED: "The person who created this API key is no longer in the team.",
    KeyState.REPLACED: "This API key was rotated, and its old secret has expired. Use the new one.",
}


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer ltx_live_…` makes `request.user` the key's maker and `request.auth` the Actor.

    `Authorization: Key <id>:<secret>` is the same key as fal's clients send it; either scheme takes either form. A
    mistyped key costs no query, a good one costs one. A key ends with its maker's membership, with their account, at
    its expiry and when it is revoked; each acts on the next request.
    """

    def authenticate(self, request: Request) -> tuple[User, Actor] | None:
        text = _credentials(request)
        if text is None:
            return None
        parts = key_secrets.parse(text)
        if parts is None:
            raise AuthenticationFailed(NO_SUCH_KEY)
        found = key_checks.find_key(parts)
        if found is None:
            raise AuthenticationFailed(NO_SUCH_KEY)
        now = timezone.now()
        state = key_checks.state_of(found, now=now)
        if state is not KeyState.ACTIVE or found.maker_role is None:
            # Only somebody who holds the secret gets here, so saying why tells nobody else anything.
            raise AuthenticationFailed(ENDED[state])
        address = client_address(request)
        if not key_checks.may_come_from(found.key, address):
            raise AuthenticationFailed(f"This API key does not work from the address {address}.")
        key_checks.record_use(found.key, now=now)
        return found.key.created_by, key_actor(found.key, found.maker_role)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _credentials(request: Request) -> str | None:
    """The credentials of the header, None without one. Raises AuthenticationFailed for another scheme."""
    words = get_authorization_header(request).decode("latin-1").split()
    if not words:
        return None
    if len(words) != 2 or words[0].lower() not in SCHEMES:
        raise AuthenticationFailed(HOW_TO)
    return words[1]


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """How the API's description names this way in."""

    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "ltx_live_<id>_<secret>",
            "description": "An API key, created on the team's API keys page. Clients of fal may send "
            "`Authorization: Key <id>:<secret>` instead.",
        }
