"""Reading a team's wallet."""

from dataclasses import dataclass

from accounts.models import Team
from billing.models import Account, AccountKind


@dataclass(frozen=True, slots=True)
class Balance:
    """µ$ a team can spend (below zero: owes), µ$ set aside for clips that are not finished, and µ$ frozen.

    `is_suspended`: the operator stopped the team from spending.
    """

    available: int
    held: int
    frozen: int = 0
    is_suspended: bool = False


def balance_of(team: Team) -> Balance:
    """One query; zeros for a team that never had credit."""
    rows = list(Account.objects.filter(team=team).values_list("kind", "balance", "suspended"))
    found = {kind: balance for kind, balance, _ in rows}
    return Balance(
        available=found.get(AccountKind.AVAILABLE, 0),
        held=found.get(AccountKind.HELD, 0),
        frozen=found.get(AccountKind.FROZEN, 0),
        is_suspended=any(kind == AccountKind.AVAILABLE and reason for kind, _, reason in rows),
    )
