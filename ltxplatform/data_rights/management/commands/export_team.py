"""`export_team TEAM [--for ADDRESS] [--yes]`: begin an export that an owner of the team cannot begin."""

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.actors import system_actor
from accounts.errors import DomainError
from accounts.models import Membership, Role, Team, User
from ltxplatform.data_rights.management.wording import (
    NOTHING_DONE,
    YES,
    person_at,
    team_called,
    why_refused,
)
from ltxplatform.data_rights.services import content, deletions, exports


class Command(BaseCommand):
    help = "Start an export of everything a team has. An owner gets the e-mail and downloads it, as usual."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("team", help="the team's short name, as in its addresses")
        parser.add_argument(
            "--for", dest="owner", default="", help="address of the owner who gets the e-mail"
        )
        parser.add_argument("--yes", action="store_true", help=YES)

    def handle(self, *args: object, team: str, owner: str, yes: bool, **options: object) -> None:
        found = team_called(team)
        person = _owner(found, owner)
        items = content.expected(content.Subject(person, found))
        self.stdout.write(f"{found.name} ({found.slug}): about {items} things, for {person.email}.")
        if not yes:
            self.stdout.write(NOTHING_DONE)
            return
        try:
            export = exports.start_export(person=person, actor=system_actor(found), now=timezone.now())
        except DomainError as error:
            raise CommandError(why_refused(error)) from error
        self.stdout.write(f"The export {export.pk} is being made; the e-mail comes when it is ready.")


def _owner(team: Team, address: str) -> User:
    person = person_at(address) if address else deletions.first_owner(team)
    if person is None or not Membership.objects.filter(team=team, user=person, role=Role.OWNER).exists():
        who = f"{address} does not own" if address else "Nobody owns"
        raise CommandError(f"{who} {team.name}: only owners download it.")
    return person
