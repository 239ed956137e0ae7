"""`billing_statement TEAM [--at TIME]`: what a team had at a moment, and how it came to that."""

from datetime import UTC

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.models import Team
from billing import services
from billing.money import format_exact


class Command(BaseCommand):
    help = "Print a team's balances at a moment and the changes before it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("team", help="the team's short name, as in its addresses")
        parser.add_argument(
            "--at", default="", help="a moment such as 2026-12-01T09:30; UTC unless it says otherwise"
        )
        parser.add_argument("--last", type=int, default=50, help="lines at most")

    def handle(self, *args: object, team: str, at: str, last: int, **options: object) -> None:
        owner = Team.objects.filter(slug=team).first()
        if owner is None:
            raise CommandError(f"There is no team called {team}.")
        try:
            moment = parse_datetime(at) if at else timezone.now()
        except ValueError:
            moment = None
        if moment is None:
            raise CommandError(f"{at} is not a moment such as 2026-12-01T09:30.")
        if timezone.is_naive(moment):
            moment = moment.replace(tzinfo=UTC)
        found = services.statement_of(team=owner, at=moment, last=last)
        self.stdout.write(f"{owner} at {moment:%Y-%m-%d %H:%M:%S %Z}")
        self.stdout.write(
            f"available {format_exact(found.available)}, held {format_exact(found.held)}, "
            f"frozen {format_exact(found.frozen)}"
        )
        for line in found.lines:
            said = f"{line.what}: {line.reason}" if line.reason else line.what
            self.stdout.write(
                f"{line.at:%Y-%m-%d %H:%M:%S}  {format_exact(line.amount):>16}  "
                f"{format_exact(line.balance):>16}  {said}  ({line.key}, {line.actor})"
            )
