"""Role -> permissions, in one table that code, tests and documentation share."""

from typing import Final

GENERATIONS_VIEW: Final = "generations.view"
GENERATIONS_CREATE: Final = "generations.create"
GENERATIONS_CANCEL: Final = "generations.cancel"
# Change the waiting clips of colleagues too: their order, their input, their pauses.
GENERATIONS_MANAGE: Final = "generations.manage"
BILLING_VIEW: Final = "billing.view"
# Buy credit, and decide how it is bought.
BILLING_MANAGE: Final = "billing.manage"
# Say who may spend how much, and decide when somebody asks for more.
BUDGETS_MANAGE: Final = "budgets.manage"
KEYS_MANAGE: Final = "keys.manage"
# Rename the team, set its rules, and whatever else changes it as a whole but its end.
TEAM_MANAGE: Final = "team.manage"
# Delete the team, hand it to another owner, take everything it has away as a file.
TEAM_OWN: Final = "team.own"
MEMBERS_VIEW: Final = "members.view"
# Invite, change roles and remove; never above one's own rank.
MEMBERS_MANAGE: Final = "members.manage"
PROJECTS_MANAGE: Final = "projects.manage"
AUDIT_VIEW: Final = "audit.view"

_VIEWER = frozenset({GENERATIONS_VIEW, MEMBERS_VIEW})
_EDITOR = _VIEWER | {GENERATIONS_CREATE, GENERATIONS_CANCEL}
_ADMIN = _EDITOR | {GENERATIONS_MANAGE, KEYS_MANAGE, TEAM_MANAGE, MEMBERS_MANAGE, PROJECTS_MANAGE}

ROLE_PERMISSIONS: Final[dict[str, frozenset[str]]] = {
    "owner": _ADMIN | {BILLING_VIEW, BILLING_MANAGE, BUDGETS_MANAGE, TEAM_OWN, AUDIT_VIEW},
    "admin": _ADMIN | {BILLING_VIEW, BILLING_MANAGE},
    "editor": _EDITOR | {BILLING_VIEW},
    "viewer": _VIEWER,
    "billing": _VIEWER | {BILLING_VIEW, BILLING_MANAGE},
}

# What an API key's scopes allow; a key never exceeds the role of the member who made it.
SCOPE_PERMISSIONS: Final[dict[str, frozenset[str]]] = {
    "generate": frozenset({GENERATIONS_CREATE, GENERATIONS_CANCEL, GENERATIONS_MANAGE}),
    "read": frozenset({GENERATIONS_VIEW}),
    "billing:read": frozenset({BILLING_VIEW}),
    "admin": frozenset({KEYS_MANAGE, MEMBERS_VIEW, MEMBERS_MANAGE, PROJECTS_MANAGE, BUDGETS_MANAGE}),
}

# What staff never get in a team, whoever's view it is: to end the team, hand it over or take it away as a file.
STAFF_NEVER: Final = frozenset({TEAM_OWN})
# The only pages through which staff change something, as operators. Everything else they may look at.
STAFF_CHANGES: Final = frozenset({GENERATIONS_CANCEL})


def is_within(role: str, other: str) -> bool:
    """Whether `role` may do nothing that `other` may not: then it stands no higher."""
    return ROLE_PERMISSIONS[role] <= ROLE_PERMISSIONS[other]
