"""`billing_verify`: prove from the rows alone that the books are right."""

import sys

from django.core.management.base import BaseCommand

from billing import services


class Command(BaseCommand):
    help = (
        "Check every rule of the ledger. Prints each violation and exits 1, or says that the books balance."
    )

    def handle(self, *args: object, **options: object) -> None:
        violations = services.find_violations()
        for found in violations:
            self.stdout.write(f"{found.invariant}: {found.subject}. {found.detail}")
        if violations:
            self.stderr.write(self.style.ERROR(f"The books do not balance: {len(violations)} violations."))
            sys.exit(1)
        counts = ", ".join(f"{number:,} {name}" for name, number in services.book_counts().items())
        self.stdout.write(f"The books balance: {counts}.")
