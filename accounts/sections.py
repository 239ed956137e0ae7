"""The parts of a team's own pages, as tabs."""

from django.urls import reverse

from accounts.actors import Actor
from accounts.permissions import AUDIT_VIEW, GENERATIONS_VIEW, MEMBERS_VIEW, TEAM_MANAGE, TEAM_OWN

SECTIONS = (
    ("Members", "accounts:members", MEMBERS_VIEW),
    ("Projects", "accounts:projects", GENERATIONS_VIEW),
    ("Audit log", "accounts:audit_log", AUDIT_VIEW),
    ("Settings", "accounts:team_settings", TEAM_MANAGE),
    ("Second factors", "accounts:team_security", TEAM_MANAGE),
    ("Staff visits", "accounts:staff_visits", AUDIT_VIEW),
    ("Data", "data_rights:team_data", TEAM_OWN),
)


def team_tabs(actor: Actor, current: str) -> list[dict[str, object]]:
    """The parts that the actor may open; `current` is the name of the address that is open."""
    return [
        {"label": label, "url": reverse(name, args=[actor.team.slug]), "current": name == current}
        for label, name, needed in SECTIONS
        if actor.may(needed)
    ]
