"""The one way to write to the audit log: `record`, in the transaction of the deed itself."""

import json
from collections.abc import Mapping
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model

from accounts.actors import Actor
from accounts.models import ActorKind, AuditEvent, Team, User
from accounts.origin import present_origin, valid_address

NAME_LENGTH = 200


def record(
    action: str,
    *,
    by: Actor | User | None,
    team: Team | None = None,
    about: Model | None = None,
    name: str = "",
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """Write down one deed. `action` reads "object.what_happened", as in "member.role_changed".

    `by` is an Actor for a team's matters, a User for what people do to their own account, None for the platform
    itself. `about` is the row it was done to, `name` what people call it (its str() when not given). `old` and
    `new` hold the fields that changed and nothing secret; they must be JSON (times and UUIDs are written as text).
    """
    origin = present_origin()
    return AuditEvent.objects.create(
        **_who(by),
        team=team or (by.team if isinstance(by, Actor) else None),
        action=action,
        object_type=str(about._meta.model_name) if about is not None else "",
        object_id=str(about.pk) if about is not None else "",
        object_name=(name or (str(about) if about is not None else ""))[:NAME_LENGTH],
        old=_plain(old),
        new=_plain(new),
        address=valid_address(origin.address),
        request_id=origin.request_id,
        staff_session=origin.staff_session,
    )


def _who(by: Actor | User | None) -> dict[str, Any]:
    if by is None:
        return {"kind": ActorKind.SYSTEM}
    if isinstance(by, User):
        # What staff do while they visit a team is theirs as staff, also where no team is concerned.
        visits = present_origin().staff_session is not None
        return {"kind": ActorKind.STAFF if visits else ActorKind.MEMBER, "user": by}
    return {"kind": by.kind, "user": by.user, "key_id": by.key.public_id if by.key is not None else ""}


def _plain(values: Mapping[str, Any] | None) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(dict(values or {}), cls=DjangoJSONEncoder))
    return plain
