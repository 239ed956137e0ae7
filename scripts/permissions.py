"""Write docs/permissions.md from the tables that the code and the tests work by: `python -m scripts.permissions`."""

import sys
from pathlib import Path

from accounts.permissions import ROLE_PERMISSIONS, SCOPE_PERMISSIONS
from tests.contracts.access import ACCESS

PAGE = Path(__file__).parent.parent / "docs" / "permissions.md"
HEAD = """# Who may do what

Made by `python -m scripts.permissions` from the tables that the code and the tests share; a test fails when this page
is behind. Every address is asked by everybody who must not be answered: visitors, people of other teams, each role
without the permission, staff, and keys that are revoked, expired, rotated, another team's, or lack the scope.
"""


def page() -> str:
    permissions = sorted({each for allowed in ROLE_PERMISSIONS.values() for each in allowed})
    parts = [
        HEAD,
        "## Roles\n",
        "A role is what somebody is in one team. Staff of the platform have no role, and so no page of a team.\n",
        _table("permission", ROLE_PERMISSIONS, permissions),
        "## Scopes of API keys\n",
        "A key may do what its scopes say, and never more than the role that its maker has at the moment.\n",
        _table("permission", SCOPE_PERMISSIONS, [each for each in permissions if _in_a_scope(each)]),
        "## Addresses\n",
        "| permission | pages of a team | API |\n|---|---|---|",
        *(f"| `{each}` | {_addresses('team', each)} | {_addresses('api', each)} |" for each in permissions),
    ]
    return "\n".join(parts) + "\n"


def _table(head: str, allowed: dict[str, frozenset[str]], permissions: list[str]) -> str:
    lines = [f"| {head} | {' | '.join(allowed)} |", f"|---{'|:-:' * len(allowed)}|"]
    for each in permissions:
        marks = " | ".join("yes" if each in having else "" for having in allowed.values())
        lines.append(f"| `{each}` | {marks} |".replace("|  |", "| |").replace("|  |", "| |"))
    return "\n".join(lines) + "\n"


def _in_a_scope(permission: str) -> bool:
    return any(permission in allowed for allowed in SCOPE_PERMISSIONS.values())


def _addresses(level: str, permission: str) -> str:
    named = (
        f"`{name.removeprefix('api:')}` {method}"
        for name, access in ACCESS.items()
        if access.level == level
        for method, needed in access.methods.items()
        if needed == permission
    )
    return ", ".join(named)


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.stdout.write(f"{PAGE.name} is written.\n")
