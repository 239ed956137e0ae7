"""Every write to people and teams."""

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
    "MemberNotFound",
    "RoleRefused",
    "add_member",
    "change_role",
    "create_personal_team",
    "create_team",
    "grantable_roles",
    "hand_over",
    "leave_team",
    "members_of",
    "note_visit",
    "remember_team",
    "remove_member",
    "rename_team",
    "share_team",
]
