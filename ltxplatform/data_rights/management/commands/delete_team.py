"""`delete_team TEAM [--yes]`: begin the end of a team whose owners cannot ask for it themselves."""

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.actors import system_actor
from accounts.errors import DomainError
from ltxplatform.data_rights.management.wording import (
    NOTHING_DONE,
    YES,
    lines_about,
    team_called,
    why_refused,
)
from ltxplatform.data_rights.services import deletions


class Command(BaseCommand):
    help = (
        "Show what is deleted with a team, and with --yes schedule its deletion. "
        "Owners are told and can undo it in time."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("team", help="the team's short name, as in its addresses")
        parser.add_argument("--yes", action="store_true", help=YES)

    def handle(self, *args: object, team: str, yes: bool, **options: object) -> None:
        found = team_called(team)
        end = deletions.preview_team(found)
        for line in [*lines_about(end), *(f"First: {why}" for why in end.blockers)]:
            self.stdout.write(line)
        if not yes:
            self.stdout.write(NOTHING_DONE)
            return
        try:
            deletion = deletions.request_team_deletion(
                actor=system_actor(found), typed=found.name, now=timezone.now()
            )
        except DomainError as error:
            raise CommandError(why_refused(error)) from error
        self.stdout.write(
            f"It will be deleted on {deletion.due_at:%-d %B %Y}. Until then the owners can undo it."
        )
