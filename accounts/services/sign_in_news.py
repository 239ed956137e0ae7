"""Tells a person that somebody, most likely they, signed in where they never had."""

from datetime import datetime
from typing import Final

from django.urls import reverse

from accounts.models import AuditEvent, User
from accounts.moments import as_read_by, moment
from accounts.notification_kinds import NEW_BROWSER
from accounts.services.notifications import News, tell
from accounts.user_agents import device_of

REASON: Final = "You receive this because somebody signed in to your account."


def tell_of_new_browser(*, user: User, user_agent: str, address: str | None, now: datetime) -> None:
    """To be called once the sign-in is written down. Nothing is told of the first one of an account: every browser is
    new then, and the person has just made it."""
    signed_in = AuditEvent.objects.filter(user=user, action="user.signed_in").order_by("-id")
    latest = list(signed_in.values_list("pk", flat=True)[:2])
    if len(latest) < 2:
        return
    device = device_of(user_agent)
    with as_read_by(user):
        when = moment(now)
    news = News(
        kind=NEW_BROWSER,
        about=f"sign-in:{latest[0]}",
        subject=f"New sign-in: {device}",
        text="Somebody signed in to your account from a browser that was not used for it before.\n\n"
        f"{device}, from the address {address or 'unknown'}, on {when}.\n\n"
        "If that was you, there is nothing to do. If it was not, end that session and change your password now.",
        reason=REASON,
        action="See where you are signed in",
        path=reverse("accounts:security"),
        tone="warn",
    )
    tell(news, readers=[user])
