"""django-q2 entry points: ids in, one service call each, harmless when run twice or late."""

from uuid import UUID

from django.utils import timezone

from accounts.background import enqueue
from accounts.services import invitation_mail, notifications, staff_sessions


def tell_about_staff_session(*, session_id: str, **_: object) -> None:
    staff_sessions.tell(session_id=UUID(session_id), now=timezone.now())


def end_staff_sessions(**_: object) -> None:
    staff_sessions.end_overdue(now=timezone.now())


def mail_notification(*, notification_id: str, **_: object) -> None:
    notifications.mail_notification(notification_id=int(notification_id), now=timezone.now())


def mail_notifications(**_: object) -> None:
    """E-mails that wait although nobody is about to send them."""
    for notification_id in notifications.unmailed(now=timezone.now()):
        enqueue(notifications.MAIL, notification_id=str(notification_id))


def send_invitation(*, invitation_id: str, **_: object) -> None:
    invitation_mail.send_invitation(invitation_id=UUID(invitation_id), now=timezone.now())


def enqueue_invitations(**_: object) -> None:
    invitation_mail.enqueue_due(now=timezone.now())
