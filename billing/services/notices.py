"""What people have to hear about their team's money: noted with what happened, told afterwards.

A notice is a row, written in the transaction of what it is about; a task sends it, and the sweep makes sure.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from django.core.mail import mail_admins
from django.db import transaction
from django.db.models import F, Q
from django.urls import reverse

from accounts import notification_kinds
from accounts.background import enqueue
from accounts.models import Notification, Team, User
from accounts.permissions import BILLING_MANAGE, ROLE_PERMISSIONS
from accounts.services import notifications
from accounts.services.notifications import News, mail_all
from billing.models import Notice
from billing.services.notice_words import DISPUTE_CLOSED, OPERATOR_KINDS, Words, words_for

SEND: Final = "billing.tasks.send_notice"
ATTEMPTS: Final = 10
SHOWN_DAYS: Final = 14
# Kinds that people decide about together with another one.
CHOSEN_AS: Final = {DISPUTE_CLOSED: notification_kinds.DISPUTE}


def note(*, kind: str, subject: str, team: Team, **payload: Any) -> Notice:
    """Tell the right people of `kind` about `subject`, once; in the caller's transaction."""
    notice, created = Notice.objects.get_or_create(
        kind=kind, subject=subject, defaults={"team": team, "payload": payload}
    )
    if created:
        enqueue(SEND, notice_id=str(notice.pk))
    return notice


def send_notice(*, notice_id: int, now: datetime) -> None:
    """Tell the people of a notice that was not sent, as each has chosen. Raises what the mail server raises.

    An e-mail to a member that could not be sent is the sweep of notifications' from then on. Operators get an e-mail,
    after a crash twice: better than never.
    """
    claimed = Notice.objects.filter(pk=notice_id, sent_at=None).update(attempts=F("attempts") + 1)
    notice = Notice.objects.select_related("team").filter(pk=notice_id).first()
    if not claimed or notice is None:
        return
    words = words_for(notice)
    if words is not None and notice.kind in OPERATOR_KINDS:
        mail_admins(words.subject, words.plain)
    with transaction.atomic():
        told = _note_for_members(notice, words)
        Notice.objects.filter(pk=notice_id).update(sent_at=now)
    mail_all(told, now=now)


def _note_for_members(notice: Notice, words: Words | None) -> list[Notification]:
    if words is None or notice.kind in OPERATOR_KINDS:
        return []
    return notifications.note(_news(notice, words), readers=buyers(notice.team))


def unsent(*, now: datetime, limit: int) -> list[int]:
    """Notices whose message got lost, or whose mail failed before."""
    waiting = Notice.objects.filter(
        sent_at=None, attempts__lt=ATTEMPTS, created_at__lte=now - timedelta(minutes=1)
    )
    return list(waiting.order_by("id").values_list("pk", flat=True)[:limit])


def recent_notices(*, team: Team, now: datetime, last: int = 3) -> list[tuple[Notice, Words]]:
    """What the portal shows to those who can buy, newest first; of each limit only the highest mark."""
    notices = Notice.objects.filter(~Q(kind__in=OPERATOR_KINDS), team=team)
    recent = notices.filter(created_at__gte=now - timedelta(days=SHOWN_DAYS)).order_by("-id")[: 3 * last]
    first = {notice.payload.get("limit", f"notice {notice.pk}"): notice for notice in reversed(recent)}
    kept = sorted(first.values(), key=lambda notice: -notice.pk)[:last]
    worded = ((notice, words_for(notice)) for notice in kept)
    return [(notice, words) for notice, words in worded if words is not None]


def buyers(team: Team) -> list[User]:
    """The members who decide about the team's money."""
    roles = [role for role, allowed in ROLE_PERMISSIONS.items() if BILLING_MANAGE in allowed]
    return list(
        User.objects.filter(is_active=True, memberships__team=team, memberships__role__in=roles).distinct()
    )


def _news(notice: Notice, words: Words) -> News:
    return News(
        kind=CHOSEN_AS.get(notice.kind, notice.kind),
        about=f"{notice.kind}:{notice.pk}",
        subject=words.subject,
        text=words.plain,
        reason=f"You receive this because you manage the credit of {notice.team.name}.",
        action=words.action,
        path=words.path or reverse("billing:home", args=[notice.team.slug]),
        tone=words.tone,
        team=notice.team,
    )
