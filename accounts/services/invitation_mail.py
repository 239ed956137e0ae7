"""Invitation e-mails: sent from the queue, and tried again for three days while the mail server is away."""

import secrets
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.background import enqueue
from accounts.models import Invitation
from accounts.services.invitations import SEND, hash_token

# After 1, 2, 4 … minutes, and not for ever: an address that does not exist is no reason to try daily.
ATTEMPTS: Final = 12
BATCH: Final = 200


def send_invitation(*, invitation_id: UUID, now: datetime) -> None:
    """Make a token and mail it, unless another run does so or has. Raises what the mail server raises.

    The token is in the e-mail and nowhere else. A crash after the e-mail sends another one, whose token then counts.
    """
    invitation = _due(now).select_related("team", "invited_by").filter(pk=invitation_id).first()
    if invitation is None:
        return
    token = secrets.token_urlsafe(32)
    claimed = _due(now).filter(pk=invitation.pk, attempts=invitation.attempts)
    pause = timedelta(minutes=2**invitation.attempts)
    hashed = hash_token(token)
    if not claimed.update(token_hash=hashed, attempts=invitation.attempts + 1, try_at=now + pause):
        return
    _email(invitation, token).send()
    Invitation.objects.filter(pk=invitation.pk, token_hash=hashed).update(sent_at=now)


def enqueue_due(*, now: datetime) -> None:
    """Nudge e-mails whose message got lost, or that failed before."""
    for pk in _due(now - timedelta(seconds=30)).values_list("pk", flat=True)[:BATCH]:
        enqueue(SEND, invitation_id=str(pk))


def _due(now: datetime) -> QuerySet[Invitation]:
    unsent = Invitation.objects.filter(sent_at=None, accepted_at=None, ended_at=None)
    return unsent.filter(try_at__lte=now, expires_at__gt=now, attempts__lt=ATTEMPTS).order_by("try_at")


def _email(invitation: Invitation, token: str) -> EmailMultiAlternatives:
    context = {
        "invitation": invitation,
        "team": invitation.team,
        "inviter": invitation.invited_by.get_full_name(),
        "url": f"{settings.PUBLIC_URL}{reverse('accounts:invitation_open', args=[token])}",
    }
    subject, text, page = (
        render_to_string(f"emails/invitation.{part}", context)
        for part in ("subject.txt", "body.txt", "body.html")
    )
    message = EmailMultiAlternatives(" ".join(subject.split()), text, to=[invitation.email])
    message.attach_alternative(page, "text/html")
    return message
