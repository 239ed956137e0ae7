"""What the commands about people's data have in common: finding whom it is about, and saying what would happen."""

from collections.abc import Iterator
from typing import Final

from django.core.management.base import CommandError

from accounts.errors import DomainError, FieldErrors
from accounts.models import Team, User
from billing.money import format_exact
from ltxplatform.data_rights.services.deletions import TeamEnd

YES: Final = "do it; without this it is only shown what would happen"
NOTHING_DONE: Final = "Nothing was done. Say --yes to go ahead."


def team_called(slug: str) -> Team:
    """Raises CommandError."""
    team = Team.objects.filter(slug=slug).first()
    if team is None:
        raise CommandError(f"There is no team called {slug}.")
    return team


def person_at(address: str) -> User:
    """Raises CommandError."""
    person = User.objects.filter(email__iexact=address).first()
    if person is None:
        raise CommandError(f"Nobody has the address {address}.")
    return person


def lines_about(end: TeamEnd) -> Iterator[str]:
    """What goes with a team."""
    yield f"{end.team.name} ({end.team.slug})"
    yield f"  clips erased: {end.clips}, of them canceled: {end.active}"
    yield f"  pictures erased: {end.pictures}"
    yield f"  API keys revoked: {end.keys}"
    yield f"  members who lose the team: {end.members}"
    yield f"  credit forfeited: {format_exact(end.credit)}"
    yield f"  purchases that end unpaid: {end.purchases}"


def why_refused(error: DomainError) -> str:
    """All sentences of a refusal."""
    if not isinstance(error, FieldErrors):
        return error.message
    return " ".join(sentence for sentences in error.errors.values() for sentence in sentences)
