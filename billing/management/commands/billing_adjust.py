"""`billing_adjust TEAM AMOUNT --reason WHY --by EMAIL`: give a team credit, or take it, as a member of staff."""

from uuid import uuid4

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.errors import DomainError
from accounts.models import Team, User
from billing import services
from billing.money import format_exact, parse_dollars


class Command(BaseCommand):
    help = "Adjust a team's credit. Above ADJUSTMENT_LIMIT dollars another member of staff has to approve."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("team", help="the team's short name, as in its addresses")
        parser.add_argument("amount", help="dollars, such as 10 or 2.50; negative to take credit away: -2.50")
        parser.add_argument("--reason", required=True, help="why, for the statement")
        parser.add_argument("--by", required=True, help="your address; you are on the staff")
        parser.add_argument("--approved-by", default="", help="address of the second member of staff")
        parser.add_argument(
            "--key", default="", help="repeating the command with the same key changes nothing more"
        )

    def handle(
        self,
        *args: object,
        team: str,
        amount: str,
        reason: str,
        by: str,
        approved_by: str,
        key: str,
        **options: object,
    ) -> None:
        try:
            micros = parse_dollars(amount.removeprefix("-")) * (-1 if amount.startswith("-") else 1)
            left = services.adjust_credits(
                team=Team.objects.get(slug=team),
                amount=micros,
                key=key or str(uuid4()),
                by=_staff(by),
                approved_by=_staff(approved_by) if approved_by else None,
                reason=reason,
                now=timezone.now(),
            )
        except Team.DoesNotExist as error:
            raise CommandError(f"There is no team called {team}.") from error
        except (DomainError, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{format_exact(micros)} adjusted. {team} can spend {format_exact(left)}.")


def _staff(email: str) -> User:
    found = User.objects.filter(email__iexact=email, is_staff=True, is_active=True).first()
    if found is None:
        raise ValueError(f"{email} is not on the staff.")
    return found
