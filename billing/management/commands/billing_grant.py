"""`billing_grant TEAM AMOUNT --reason WHY`: give a team credit that nobody paid for."""

from datetime import timedelta
from uuid import uuid4

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.errors import DomainError
from accounts.models import Team
from billing import services
from billing.money import format_balance, format_exact, parse_dollars


class Command(BaseCommand):
    help = "Give a team promotional credit."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("team", help="the team's short name, as in its addresses")
        parser.add_argument("amount", help="dollars, such as 10 or 2.50")
        parser.add_argument("--reason", required=True, help="why, for the statement")
        parser.add_argument("--days", type=int, help="the credit expires after this many days")
        parser.add_argument(
            "--key", default="", help="repeating the command with the same key gives nothing more"
        )

    def handle(
        self,
        *args: object,
        team: str,
        amount: str,
        reason: str,
        key: str,
        days: int | None,
        **options: object,
    ) -> None:
        try:
            receiver = Team.objects.get(slug=team)
            micros = parse_dollars(amount)
            services.grant_promo(
                team=receiver,
                amount=micros,
                key=key or str(uuid4()),
                actor="operator",
                reason=reason,
                expires_at=None if days is None else timezone.now() + timedelta(days=days),
            )
        except Team.DoesNotExist as error:
            raise CommandError(f"There is no team called {team}.") from error
        except (DomainError, ValueError) as error:
            raise CommandError(str(error)) from error
        balance = services.balance_of(receiver)
        self.stdout.write(
            f"{format_exact(micros)} granted. {receiver} can spend {format_balance(balance.available)}."
        )
