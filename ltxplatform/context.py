"""What every page's shell shows."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import Team, User
from accounts.permissions import BILLING_VIEW, GENERATIONS_CREATE, KEYS_MANAGE
from billing.services import balance_of, default_clip_price
from ltxplatform.theme import theme_of


@dataclass(frozen=True, slots=True)
class ShellBalance:
    """Amounts in µ$; `clips_left` counts default clips."""

    available: int
    held: int
    clips_left: int


def shell(request: HttpRequest) -> dict[str, Any]:
    """Navigation, teams, balance and theme; lazily, so that fragments that show none of it ask for none of it."""
    team: Team | None = getattr(request, "team", None)
    user = getattr(request, "user", None)
    return {
        "team": team,
        "teams": lambda: list(user.teams.order_by("-is_personal", "name")) if isinstance(user, User) else [],
        "balance": lambda: _balance(request, team),
        "nav": lambda: _navigation(request, team),
        "sandbox_in_use": settings.SANDBOX_IN_USE,
        "theme": theme_of(request),
    }


def _balance(request: HttpRequest, team: Team | None) -> ShellBalance | None:
    if team is None or not request.actor.may(BILLING_VIEW):  # type: ignore[attr-defined]
        return None
    balance = balance_of(team)
    return ShellBalance(balance.available, balance.held, balance.available // default_clip_price())


def _navigation(request: HttpRequest, team: Team | None) -> list[dict[str, Any]]:
    if team is None:
        return []
    entries = [("Clips", "clapperboard", "generations:clips")]
    if request.actor.may(GENERATIONS_CREATE):  # type: ignore[attr-defined]
        entries.insert(0, ("Create", "wand-sparkles", "generations:create"))
    if request.actor.may(KEYS_MANAGE):  # type: ignore[attr-defined]
        entries.append(("Developer", "code-xml", "accounts:keys"))
    return [
        {"label": label, "icon": icon, "url": url, "current": request.path.startswith(url)}
        for label, icon, name in entries
        for url in [reverse(name, args=[team.slug])]
    ]
