"""The colour theme: what somebody who is signed in has chosen, else the cookie that the theme switch sets."""

from django.http import HttpRequest

from accounts.models import Theme, User

COOKIE = "theme"


def theme_of(request: HttpRequest) -> str:
    user = getattr(request, "user", None)
    chosen = user.theme if isinstance(user, User) else ""
    chosen = chosen or request.COOKIES.get(COOKIE, "")
    return chosen if chosen in Theme.values else Theme.SYSTEM.value
