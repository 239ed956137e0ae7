"""What somebody can do about a refusal, on the page that was refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from accounts.actors import Actor
from accounts.errors import DomainError
from accounts.models import Team
from accounts.permissions import BUDGETS_MANAGE
from billing.money import as_decimal_string
from billing.services import BudgetExceeded, DebtOpen, InsufficientCredits
from billing.services.people import owners_of


@dataclass(frozen=True, slots=True)
class Remedy:
    """The µ$ that are missing, who can lift the limit, and the button that leads there."""

    shortfall: int
    owners: Sequence[str]
    label: str
    url: str
    others: int = 0


def action_path(error: DomainError, team: Team) -> str:
    """Where a program's person can do something about a refusal; "" where there is no such page."""
    if isinstance(error, BudgetExceeded):
        return reverse("billing:ask", args=[team.slug, error.details["limit"]["id"]])
    is_about_credit = isinstance(error, InsufficientCredits | DebtOpen)
    return reverse("billing:home", args=[team.slug]) if is_about_credit else ""


def remedy_for(error: DomainError, actor: Actor) -> Remedy | None:
    """None unless a limit stood in the way."""
    if not isinstance(error, BudgetExceeded):
        return None
    limit: dict[str, Any] = error.details["limit"]
    shortfall: int = error.details["shortfall"]
    if actor.may(BUDGETS_MANAGE):
        label, url = "Change the limit", reverse("billing:budgets", args=[actor.team.slug])
    else:
        query = urlencode({"amount": as_decimal_string(shortfall)})
        label, url = "Ask for more", f"{reverse('billing:ask', args=[actor.team.slug, limit['id']])}?{query}"
    owners = [owner.get_full_name() for owner in owners_of(actor.team)[:3]]
    return Remedy(shortfall, owners, label, url, len(error.details.get("also_blocked_by", [])))
