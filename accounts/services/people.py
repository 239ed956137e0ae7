"""What people decide about their own account."""

from typing import Any

from django.db import transaction

from accounts.audit import record
from accounts.models import Membership, Team, Theme, User


def change_profile(*, user: User, name: str) -> None:
    """How colleagues see the person; an empty name shows the address."""
    _change(user, "account.profile_changed", name=name.strip())


def change_display(*, user: User, theme: str, language: str, time_zone: str) -> None:
    """Colours, language and clock of all pages and e-mails. The form has checked that each is one we know."""
    _change(user, "account.display_changed", theme=theme, language=language, time_zone=time_zone)


def change_theme(*, user: User, theme: str) -> None:
    """What the switch in the menu does. Raises ValueError for a theme there is not."""
    _change(user, "account.display_changed", theme=Theme(theme).value)


@transaction.atomic
def hide_first_steps(*, user: User, team: Team) -> None:
    """Put the team's first steps away for this person; colleagues keep theirs."""
    membership = Membership.objects.filter(user=user, team=team, first_steps_hidden=False).first()
    if membership is not None:
        Membership.objects.filter(pk=membership.pk).update(first_steps_hidden=True)
        record("member.first_steps_hidden", by=user, team=team, about=membership, name=user.get_full_name())


@transaction.atomic
def _change(user: User, action: str, **wanted: str) -> None:
    """Write down and save what is different; nothing when nothing is."""
    present: dict[str, Any] = User.objects.filter(pk=user.pk).values(*wanted).get()
    changed = {name: value for name, value in wanted.items() if present[name] != value}
    if not changed:
        return
    for name, value in changed.items():
        setattr(user, name, value)
    user.save(update_fields=list(changed))
    record(action, by=user, about=user, old={name: present[name] for name in changed}, new=changed)
