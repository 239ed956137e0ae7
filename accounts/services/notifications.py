"""The one way to tell people something: in the portal, by e-mail or both, as each of them has chosen.

What is told is a row, written in the transaction of what it is about; a task mails it, and the sweep makes sure.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.core import signing
from django.db import transaction
from django.db.models import Count, F, QuerySet, Subquery

from accounts.audit import record
from accounts.background import enqueue
from accounts.models import Notification, NotificationChoice, Team, User
from accounts.notification_kinds import CHANNELS, KINDS, Channel, Kind
from accounts.services import notification_mail

MAIL: Final = "accounts.tasks.mail_notification"
ATTEMPTS: Final = 10


@dataclass(frozen=True, slots=True)
class News:
    """What happened, as people read it. `reason` says why they are told; `path` is where the button leads."""

    kind: str
    about: str
    subject: str
    text: str
    reason: str
    action: str = ""
    path: str = ""
    tone: str = "info"
    team: Team | None = None


@transaction.atomic
def tell(news: News, *, readers: Iterable[User]) -> None:
    """Tell each of `readers` once; those who want it get an e-mail soon. Repeating the call changes nothing.

    Raises KeyError for a kind that is not in the table.
    """
    for notification in note(news, readers=readers):
        enqueue(MAIL, notification_id=str(notification.pk))


@transaction.atomic
def note(news: News, *, readers: Iterable[User]) -> list[Notification]:
    """As `tell`, for tasks, which call `mail_all` with the answer after their transaction."""
    kind = KINDS[news.kind]
    people = {user.pk: user for user in readers if user.is_active}
    channels = _channels(people, kind)
    rows = [_row(news, people[pk], wanted) for pk, wanted in channels.items() if wanted]
    Notification.objects.bulk_create(rows, ignore_conflicts=True)
    told = Notification.objects.filter(kind=news.kind, about=news.about, user__in=people)
    return list(told.filter(by_mail=True, mailed_at=None).order_by("pk"))


def mail_all(told: Iterable[Notification], *, now: datetime) -> None:
    """Raises what the mail server raises; the sweep sends what is left."""
    for notification in told:
        mail_notification(notification_id=notification.pk, now=now)


def mail_notification(*, notification_id: int, now: datetime) -> None:
    """Mail what was not mailed; a crash between the e-mail and its mark sends it twice: better than never."""
    unmailed = Notification.objects.filter(pk=notification_id, by_mail=True, mailed_at=None)
    if not unmailed.update(attempts=F("attempts") + 1):
        return
    notification = Notification.objects.select_related("user", "team").get(pk=notification_id)
    if notification.user.is_active:
        notification_mail.send(notification)
    Notification.objects.filter(pk=notification_id).update(mailed_at=now)


def unmailed(*, now: datetime, limit: int = 100) -> list[int]:
    """E-mails whose message got lost, or that the mail server did not take."""
    waiting = Notification.objects.filter(
        by_mail=True, mailed_at=None, attempts__lt=ATTEMPTS, created_at__lte=now - timedelta(minutes=1)
    )
    return list(waiting.order_by("id").values_list("pk", flat=True)[:limit])


def is_wanted(*, user_id: int, kind: str) -> bool:
    """Whether the person wants to hear of this kind at all; one query."""
    return bool(_channels([user_id], KINDS[kind])[user_id])


def choices_of(user: User) -> set[tuple[str, Channel]]:
    """What reaches the person, as pairs of kind and channel; one query."""
    chosen = _chosen(user)
    return {
        (kind.key, channel)
        for kind in KINDS.values()
        for channel in CHANNELS
        if _holds(kind, channel, chosen.get((kind.key, channel)))
    }


@transaction.atomic
def choose(*, user: User, wanted: set[tuple[str, Channel]]) -> None:
    """Save what the person wants; what cannot be switched off stays on, whatever was sent."""
    before = choices_of(user)
    after = {
        (kind.key, channel)
        for kind in KINDS.values()
        for channel in CHANNELS
        if ((kind.key, channel) in (wanted if kind.may_choose(channel) else before))
    }
    if before == after:
        return
    NotificationChoice.objects.bulk_create(
        [
            NotificationChoice(user=user, kind=kind, channel=channel, wanted=(kind, channel) in after)
            for kind, channel in before ^ after
        ],
        update_conflicts=True,
        unique_fields=["user", "kind", "channel"],
        update_fields=["wanted"],
    )
    record(
        "account.notifications_changed",
        by=user,
        about=user,
        old={f"{kind} by {channel}": True for kind, channel in before - after},
        new={f"{kind} by {channel}": True for kind, channel in after - before},
    )


def stop_emails(token: str) -> tuple[User, Kind] | None:
    """What the link in an e-mail asks for: no more e-mails of its kind. None for a link that was not made by us."""
    found = email_of(token)
    if found is not None:
        user, kind = found
        choose(user=user, wanted=choices_of(user) - {(kind.key, "mail")})
    return found


def email_of(token: str) -> tuple[User, Kind] | None:
    """Whose e-mails of which kind a link in an e-mail is about."""
    try:
        user_id, key = signing.loads(token, salt=notification_mail.SALT)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    user = User.objects.filter(pk=user_id, is_active=True).first()
    kind = KINDS.get(key)
    return (user, kind) if user is not None and kind is not None and not kind.always_mailed else None


def in_portal(user: User) -> QuerySet[Notification]:
    """What the person's page lists, newest first."""
    return Notification.objects.filter(user=user, in_portal=True).select_related("team").order_by("-id")


def unread(user: User) -> QuerySet[Notification]:
    return Notification.objects.filter(user=user, in_portal=True, read_at=None)


def unread_by(user: User) -> Subquery:
    """Their number, to be annotated to a query that is made anyway; None for none. The database counts them once."""
    return Subquery(unread(user).order_by().values("user").annotate(number=Count("pk")).values("number"))


def mark_read(*, user: User, now: datetime, notification_id: int | None = None) -> None:
    """One of the person's notifications, or all of them."""
    found = unread(user)
    (found if notification_id is None else found.filter(pk=notification_id)).update(read_at=now)


def _row(news: News, user: User, channels: set[Channel]) -> Notification:
    return Notification(
        user=user,
        team=news.team,
        kind=news.kind,
        about=news.about,
        subject=news.subject[:250],
        text=news.text,
        reason=news.reason[:250],
        action=news.action,
        path=news.path,
        tone=news.tone,
        in_portal="portal" in channels,
        by_mail="mail" in channels,
    )


def _channels(user_ids: Iterable[int], kind: Kind) -> dict[int, set[Channel]]:
    """Where each of them wants to hear of `kind`; one query."""
    ids = list(user_ids)
    rows = NotificationChoice.objects.filter(user__in=ids, kind=kind.key)
    chosen = {(row.user_id, row.channel): row.wanted for row in rows}
    return {
        pk: {channel for channel in CHANNELS if _holds(kind, channel, chosen.get((pk, channel)))}
        for pk in ids
    }


def _chosen(user: User) -> dict[tuple[str, str], bool]:
    rows = NotificationChoice.objects.filter(user=user)
    return {(row.kind, row.channel): row.wanted for row in rows}


def _holds(kind: Kind, channel: Channel, chosen: bool | None) -> bool:
    """The choice, where there may be one and is one; else what the table says."""
    if chosen is None or not kind.may_choose(channel):
        return kind.default(channel)
    return chosen
