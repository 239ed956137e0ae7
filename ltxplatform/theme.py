"""The colour theme a visitor chose, from a cookie that the theme switch sets."""

from django.http import HttpRequest

THEMES = frozenset({"system", "light", "dark"})
COOKIE = "theme"


def theme_of(request: HttpRequest) -> str:
    choice = request.COOKIES.get(COOKIE, "system")
    return choice if choice in THEMES else "system"
