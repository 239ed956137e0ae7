"""Every write to people and teams."""

from accounts.services.accepting import (
    AddressNotProven,
    InvitationGone,
    accept_invitation,
    decline_invitation,
    find_invitation,
    invitation_for,
)
from accounts.services.invitations import (
    InvitationNotFound,
    InvitationRefused,
    invite,
    resend_invitation,
    revoke_invitation,
    waiting_invitations,
)
from accounts.services.members import (
    MemberNotFound,
    RoleRefused,
    change_role,
    grantable_roles,
    hand_over,
    leave_team,
    members_of,
    note_visit,
    remove_member,
)
from accounts.services.teams import (
    RESERVED_SLUGS,
    add_member,
    create_personal_team,
    create_team,
    remember_team,
    rename_team,
    share_team,
)

__all__ = [
    "RESERVED_SLUGS",
    "AddressNotProven",
    "InvitationGone",
    "InvitationNotFound",
    "InvitationRefused",
    "MemberNotFound",
    "RoleRefused",
    "accept_invitation",
    "add_member",
    "change_role",
    "create_personal_team",
    "create_team",
    "decline_invitation",
    "find_invitation",
    "grantable_roles",
    "hand_over",
    "invitation_for",
    "invite",
    "leave_team",
    "members_of",
    "note_visit",
    "remember_team",
    "remove_member",
    "rename_team",
    "resend_invitation",
    "revoke_invitation",
    "share_team",
    "waiting_invitations",
]
