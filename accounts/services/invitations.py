"""Inviting people to a team by e-mail: one or a list of them, again, or no longer."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.actors import Actor
from accounts.audit import record
from accounts.background import enqueue
from accounts.errors import DomainError, FieldErrors
from accounts.models import Invitation, Membership, Role, Team, User
from accounts.pasted_addresses import Written, read_address, read_addresses
from accounts.permissions import is_within
from accounts.services.members import RoleRefused, lock_team, own_membership

SEND: Final = "accounts.tasks.send_invitation"
LASTS: Final = timedelta(days=7)
MOST_AT_ONCE: Final = 500
MOST_OPEN: Final = 1000
# An e-mail that was sent just now is not sent again: one press too many must not end the link that is on its way.
RESEND_AFTER: Final = timedelta(minutes=1)


class InvitationNotFound(DomainError):
    code: ClassVar[str] = "not_found"


class InvitationRefused(DomainError):
    code: ClassVar[str] = "invitation_refused"


@dataclass(frozen=True, slots=True)
class NotInvited:
    """`row` counts the entries of the list from 0."""

    row: int
    text: str
    why: str


@dataclass(slots=True)
class Invited:
    """What became of a list: those who get an e-mail, and those who do not."""

    invitations: list[Invitation] = field(default_factory=list)
    refused: list[NotInvited] = field(default_factory=list)


@transaction.atomic
def invite(*, actor: Actor, addresses: str | Sequence[str], role: str, now: datetime) -> Invited:
    """Invite everybody in a pasted text or a list for seven days as `role`; e-mails follow from the queue.

    Entries that are no address, stand there twice, are members or invited already are named and left out; an
    invitation that has expired is renewed. Raises RoleRefused for a role above the actor's, InvitationRefused for a
    personal team, FieldErrors for an empty or too long list. Locks the team.
    """
    written = (
        read_addresses(addresses) if isinstance(addresses, str) else [read_address(a) for a in addresses]
    )
    _refuse_length(written)
    team = lock_team(actor.team)
    own = own_membership(actor)
    if role not in Role.values:
        raise FieldErrors({"role": ["There is no such role. Choose one of: " + ", ".join(Role.values) + "."]})
    if actor.user is None or own is None or not is_within(role, own.role):
        raise RoleRefused(f"Your role does not let you assign the role {role}. Ask an owner.")
    if team.is_personal:
        raise InvitationRefused(
            "This is a personal team. Make it a shared team in its settings, then invite people."
        )
    outcome = Invited()
    wanted = _new_addresses(team, written, outcome, now)
    if open_invitations(team, now=now).count() + len(wanted) > MOST_OPEN:
        raise FieldErrors(
            {"emails": [f"A team has at most {MOST_OPEN:,} open invitations. Revoke some that nobody needs."]}
        )
    _clear_expired(team, wanted, now)
    outcome.invitations = Invitation.objects.bulk_create(
        Invitation(
            team=team,
            email=email,
            role=role,
            invited_by=actor.user,
            created_at=now,
            expires_at=now + LASTS,
            try_at=now,
        )
        for email in wanted
    )
    for invitation in outcome.invitations:
        record("invitation.sent", by=actor, about=invitation, new={"role": role})
        enqueue(SEND, invitation_id=str(invitation.pk))
    return outcome


@transaction.atomic
def resend_invitation(*, actor: Actor, invitation_id: UUID, now: datetime) -> Invitation:
    """Send the e-mail again with a new link that lasts seven days; the link before ends at once.

    Raises InvitationNotFound for one that is not open, InvitationRefused right after the last e-mail, RoleRefused.
    """
    invitation = _locked(actor, invitation_id)
    if invitation.sent_at is not None and now - invitation.sent_at < RESEND_AFTER:
        raise InvitationRefused("The e-mail went out just now. Give it a minute to arrive.")
    invitation.token_hash = invitation.sent_at = None
    invitation.expires_at, invitation.try_at, invitation.attempts = now + LASTS, now, 0
    invitation.save(update_fields=["token_hash", "sent_at", "expires_at", "try_at", "attempts"])
    record("invitation.resent", by=actor, about=invitation)
    enqueue(SEND, invitation_id=str(invitation.pk))
    return invitation


@transaction.atomic
def revoke_invitation(*, actor: Actor, invitation_id: UUID, now: datetime) -> Invitation:
    """The link opens nothing any more. Raises InvitationNotFound for one that is not open, RoleRefused."""
    invitation = _locked(actor, invitation_id)
    invitation.token_hash, invitation.ended_at = None, now
    invitation.save(update_fields=["token_hash", "ended_at"])
    record("invitation.revoked", by=actor, about=invitation)
    return invitation


def waiting_invitations(team: Team) -> QuerySet[Invitation]:
    """Those that were neither accepted nor ended, expired ones too, newest first."""
    return Invitation.objects.filter(team=team, accepted_at=None, ended_at=None).select_related("invited_by")


def open_invitations(team: Team, *, now: datetime) -> QuerySet[Invitation]:
    return waiting_invitations(team).filter(expires_at__gt=now)


def hash_token(token: str) -> str:
    """SHA-256 in hex. A slow hash would add nothing: 256 random bits cannot be guessed."""
    return hashlib.sha256(token.encode()).hexdigest()


def _refuse_length(written: Sequence[Written]) -> None:
    if not written:
        raise FieldErrors({"emails": ["Write at least one e-mail address."]})
    if len(written) > MOST_AT_ONCE:
        raise FieldErrors(
            {
                "emails": [
                    f"A list has at most {MOST_AT_ONCE} addresses, and this one has {len(written):,}. Nobody was "
                    "invited: send it in parts."
                ]
            }
        )


def _new_addresses(team: Team, written: Sequence[Written], outcome: Invited, now: datetime) -> list[str]:
    """Who is new, each once; the others are noted in `outcome`."""
    addresses = {entry.address for entry in written} - {""}
    members = set(
        Membership.objects.filter(team=team, user__email__in=addresses).values_list("user__email", flat=True)
    )
    invited = set(open_invitations(team, now=now).filter(email__in=addresses).values_list("email", flat=True))
    wanted: dict[str, None] = {}
    for row, entry in enumerate(written):
        why = entry.wrong
        if entry.address in members:
            why = "is already a member."
        elif entry.address in invited:
            why = "is already invited. Send that invitation again instead."
        elif entry.address in wanted:
            why = "is in the list twice."
        if why:
            outcome.refused.append(NotInvited(row, entry.text.strip()[:254], why))
        else:
            wanted[entry.address] = None
    return list(wanted)


def _clear_expired(team: Team, addresses: Sequence[str], now: datetime) -> None:
    expired = waiting_invitations(team).filter(email__in=addresses, expires_at__lte=now)
    expired.update(ended_at=now, token_hash=None)


def _locked(actor: Actor, invitation_id: UUID) -> Invitation:
    """An open or expired invitation that the actor may change: of a role within their own."""
    lock_team(actor.team)
    own = own_membership(actor)
    waiting = Invitation.objects.filter(Q(accepted_at=None, ended_at=None), team=actor.team, pk=invitation_id)
    invitation = waiting.select_for_update(of=("self",)).first()
    if invitation is None:
        raise InvitationNotFound("This invitation no longer exists.")
    if own is not None and not is_within(invitation.role, own.role):
        raise RoleRefused("Only an owner can change the invitation of an owner.")
    return invitation


def addresses_of(user: User) -> set[str]:
    """The addresses that are proven to be somebody's, as they are compared with those invited."""
    verified = user.emailaddress_set.filter(verified=True).values_list("email", flat=True)  # type: ignore[attr-defined]
    return {email.lower() for email in verified if email.isascii()}
