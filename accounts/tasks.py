"""django-q2 entry points: ids in, one service call each, harmless when run twice or late."""

from uuid import UUID

from django.utils import timezone

from accounts.services import staff_sessions


def tell_about_staff_session(*, session_id: str, **_: object) -> None:
    staff_sessions.tell(session_id=UUID(session_id), now=timezone.now())


def end_staff_sessions(**_: object) -> None:
    staff_sessions.end_overdue(now=timezone.now())
