"""Who stands behind the labels of ledger rows, for people to read."""

from collections.abc import Iterable
from dataclasses import dataclass

from accounts.models import ApiKey, Membership, Role, Team, User


@dataclass(frozen=True, slots=True)
class Who:
    """A person, and the name of the API key that was used; `user_id` is None where nobody of the team acted."""

    person: str
    key: str = ""
    user_id: int | None = None
    key_id: str = ""

    def __str__(self) -> str:
        return f"{self.person}, key {self.key}" if self.key else self.person


PLATFORM = Who("The platform")


def people_behind(team: Team, labels: Iterable[str]) -> dict[str, Who]:
    """Everybody behind these labels (`Actor.label`): two queries at most."""
    wanted = set(labels)
    members = {label.removeprefix("member:") for label in wanted if label.startswith("member:")}
    keys = {label.removeprefix("key:") for label in wanted if label.startswith("key:")}
    found = dict.fromkeys(wanted, PLATFORM)
    if members:
        for user in User.objects.filter(pk__in=[pk for pk in members if pk.isdecimal()]):
            found[f"member:{user.pk}"] = Who(user.get_full_name(), user_id=user.pk)
    if keys:
        for key in ApiKey.objects.filter(team=team, public_id__in=keys).select_related("created_by"):
            maker = key.created_by
            found[f"key:{key.public_id}"] = Who(maker.get_full_name(), key.name, maker.pk, str(key.pk))
    return found


def labels_of_person(team: Team, user_id: int) -> set[str]:
    """The labels under which somebody spends in a team: their own, and those of the keys they made."""
    keys = ApiKey.objects.filter(team=team, created_by=user_id).values_list("public_id", flat=True)
    return {f"member:{user_id}", *(f"key:{public_id}" for public_id in keys)}


def owners_of(team: Team) -> list[User]:
    """Who decides about the team's money, longest first."""
    owners = Membership.objects.filter(team=team, role=Role.OWNER, user__is_active=True)
    return [membership.user for membership in owners.select_related("user").order_by("created_at", "pk")]
