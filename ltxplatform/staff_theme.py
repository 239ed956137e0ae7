"""How the staff site looks: the platform's colours and name in the admin shell's settings."""

from typing import Any, Final

from django.http import HttpRequest
from django.templatetags.static import static

# Warm greys and the accent of static/css/tokens.css. Buttons are white on 600, so 600 is the accent itself:
# the usual orange of that step would miss the contrast that WCAG AA asks for.
_BASE: Final = {
    "50": "#fbfaf8",
    "100": "#f2f0ec",
    "200": "#e4e1db",
    "300": "#d0ccc4",
    "400": "#a5a29b",
    "500": "#6f6d68",
    "600": "#5c5a55",
    "700": "#3d3b38",
    "800": "#2a2c30",
    "900": "#17191c",
    "950": "#0f1012",
}
_ACCENT: Final = {
    "50": "#fff7ed",
    "100": "#ffedd5",
    "200": "#fed7aa",
    "300": "#fdba74",
    "400": "#fb923c",
    "500": "#ea580c",
    "600": "#c2410c",
    "700": "#9a3412",
    "800": "#7c2d12",
    "900": "#5c1f0c",
    "950": "#431407",
}


def favicon(request: HttpRequest) -> str:
    """Looked up with each page: the hashed name is not known while settings are read."""
    return static("img/favicon.svg")


def styles(request: HttpRequest) -> str:
    return static("css/staff.css")


def visit(request: HttpRequest) -> list[str] | None:
    """The badge in the header while whoever is signed in visits a team."""
    session = getattr(request, "staff_session", None)
    return [f"Visit to {session.team.name}", "danger"] if session is not None else None


UNFOLD: Final[dict[str, Any]] = {
    "STYLES": [styles],
    "SITE_TITLE": "ltxplatform staff",
    "SITE_HEADER": "ltxplatform",
    "SITE_SUBHEADER": "Staff",
    "SITE_SYMBOL": "movie",
    "SITE_URL": "/",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": favicon}],
    "ENVIRONMENT": "ltxplatform.staff_theme.visit",
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_HISTORY": True,
    "COLORS": {"base": _BASE, "primary": _ACCENT},
    "BORDER_RADIUS": "6px",
    "SIDEBAR": {"show_search": False, "show_all_applications": False},
}
