"""Who stands behind the labels that the books keep of staff, for the audit log."""

import re
from typing import Final

from accounts.actors import Actor, staff_actor
from accounts.models import Team, User

_FIRST: Final = re.compile(r"staff:(\d{1,18})")


def behind(label: str, team: Team) -> Actor | None:
    """Staff, for "staff:<id>" and for the first of "staff:<id>+staff:<id>"; None for an operator at a console."""
    named = _FIRST.match(label)
    user = User.objects.filter(pk=int(named[1])).first() if named else None
    return staff_actor(team, user) if user is not None else None
