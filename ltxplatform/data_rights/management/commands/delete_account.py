"""`delete_account ADDRESS [--yes]`: begin the end of an account whose owner cannot ask for it themselves."""

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.errors import DomainError
from ltxplatform.data_rights.management.wording import (
    NOTHING_DONE,
    YES,
    lines_about,
    person_at,
    why_refused,
)
from ltxplatform.data_rights.services import deletions


class Command(BaseCommand):
    help = (
        "Show what is deleted with an account, and with --yes schedule its deletion. "
        "The person is told and can undo it in time."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address", help="the account's e-mail address")
        parser.add_argument("--yes", action="store_true", help=YES)

    def handle(self, *args: object, address: str, yes: bool, **options: object) -> None:
        person = person_at(address)
        end = deletions.preview_account(person)
        self.stdout.write(f"{person.email}: name, addresses, password, second factors and sessions erased")
        self.stdout.write(f"  API keys revoked: {end.keys}")
        for membership in end.shared:
            self.stdout.write(f"  leaves {membership.team.name}, where the clips stay without a name")
        for team in end.teams:
            self.stdout.write("\n".join(lines_about(team)))
        for why in end.blockers:
            self.stdout.write(f"First: {why}")
        if not yes:
            self.stdout.write(NOTHING_DONE)
            return
        try:
            deletion = deletions.request_account_deletion(
                person=person, typed=person.email, now=timezone.now(), by_operators=True
            )
        except DomainError as error:
            raise CommandError(why_refused(error)) from error
        self.stdout.write(
            f"It will be deleted on {deletion.due_at:%-d %B %Y}. Until then the person can undo it."
        )
