"""Proof that the books are right, from the rows alone."""

from dataclasses import dataclass

from django.db import connection

from billing.models import Account, Entry, Hold, Lot, LotMove, Transaction


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule: its name, what it is about, and what is wrong in plain words."""

    invariant: str
    subject: str
    detail: str


def find_violations() -> list[Violation]:
    """Everything the view `billing_violations` finds; empty when the books balance."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT invariant, subject, detail FROM billing_violations ORDER BY invariant, subject"
        )
        return [Violation(*row) for row in cursor.fetchall()]


def book_counts() -> dict[str, int]:
    """How many rows the proof covered."""
    return {
        str(model._meta.verbose_name_plural): model._default_manager.count()
        for model in (Account, Transaction, Entry, Hold, Lot, LotMove)
    }
