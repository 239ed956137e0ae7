"""People, teams, keys, and what was done with them."""

from accounts.models.audit import ActorKind, AuditEvent
from accounts.models.invitations import Invitation
from accounts.models.keys import ApiKey
from accounts.models.notifications import Notification, NotificationChoice
from accounts.models.people import Theme, User, UserManager
from accounts.models.projects import Project
from accounts.models.staff import SessionEnd, StaffSession, StaffVisit
from accounts.models.teams import Membership, Role, Team

__all__ = [
    "ActorKind",
    "ApiKey",
    "AuditEvent",
    "Invitation",
    "Membership",
    "Notification",
    "NotificationChoice",
    "Project",
    "Role",
    "SessionEnd",
    "StaffSession",
    "StaffVisit",
    "Team",
    "Theme",
    "User",
    "UserManager",
]
