"""People, teams and credits to try the platform with."""

from typing import Any, Final

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import Role, Team, User
from accounts.services import add_member, create_team
from billing.money import format_balance
from billing.services import balance_of, grant_promo

PASSWORD: Final = "demo-password"  # noqa: S105 - printed, and never in production
CREDITS: Final = 10_000_000  # µ$

OWNER: Final = "demo@example.com"
# Who else is there: address, name, role in the team Demo, what the person is for.
MEMBERS: Final = (
    ("editor@example.com", "Eddy Editor", Role.EDITOR, "makes clips"),
    ("viewer@example.com", "Vera Viewer", Role.VIEWER, "may only look"),
)
OUTSIDER: Final = "other@example.com"
STAFF: Final = "admin@example.com"


class Command(BaseCommand):
    help = "Make demo people, two teams and credit, and print the logins. Runs as often as you like."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.IN_DEVELOPMENT:
            raise CommandError(
                "Demo people have a known password: this command refuses to run in production."
            )
        with transaction.atomic():
            demo, other = seed()
        self.tell(demo, other)

    def tell(self, demo: Team, other: Team) -> None:
        credits_left = format_balance(balance_of(demo).available)
        lines = [
            f"Password of everybody: {PASSWORD}",
            f"  {OWNER:<20} owner of the team {demo.name}, which has {credits_left}",
            *(f"  {email:<20} {role} there: {what}" for email, _, role, what in MEMBERS),
            f"  {OUTSIDER:<20} owner of the team {other.name}, without credit",
            f"  {STAFF:<20} staff, at /{settings.ADMIN_PATH}/",
        ]
        self.stdout.write("\n".join(lines))


def seed() -> tuple[Team, Team]:
    """The teams Demo and Other with their people; what is there already stays, spent credits included."""
    owner = person(OWNER, "Dana Demo")
    demo = team_of(owner, name="Demo", slug="demo")
    for email, name, role, _ in MEMBERS:
        add_member(team=demo, user=person(email, name), role=role)
    other = team_of(person(OUTSIDER, "Otto Other"), name="Other", slug="other")
    person(STAFF, "Ada Admin", is_staff=True, is_superuser=True)
    grant_promo(
        team=demo, amount=CREDITS, key="demo", actor="system", reason="Credit to try the platform with"
    )
    return demo, other


def person(email: str, name: str, **rights: bool) -> User:
    """Somebody who can sign in at once: the address counts as verified."""
    user = User.objects.filter(email=email).first()
    if user is None:
        user = User.objects.create_user(email, PASSWORD, name=name, **rights)
    EmailAddress.objects.update_or_create(
        user=user, email=email, defaults={"verified": True, "primary": True}
    )
    return user


def team_of(owner: User, *, name: str, slug: str) -> Team:
    team = Team.objects.filter(slug=slug, memberships__user=owner).first()
    return team or create_team(owner=owner, name=name, slug=slug)
