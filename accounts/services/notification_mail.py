"""A notification as an e-mail."""

from typing import Final

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import Notification
from accounts.moments import as_read_by
from accounts.notification_kinds import KINDS

SALT: Final = "letters"


def send(notification: Notification) -> None:
    """Raises what the mail server raises."""
    stop = unsubscribe_url(notification)
    context = email_context(notification, stop=stop)
    headers = {}
    if stop:
        # Mail programs show a button of their own for these two (RFC 8058).
        headers = {"List-Unsubscribe": f"<{stop}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    with as_read_by(notification.user):
        text = render_to_string("emails/notification.body.txt", context)
        page = render_to_string("emails/notification.body.html", context)
    message = EmailMultiAlternatives(
        " ".join(notification.subject.split()), text, to=[notification.user.email], headers=headers
    )
    message.attach_alternative(page, "text/html")
    message.send()


def email_context(notification: Notification, *, stop: str) -> dict[str, object]:
    return {
        "notification": notification,
        "paragraphs": notification.text.split("\n\n"),
        "url": _absolute(notification.path) if notification.path else "",
        "stop": stop,
        "always": KINDS[notification.kind].always_mailed,
        "choices": _absolute(reverse("accounts:notification_choices")),
    }


def unsubscribe_url(notification: Notification) -> str:
    """Empty for what is always sent, and where the site does not know its own address.

    The link does not expire: whoever finds an old e-mail must be able to stop new ones.
    """
    if KINDS[notification.kind].always_mailed:
        return ""
    token = signing.dumps([notification.user_id, notification.kind], salt=SALT)
    return _absolute(reverse("accounts:unsubscribe", args=[token]))


def _absolute(path: str) -> str:
    return f"{settings.PUBLIC_URL}{path}" if settings.PUBLIC_URL else ""
