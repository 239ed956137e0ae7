"""Who belongs to a team as what: changing roles, removing, leaving, handing over.

Every change locks the team's row first and then reads the rights of whoever acts afresh, so that two people who act at
the same time are one after the other. The database refuses the last owner's end too.
"""

from datetime import datetime, timedelta
from typing import ClassVar, Final

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.actors import Actor
from accounts.audit import record
from accounts.errors import DomainError
from accounts.models import Membership, Role, Team, User
from accounts.permissions import MEMBERS_MANAGE, ROLE_PERMISSIONS, TEAM_OWN, is_within

SEEN_EVERY: Final = timedelta(hours=1)
# What people read; the words of the table in permissions.py.
ROLE_WORDS: Final[dict[str, str]] = {
    "owner": "everything, including budgets, the audit log and the team itself",
    "admin": "clips, members, keys and buying credit",
    "editor": "make clips, and see what they cost",
    "viewer": "see clips and members",
    "billing": "see clips, buy credit and read statements",
}


class MemberNotFound(DomainError):
    code: ClassVar[str] = "not_found"


class RoleRefused(DomainError):
    """Somebody reaches for more than they may, or the team would be left without an owner."""

    code: ClassVar[str] = "role_refused"


def members_of(team: Team) -> QuerySet[Membership]:
    """Everybody in the team, longest first."""
    return Membership.objects.filter(team=team).select_related("user", "team").order_by("created_at", "pk")


def grantable_roles(role: str) -> list[str]:
    """The roles that somebody with `role` may give: none above their own."""
    if MEMBERS_MANAGE not in ROLE_PERMISSIONS[role]:
        return []
    return [other for other in Role.values if is_within(other, role)]


@transaction.atomic
def change_role(*, actor: Actor, user_id: int, role: str) -> Membership:
    """Give a member of the actor's team another role; the same role changes nothing.

    Raises MemberNotFound, and RoleRefused for a role or a member above the actor's own rank, for one's own way up
    and for the last owner. Locks the team.
    """
    own, membership = _own_and_other(actor, user_id)
    _refuse_above(own, membership.role, f"Only an owner can change what {_name(membership)} may do.")
    if role not in Role.values:
        raise RoleRefused("There is no such role. Choose one of: " + ", ".join(Role.values) + ".")
    _refuse_above(own, role, f"Your role does not let you assign the role {role}. Ask an owner.")
    if membership.role == role:
        return membership
    if membership.role == Role.OWNER:
        _refuse_last_owner(membership)
    old, membership.role = membership.role, role
    membership.save(update_fields=["role"])
    _record("member.role_changed", actor, membership, old={"role": old}, new={"role": role})
    return membership


@transaction.atomic
def remove_member(*, actor: Actor, user_id: int) -> User:
    """Take somebody out of the actor's team: from the next request on they and their API keys are refused.

    What they did stays: their clips, also those in line, and the limits set on them. Raises MemberNotFound, and
    RoleRefused for somebody above the actor's rank and for the last owner. Locks the team.
    """
    own, membership = _own_and_other(actor, user_id)
    _refuse_above(own, membership.role, f"Only an owner can remove {_name(membership)}.")
    return _end(actor, membership, "member.removed")


@transaction.atomic
def leave_team(*, actor: Actor) -> User:
    """Leave; whoever may do nothing else may do this. Raises MemberNotFound and RoleRefused for the last owner."""
    lock_team(actor.team)
    membership = _membership(actor.team, actor.user.pk if actor.user else 0)
    return _end(actor, membership, "member.left")


@transaction.atomic
def hand_over(*, actor: Actor, user_id: int) -> Membership:
    """Make another member an owner and the actor an admin, at once.

    Raises MemberNotFound, and RoleRefused when the actor is no owner or names themselves. Locks the team.
    """
    own, heir = _own_and_other(actor, user_id)
    if own is None or TEAM_OWN not in ROLE_PERMISSIONS[own.role]:
        raise RoleRefused("Only an owner can hand over the team.")
    if heir.pk == own.pk:
        raise RoleRefused("You already own this team. Choose somebody else.")
    old, heir.role, own.role = heir.role, Role.OWNER, Role.ADMIN
    heir.save(update_fields=["role"])
    own.save(update_fields=["role"])
    _record("team.handed_over", actor, heir, old={"role": old}, new={"role": Role.OWNER})
    _record("member.role_changed", actor, own, old={"role": Role.OWNER}, new={"role": Role.ADMIN})
    return heir


def note_visit(membership: Membership, *, now: datetime) -> None:
    """Remember that a member was here, at most once an hour; pages at the same time write once."""
    if membership.last_seen_at is not None and now - membership.last_seen_at < SEEN_EVERY:
        return
    stale = Q(last_seen_at=None) | Q(last_seen_at__lte=now - SEEN_EVERY)
    Membership.objects.filter(stale, pk=membership.pk).update(last_seen_at=now)


def own_membership(actor: Actor) -> Membership | None:
    """The actor's place in the team as it is now, not as it was when the request began; None for the platform.

    Raises RoleRefused for somebody who is out or may not manage members (any more).
    """
    if actor.kind == "system":
        return None
    own = members_of(actor.team).filter(user=actor.user).first()
    if own is None or not actor.may(MEMBERS_MANAGE) or MEMBERS_MANAGE not in own.permissions:
        raise RoleRefused("Your role in this team does not let you manage members.")
    return own


def _own_and_other(actor: Actor, user_id: int) -> tuple[Membership | None, Membership]:
    lock_team(actor.team)
    other = _membership(actor.team, user_id)
    return own_membership(actor), other


def lock_team(team: Team) -> Team:
    """The team as it is now; who changes its people waits for who does so already."""
    return Team.objects.select_for_update(no_key=True).get(pk=team.pk)


def _membership(team: Team, user_id: int) -> Membership:
    membership = members_of(team).filter(user=user_id).first()
    if membership is None:
        raise MemberNotFound("There is no such member in this team.")
    return membership


def _refuse_above(own: Membership | None, role: str, sentence: str) -> None:
    if own is not None and not is_within(role, own.role):
        raise RoleRefused(sentence)


def _refuse_last_owner(membership: Membership) -> None:
    owners = Membership.objects.filter(team=membership.team, role=Role.OWNER)
    if not owners.exclude(pk=membership.pk).exists():
        raise RoleRefused("A team needs an owner. Make somebody else an owner first.")


def _end(actor: Actor, membership: Membership, action: str) -> User:
    if membership.role == Role.OWNER:
        _refuse_last_owner(membership)
    _record(action, actor, membership, old={"role": membership.role}, new={})
    user = membership.user
    membership.delete()
    User.objects.filter(pk=user.pk, last_team=membership.team_id).update(last_team=None)
    return user


def _record(
    action: str, actor: Actor, membership: Membership, *, old: dict[str, str], new: dict[str, str]
) -> None:
    record(action, by=actor, about=membership.user, name=_name(membership), old=old, new=new)


def _name(membership: Membership) -> str:
    return membership.user.get_full_name()
