"""Teams and memberships: every write."""

from django.db import IntegrityError, transaction
from django.utils.crypto import get_random_string
from django.utils.text import slugify

from accounts.audit import record
from accounts.models import Membership, Role, Team, User

SUFFIX_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
# Words that stand for pages of ours in an address.
RESERVED_SLUGS = frozenset({"admin", "api", "new", "team", "teams", "staff"})


@transaction.atomic
def create_team(*, owner: User, name: str, is_personal: bool = False, slug: str = "") -> Team:
    """Make a team whose owner is `owner`, under the wished slug or the nearest free one."""
    team = _insert_team(name=name[:100], slug=slug or slugify(name)[:40], is_personal=is_personal)
    Membership.objects.create(team=team, user=owner, role=Role.OWNER)
    record("team.created", by=owner, team=team, about=team, new={"name": team.name, "slug": team.slug})
    if owner.last_team_id is None:
        owner.last_team = team
        owner.save(update_fields=["last_team"])
    return team


def create_personal_team(user: User) -> Team:
    """The team everybody starts with; a second call returns the first one."""
    existing = Team.objects.filter(
        is_personal=True, memberships__user=user, memberships__role=Role.OWNER
    ).first()
    return existing or create_team(owner=user, name=user.get_short_name(), is_personal=True)


def add_member(*, team: Team, user: User, role: str) -> Membership:
    """Let `user` in as `role`; for somebody who is in already, change nothing."""
    membership, _ = Membership.objects.get_or_create(team=team, user=user, defaults={"role": role})
    return membership


def remember_team(*, user: User, team: Team) -> None:
    """Where `/` leads next time."""
    if user.last_team_id != team.pk:
        User.objects.filter(pk=user.pk).update(last_team=team)


def _insert_team(*, name: str, slug: str, is_personal: bool) -> Team:
    wish = slug if slug and slug not in RESERVED_SLUGS else "team"
    candidate = wish
    while True:
        try:
            with transaction.atomic():
                return Team.objects.create(name=name, slug=candidate, is_personal=is_personal)
        except IntegrityError:
            candidate = f"{wish}-{get_random_string(4, SUFFIX_ALPHABET)}"
