"""What every page's shell shows."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import Membership, Team, User
from accounts.permissions import (
    BILLING_MANAGE,
    BILLING_VIEW,
    GENERATIONS_CREATE,
    KEYS_MANAGE,
    MEMBERS_VIEW,
    TEAM_OWN,
)
from accounts.sections import SECTIONS
from accounts.services.notifications import unread as unread_of
from accounts.services.notifications import unread_by
from billing.services import balance_of, default_clip_price
from ltxplatform.live_address import live_url_for
from ltxplatform.theme import theme_of

CONSOLE = "django.core.mail.backends.console.EmailBackend"
# Tabs whose addresses do not begin with that of their entry.
PARTS = {
    "Create": ["generations:create", "generations:batches"],
    "Team": [name for _, name, _ in SECTIONS],
}


@dataclass(frozen=True, slots=True)
class ShellBalance:
    """Amounts in µ$; `clips_left` counts default clips. `is_suspended`: the operator stopped the team from spending."""

    available: int
    held: int
    clips_left: int
    is_suspended: bool = False


def shell(request: HttpRequest) -> dict[str, Any]:
    """Navigation, teams, balance and theme; lazily, so that fragments that show none of it ask for none of it."""
    team: Team | None = getattr(request, "team", None)
    user = getattr(request, "user", None)
    return {
        "team": team,
        **(_of_person(user, team) if isinstance(user, User) else {"teams": [], "unread": 0}),
        "balance": cache(lambda: _balance(request, team)),
        "may_buy": lambda: team is not None and request.actor.may(BILLING_MANAGE),  # type: ignore[attr-defined]
        "owns_team": lambda: team is not None and request.actor.may(TEAM_OWN),  # type: ignore[attr-defined]
        "nav": lambda: _navigation(request, team),
        "live_url": lambda: live_url_for(request),
        "sandbox_says": _sandbox_says(),
        "staff_session": getattr(request, "staff_session", None),
        "theme": lambda: theme_of(request),
    }


def _sandbox_says() -> str:
    """What the ribbon tells of the services that are only stand-ins; nothing when both are real."""
    said = []
    if settings.FAL_SANDBOX_IN_USE:
        said.append("clips are previews")
    if settings.STRIPE_SANDBOX_IN_USE:
        said.append("cards are not charged")
    if settings.EMAIL_BACKEND == CONSOLE:  # who waits for a code would wait for ever
        said.append("e-mails are printed in the terminal")
    return ", ".join(said)


def first_page(membership: Membership) -> str:
    """Where work in a team begins."""
    return reverse("generations:home", args=[membership.team.slug])


def _of_person(user: User, team: Team | None) -> dict[str, Any]:
    """Their teams, and how much news they have not read: the header asks for both, in one query."""

    @cache
    def memberships() -> list[Membership]:
        found = Membership.objects.filter(user=user).select_related("team")
        return list(found.annotate(unread=unread_by(user)).order_by("-team__is_personal", "team__name"))

    def teams() -> list[dict[str, Any]]:
        return [
            {"name": each.team.name, "slug": each.team.slug, "url": first_page(each)}
            for each in memberships()
        ]

    def unread() -> int:
        if team is None:  # no switcher on the page, so no teams are looked up
            return unread_of(user).count()
        return next((int(each.unread or 0) for each in memberships()), 0)  # type: ignore[attr-defined]

    return {"teams": teams, "unread": unread}


def _balance(request: HttpRequest, team: Team | None) -> ShellBalance | None:
    if team is None or not request.actor.may(BILLING_VIEW):  # type: ignore[attr-defined]
        return None
    balance = balance_of(team)
    clips_left = balance.available // default_clip_price()
    return ShellBalance(balance.available, balance.held, clips_left, balance.is_suspended)


def _navigation(request: HttpRequest, team: Team | None) -> list[dict[str, Any]]:
    if team is None:
        return []
    entries = [("Home", "house", "generations:home", "h")]
    if request.actor.may(GENERATIONS_CREATE):  # type: ignore[attr-defined]
        entries.append(("Create", "wand-sparkles", "generations:create", "c"))
    entries.append(("Clips", "clapperboard", "generations:clips", "l"))
    first = "billing:home" if request.actor.may(BILLING_VIEW) else "billing:budgets"  # type: ignore[attr-defined]
    if request.actor.may(MEMBERS_VIEW):  # type: ignore[attr-defined]
        entries.append(("Team", "users", "accounts:members", "t"))
    entries.append(("Billing", "wallet", first, "b"))
    if request.actor.may(KEYS_MANAGE):  # type: ignore[attr-defined]
        entries.append(("Developer", "code-xml", "accounts:keys", "d"))
    return [
        {
            "label": label,
            "icon": icon,
            "url": reverse(name, args=[team.slug]),
            "key": key,
            "current": _is_open(request.path, team, label, name),
        }
        for label, icon, name, key in entries
    ]


def _is_open(path: str, team: Team, label: str, name: str) -> bool:
    """Whether the page belongs to this entry. Home, whose address begins all others, is only itself."""
    begins = [reverse(each, args=[team.slug]) for each in PARTS.get(label, [name])]
    return path in begins if label == "Home" else path.startswith(tuple(begins))
