"""How long somebody who tried too often has to wait, and how to say it."""

import time
from math import ceil

from allauth.core.internal import ratelimit
from django.core.cache import cache
from django.http import HttpRequest

ACCOUNT = "allauth.account"
# What is counted at an address, by its name.
LIMITS = {
    "account_login": "login",
    "account_signup": "signup",
    "account_signup_by_passkey": "signup",
    "account_reset_password": "reset_password",
    "account_reset_password_from_key": "reset_password_from_key",
    "account_change_password": "change_password",
    "account_email": "manage_email",
    "account_reauthenticate": "reauthenticate",
    "mfa_reauthenticate": "reauthenticate",
    "mfa_reauthenticate_webauthn": "reauthenticate",
}
LONGEST = 60


def wait_at(request: HttpRequest) -> int:
    """Seconds until the page that has just refused a request takes it; a minute where that is not known."""
    name = request.resolver_match.url_name if request.resolver_match else None
    key = request.POST.get("email", "").lower() or None
    if name == "mfa_login_webauthn":
        wait = seconds_to_wait(request, action="webauthn_login", app="allauth.mfa")
    elif name in LIMITS:
        wait = seconds_to_wait(request, action=LIMITS[name], key=key)
    else:
        wait = 0
    return wait or LONGEST


def seconds_to_wait(request: HttpRequest, *, action: str, app: str = ACCOUNT, key: str | None = None) -> int:
    """Seconds until `action` is taken again from here, and for `key` (an address, say); 0 when it is now."""
    now = time.time()
    longest = 0.0
    for rate in ratelimit.get_rates(app=app, action=action):
        if (rate.per == "key" and key is None) or (rate.per == "user" and not request.user.is_authenticated):
            continue
        name = ratelimit.get_cache_key(request, app=app, action=action, rate=rate, key=key)
        counted = [moment for moment in cache.get(name, []) if moment > now - rate.duration]
        if len(counted) >= rate.amount:  # newest first: the one that has to leave the window
            longest = max(longest, counted[rate.amount - 1] + rate.duration - now)
    return ceil(longest)


def in_words(seconds: int) -> str:
    """ "in 40 seconds", "in 3 minutes": rounded up, so that waiting as long as it says is enough."""
    if seconds <= 90:
        return f"in {max(seconds, 1)} second{'s' if seconds > 1 else ''}"
    return f"in {ceil(seconds / 60)} minutes"
