"""The other side of an invitation: finding it by its token, accepting, declining."""

from datetime import datetime
from typing import ClassVar

from django.db import transaction
from django.db.models import QuerySet

from accounts.audit import record
from accounts.errors import DomainError
from accounts.models import Invitation, Membership, User
from accounts.permissions import MEMBERS_MANAGE, is_within
from accounts.services.invitations import addresses_of
from accounts.services.members import lock_team
from accounts.services.teams import add_member


class InvitationGone(DomainError):
    """Unknown, used, revoked, expired, or whoever sent it may not invite any more: nobody is told which."""

    code: ClassVar[str] = "not_found"


class AddressNotProven(DomainError):
    """The invited address is not a verified one of whoever accepts."""

    code: ClassVar[str] = "address_not_proven"


def find_invitation(token_hash: str, *, now: datetime) -> Invitation | None:
    """The invitation behind a token's hash, with its team, as long as it can be accepted."""
    if not token_hash:
        return None
    found = _open(now).filter(token_hash=token_hash).select_related("team", "invited_by").first()
    return found if found is not None and _inviter_may(found) else None


def invitation_for(user: User, *, now: datetime) -> Invitation | None:
    """The newest open invitation to an address that is proven to be somebody's, whose e-mail has gone out."""
    waiting = _open(now).filter(email__in=addresses_of(user), token_hash__isnull=False)
    return next(
        (each for each in waiting.select_related("team", "invited_by")[:10] if _inviter_may(each)), None
    )


@transaction.atomic
def accept_invitation(*, token_hash: str, user: User, now: datetime) -> Membership:
    """Let `user` into the team. Once: the second time it is gone. Who is in already keeps their role.

    Raises InvitationGone and AddressNotProven. Locks the team, then the invitation.
    """
    found = find_invitation(token_hash, now=now)
    if found is None:
        raise _gone()
    lock_team(found.team)
    invitation = _open(now).select_for_update(of=("self",)).filter(token_hash=token_hash).first()
    if invitation is None or not _inviter_may(invitation):
        raise _gone()
    if invitation.email not in addresses_of(user):
        raise AddressNotProven(
            f"This invitation is for {invitation.email}. Confirm that the address is yours."
        )
    membership = add_member(team=found.team, user=user, role=invitation.role, by=user)
    invitation.accepted_at, invitation.token_hash = now, None
    invitation.save(update_fields=["accepted_at", "token_hash"])
    return membership


@transaction.atomic
def decline_invitation(*, token_hash: str, user: User, now: datetime) -> None:
    """Want none of it; the team can invite again. Raises InvitationGone and AddressNotProven."""
    invitation = _open(now).select_for_update(of=("self",)).filter(token_hash=token_hash).first()
    if invitation is None or not token_hash:
        raise _gone()
    if invitation.email not in addresses_of(user):
        raise AddressNotProven(f"This invitation is for {invitation.email}. Only they can decline it.")
    invitation.ended_at, invitation.token_hash = now, None
    invitation.save(update_fields=["ended_at", "token_hash"])
    record("invitation.declined", by=user, team=invitation.team, about=invitation)


def _open(now: datetime) -> QuerySet[Invitation]:
    return Invitation.objects.filter(accepted_at=None, ended_at=None, expires_at__gt=now)


def _inviter_may(invitation: Invitation) -> bool:
    """Whether whoever sent it could send it now."""
    inviter = Membership.objects.filter(
        team=invitation.team_id, user=invitation.invited_by_id, user__is_active=True
    ).first()
    if inviter is None or MEMBERS_MANAGE not in inviter.permissions:
        return False
    return is_within(invitation.role, inviter.role)


def _gone() -> InvitationGone:
    return InvitationGone("This invitation no longer works. Ask the person who invited you for another one.")
