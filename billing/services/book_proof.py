"""The proof that a team's books balance, for the team itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import OperationalError, connection, transaction
from psycopg import errors

from accounts.errors import DomainError
from accounts.models import Team
from billing.models import Account
from billing.services.verification import Violation, find_violations

SECONDS: Final = 20


class TooLarge(DomainError):
    """The books are too long to be read while somebody waits."""

    code = "unavailable"
    retryable = True


@dataclass(frozen=True, slots=True)
class Proof:
    """What was read, when, and everything that was wrong with it."""

    at: datetime
    entries: int
    violations: list[Violation]

    @property
    def balances(self) -> bool:
        return not self.violations


@transaction.atomic
def prove_books(*, team: Team, now: datetime) -> Proof:
    """Read all of the team's books and check every rule of the ledger. Raises TooLarge after twenty seconds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{SECONDS}s"])
    try:
        with transaction.atomic():
            violations = find_violations(team)
    except OperationalError as error:
        if isinstance(error.__cause__, errors.QueryCanceled):
            raise TooLarge(
                "Your books are too long to be read while you wait. The operator's own check reads all of them."
            ) from error
        raise
    entries = sum(Account.objects.filter(team=team).values_list("version", flat=True))
    return Proof(now, entries, violations)
