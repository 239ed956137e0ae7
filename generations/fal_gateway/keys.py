"""The keys of the settings by name. Only this package sees the secrets."""

from typing import Final

from django.conf import settings

from generations.fal_gateway.errors import FalError

# The name of the key in FAL_KEY, and of the one that older rows were sent with.
MAIN_KEY: Final = "main"


class UnknownKey(FalError):
    """A row names a key that is no longer in the settings; nothing can be asked with it."""


def key_windows() -> dict[str, int]:
    """The configured keys in their order, with how many jobs each may have at fal at once."""
    if settings.FAL_KEYS:
        return {key.name: key.window for key in settings.FAL_KEYS}
    return {MAIN_KEY: settings.FAL_MAX_IN_FLIGHT} if settings.FAL_KEY else {}


def authorization(key: str) -> dict[str, str]:
    """Headers that prove who we are. Raises UnknownKey."""
    return {"Authorization": f"Key {_secret_of(key)}", "Accept": "application/json"}


def _secret_of(name: str) -> str:
    for key in settings.FAL_KEYS:
        if key.name == (name or MAIN_KEY):
            return str(key.secret)
    if name in {"", MAIN_KEY} and settings.FAL_KEY and not settings.FAL_KEYS:
        return str(settings.FAL_KEY)
    raise UnknownKey(f"The key {name!r} is not in FAL_KEYS.")
