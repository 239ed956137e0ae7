"""Proof that the books are right, from the rows alone."""

from dataclasses import dataclass

from django.db import connection

from accounts.models import Team
from billing.models import Account, Entry, Hold, Lot, LotMove, Transaction


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule: its name, what it is about, and what is wrong in plain words."""

    invariant: str
    subject: str
    detail: str


def find_violations(team: Team | None = None) -> list[Violation]:
    """What is wrong with the books of `team`, or with all books; empty when they balance.

    For all teams this reads every row (the view `billing_violations` is the same), for one team only its own.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT invariant, subject, detail FROM billing_violations_of(%s) ORDER BY invariant, subject",
            [team.pk if team else None],
        )
        return [Violation(*row) for row in cursor.fetchall()]


def book_counts() -> dict[str, int]:
    """How many rows the proof covered."""
    return {
        str(model._meta.verbose_name_plural): model._default_manager.count()
        for model in (Account, Transaction, Entry, Hold, Lot, LotMove)
    }
