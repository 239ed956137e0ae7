"""`python manage.py api_key TEAM`: make an API key and print it, once."""

from itertools import chain
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.actors import member_actor
from accounts.api_keys import create_api_key
from accounts.errors import FieldErrors
from accounts.models import Membership, Role
from accounts.permissions import SCOPE_PERMISSIONS


class Command(BaseCommand):
    help = "Create an API key for a team and print it. It is shown only once and stored as a hash."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("team", help="the team's short name, as in its addresses")
        parser.add_argument(
            "--scope",
            action="append",
            choices=list(SCOPE_PERMISSIONS),
            help="a scope of the key; repeat for more, leave out for all",
        )
        parser.add_argument("--name", default="command line", help="what the key is for")
        parser.add_argument(
            "--user", metavar="EMAIL", help="who the key belongs to; default the team's owner"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        maker = _maker(team=options["team"], email=options["user"])
        try:
            _, plain = create_api_key(
                actor=member_actor(maker),
                name=options["name"],
                scopes=options["scope"] or list(SCOPE_PERMISSIONS),
            )
        except FieldErrors as error:
            raise CommandError(" ".join(chain.from_iterable(error.errors.values()))) from error
        self.stdout.write(plain)


def _maker(*, team: str, email: str | None) -> Membership:
    """The member the key will belong to. Raises CommandError when there is none."""
    members = Membership.objects.select_related("team", "user").filter(team__slug=team).order_by("created_at")
    chosen = members.filter(user__email__iexact=email) if email else members.filter(role=Role.OWNER)
    membership = chosen.first()
    if membership is None and members.exists():
        raise CommandError(f"{email} is not in this team." if email else "This team has no owner.")
    if membership is None:
        raise CommandError(f"There is no team {team}.")
    return membership
