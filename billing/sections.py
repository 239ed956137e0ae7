"""The parts of a team's billing, as tabs."""

from django.urls import reverse

from accounts.actors import Actor
from accounts.permissions import BILLING_VIEW, GENERATIONS_VIEW

SECTIONS = (
    ("Overview", "billing:home", BILLING_VIEW),
    ("Statement", "billing:statement", BILLING_VIEW),
    ("Usage", "billing:usage", BILLING_VIEW),
    ("Budgets", "billing:budgets", GENERATIONS_VIEW),
)


def billing_tabs(actor: Actor, current: str) -> list[dict[str, object]]:
    """The parts that the actor may open; `current` is the name of the address that is open."""
    return [
        {"label": label, "url": reverse(name, args=[actor.team.slug]), "current": name == current}
        for label, name, needed in SECTIONS
        if actor.may(needed)
    ]
