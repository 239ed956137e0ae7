"""Who acts: a member, an API key, a staff user or the system itself, always for one team."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from accounts.models import ApiKey, Membership, Team, User
from accounts.permissions import ROLE_PERMISSIONS, SCOPE_PERMISSIONS


@dataclass(frozen=True, slots=True)
class Actor:
    """Every service that writes for people takes one; ledger and event rows name it.

    `team` is the team the action belongs to. `user` is None only for the system.
    """

    kind: Literal["member", "key", "staff", "system"]
    team: Team
    user: User | None = None
    key: ApiKey | None = None
    permissions: frozenset[str] = frozenset()

    def may(self, permission: str) -> bool:
        return self.kind == "system" or permission in self.permissions

    @property
    def label(self) -> str:
        """A short stable text for ledger and event rows: no address, so nothing personal to erase later."""
        if self.kind == "key" and self.key is not None:
            return f"key:{self.key.public_id}"
        return f"{self.kind}:{self.user.pk}" if self.user is not None else self.kind


def member_actor(membership: Membership) -> Actor:
    return Actor(
        kind="member", team=membership.team, user=membership.user, permissions=membership.permissions
    )


def key_actor(key: ApiKey, role: str) -> Actor:
    """A key may do what its scopes say, and never more than its maker's present role."""
    allowed = _allowed(tuple(key.scopes), role)
    return Actor(kind="key", team=key.team, user=key.created_by, key=key, permissions=allowed)


@lru_cache(maxsize=256)
def _allowed(scopes: tuple[str, ...], role: str) -> frozenset[str]:
    by_scopes = frozenset[str]().union(*(SCOPE_PERMISSIONS[scope] for scope in scopes))
    return by_scopes & ROLE_PERMISSIONS[role]


def staff_actor(team: Team, user: User, permissions: frozenset[str] = frozenset()) -> Actor:
    """Staff who act on a team's behalf; while they visit it, with that visit's permissions."""
    return Actor(kind="staff", team=team, user=user, permissions=permissions)


def system_actor(team: Team) -> Actor:
    return Actor(kind="system", team=team)
