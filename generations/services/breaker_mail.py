"""Tells the operators by mail that a key stopped, and that it works again: once each."""

from django.core.mail import mail_admins

from generations.models import FalKey

STOPPED = """fal does not take jobs with the key "{name}" any more.

What it said: {reason}

Jobs and the credits held for them are kept in line. One job is tried from time to time, next at
{probe_at:%H:%M:%S} UTC, and all go on by themselves once fal takes it. To try at once, choose "Try again now" for the
key on the staff site.
"""
WORKS = """fal takes jobs with the key "{name}" again. Nothing needs to be done.
"""


def tell_operators(*, name: str) -> None:
    """Mail what the operators do not know yet about the key; nothing when they do. Raises what the mail server raises.

    The row is marked afterwards: a mail that could not be sent is sent by the next sweep.
    """
    key = FalKey.objects.filter(pk=name).first()
    if key is None or key.told_open == key.is_resting:
        return
    if key.is_resting:
        mail_admins(
            f"fal key {name} is paused", STOPPED.format(name=name, reason=key.reason, probe_at=key.probe_at)
        )
    else:
        mail_admins(f"fal key {name} works again", WORKS.format(name=name))
    FalKey.objects.filter(pk=name).update(told_open=key.is_resting)
