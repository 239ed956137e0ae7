"""Reading a team's wallet."""

from dataclasses import dataclass

from accounts.models import Team
from billing.models import Account, AccountKind


@dataclass(frozen=True, slots=True)
class Balance:
    """µ$ a team can spend (below zero: owes), µ$ set aside for clips that are not finished, and µ$ frozen."""

    available: int
    held: int
    frozen: int = 0


def balance_of(team: Team) -> Balance:
    """One query; zeros for a team that never had credit."""
    found = dict(Account.objects.filter(team=team).values_list("kind", "balance"))
    kinds = (AccountKind.AVAILABLE, AccountKind.HELD, AccountKind.FROZEN)
    return Balance(*(found.get(kind, 0) for kind in kinds))
