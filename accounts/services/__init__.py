"""Every write to people and teams."""

from accounts.services.teams import (
    RESERVED_SLUGS,
    add_member,
    create_personal_team,
    create_team,
    remember_team,
)

__all__ = ["RESERVED_SLUGS", "add_member", "create_personal_team", "create_team", "remember_team"]
