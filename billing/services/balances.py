"""Reading a team's wallet."""

from dataclasses import dataclass

from accounts.models import Team
from billing.models import Account, AccountKind


@dataclass(frozen=True, slots=True)
class Balance:
    """µ$ a team can spend, and µ$ set aside for clips that are not finished."""

    available: int
    held: int


def balance_of(team: Team) -> Balance:
    """One query; zeros for a team that never had credit."""
    found = dict(Account.objects.filter(team=team).values_list("kind", "balance"))
    return Balance(available=found.get(AccountKind.AVAILABLE, 0), held=found.get(AccountKind.HELD, 0))
