"""`retention TEAM DAYS|forever`: how long a team keeps the files of its clips."""

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.errors import DomainError
from accounts.models import Team
from generations.services import retention

FOR_EVER = "forever"


class Command(BaseCommand):
    help = "Set how long a team keeps the files of its clips. Rows, recipes, pictures and the books are kept forever."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("team", help="the team's short name, as in its addresses")
        parser.add_argument(
            "days", nargs="?", help=f"1 to 3650, or {FOR_EVER}; without it the rule is only shown"
        )

    def handle(self, *args: object, team: str, days: str | None, **options: object) -> None:
        try:
            owner = Team.objects.get(slug=team)
            if days is not None:
                retention.set_retention(team=owner, keep_days=_days_of(days), actor="operator")
        except Team.DoesNotExist as error:
            raise CommandError(f"There is no team called {team}.") from error
        except DomainError as error:
            raise CommandError(error.message) from error
        kept = retention.keep_days_of(owner)
        span = "for ever" if kept is None else f"for {kept} day{'' if kept == 1 else 's'}"
        self.stdout.write(f"{owner} keeps the files of its clips {span}.")


def _days_of(text: str) -> int | None:
    if text == FOR_EVER:
        return None
    if not text.isdecimal():
        raise CommandError(f"Give a number of days or {FOR_EVER}, not {text!r}.")
    return int(text)
