"""Teams: every write, and joining one."""

from django.db import IntegrityError, transaction
from django.utils.crypto import get_random_string
from django.utils.text import slugify

from accounts.actors import Actor
from accounts.audit import record
from accounts.errors import FieldErrors
from accounts.models import Membership, Role, Team, User

NAME_LENGTH = 100
SUFFIX_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
# Words that stand for pages of ours in an address.
RESERVED_SLUGS = frozenset({"admin", "api", "new", "team", "teams", "staff"})


@transaction.atomic
def create_team(*, owner: User, name: str, is_personal: bool = False, slug: str = "") -> Team:
    """Make a team whose owner is `owner`, under the wished slug or the nearest free one. A long name is cut."""
    team = _insert_team(name=name[:NAME_LENGTH], slug=slug or slugify(name)[:40], is_personal=is_personal)
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


@transaction.atomic
def rename_team(*, actor: Actor, name: str) -> Team:
    """Give the actor's team another name. Its address stays: links that people have keep leading to this team, and
    never to another one that took a name which became free. Raises FieldErrors; locks the team.
    """
    wished = " ".join(name.split())
    if not wished:
        raise FieldErrors({"name": ["Give the team a name."]})
    if len(wished) > NAME_LENGTH:
        raise FieldErrors({"name": [f"A name has at most {NAME_LENGTH} characters."]})
    team = Team.objects.select_for_update(no_key=True).get(pk=actor.team.pk)
    if team.name != wished:
        old, team.name = team.name, wished
        team.save(update_fields=["name"])
        record("team.renamed", by=actor, about=team, old={"name": old}, new={"name": wished})
    return team


@transaction.atomic
def share_team(*, actor: Actor) -> Team:
    """Make a personal team one that others can be invited to; there is no way back. Repeating it changes nothing."""
    if Team.objects.filter(pk=actor.team.pk, is_personal=True).update(is_personal=False):
        record("team.shared", by=actor, about=actor.team)
    return Team.objects.get(pk=actor.team.pk)


@transaction.atomic
def add_member(*, team: Team, user: User, role: str, by: Actor | User | None = None) -> Membership:
    """Let `user` in as `role`; for somebody who is in already, change nothing."""
    membership, is_new = Membership.objects.get_or_create(team=team, user=user, defaults={"role": role})
    if is_new:
        record("member.joined", by=by, team=team, about=user, name=user.get_full_name(), new={"role": role})
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
