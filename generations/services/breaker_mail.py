"""Tells the operators by e-mail that a key stopped, and that it works again: once each."""

from uuid import NAMESPACE_OID, uuid5

from django.core.mail import mail_admins

from generations.models import FalKey
from generations.services.exclusive import exclusive

STOPPED = """fal does not take jobs with the key "{name}" any more.

What it said: {reason}

Jobs and the credit held for them are kept in line. One job is tried from time to time, next at
{probe_at:%H:%M:%S} UTC, and all continue automatically once fal takes it. To try at once, choose "Try again now" for
the key on the staff site.
"""
WORKS = """fal takes jobs with the key "{name}" again. Nothing needs to be done.
"""


def tell_operators(*, name: str) -> None:
    """Mail what the operators do not know yet about the key; nothing when they do. Raises what the mail server raises.

    The row is marked afterwards: an e-mail that could not be sent is sent by the next sweep. Two workers that are told
    at the same moment send one e-mail.
    """
    with exclusive(uuid5(NAMESPACE_OID, f"fal key {name}")) as is_mine:
        key = FalKey.objects.filter(pk=name).first() if is_mine else None
        if key is None or key.told_open == key.is_resting:
            return
        mail_admins(*_mail(key))
        FalKey.objects.filter(pk=name).update(told_open=key.is_resting)


def _mail(key: FalKey) -> tuple[str, str]:
    """Subject and text."""
    if key.is_resting:
        text = STOPPED.format(name=key.name, reason=key.reason, probe_at=key.probe_at)
        return f"fal key {key.name} is paused", text
    return f"fal key {key.name} works again", WORKS.format(name=key.name)
