"""`manage.py billing_reconcile`: our books against Stripe's balance and fal's bills, one to one."""

import sys
from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from billing.services.reconciliation import Comparison, compare_with_stripe
from billing.stripe_gateway import StripeError
from generations.fal_gateway import FalError
from generations.services.cost_comparison import compare_with_fal

DAYS = 7


class Command(BaseCommand):
    help = "Compare the books with Stripe's balance and fal's bills. Ends with 1 on any difference."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--stripe", action="store_true", help="Stripe's balance; without a choice, both")
        parser.add_argument("--fal", action="store_true", help="fal's bills")
        parser.add_argument("--since", type=moment, help=f"a date or time in UTC; {DAYS} days ago by default")

    def handle(self, *args: Any, stripe: bool, fal: bool, since: datetime | None, **options: Any) -> None:
        since = since or timezone.now() - timedelta(days=DAYS)
        both = not stripe and not fal
        try:
            found = {
                **({"Stripe": compare_with_stripe(since=since)} if stripe or both else {}),
                **({"fal": compare_with_fal(since=since)} if fal or both else {}),
            }
        except (StripeError, FalError) as error:
            raise CommandError(f"Nothing was compared: {error}") from error
        for name, comparison in found.items():
            self.report(name, comparison)
        if any(comparison.differences for comparison in found.values()):
            sys.exit(1)

    def report(self, name: str, comparison: Comparison) -> None:
        for difference in comparison.differences:
            self.stdout.write(f"{name}: {difference.subject}: {difference.detail}")
        count = len(comparison.differences)
        self.stdout.write(
            f"{name}: {comparison.compared} compared, {count} difference{'' if count == 1 else 's'}."
        )


def moment(text: str) -> datetime:
    """A date, which begins at midnight UTC, or a time; without a zone it is UTC."""
    found = parse_datetime(text)
    if found is None and (day := parse_date(text)) is not None:
        found = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - the zone follows
    if found is None:
        raise ArgumentTypeError("write a date such as 2026-11-01 or a time such as 2026-11-01T12:00")
    return found if found.tzinfo else found.replace(tzinfo=UTC)
