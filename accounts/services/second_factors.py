"""Who needs a second factor, who has one, and a team's rule about it."""

from collections.abc import Collection
from functools import partial

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string

from accounts.actors import Actor
from accounts.audit import record
from accounts.errors import DomainError
from accounts.models import Team, User
from accounts.services.sessions import end_other_sessions

# What signs in by itself or after a password; recovery codes only stand in for one of these.
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


class OwnFactorFirst(DomainError):
    code = "own_factor_first"


def has_second_factor(user: User) -> bool:
    return bool(Authenticator.objects.filter(user=user, type__in=FACTORS).exists())


def people_with_factors(people: Collection[int]) -> set[int]:
    """Of these people's ids, those with a second factor."""
    found = Authenticator.objects.filter(user__in=people, type__in=FACTORS)
    return set(found.values_list("user_id", flat=True))


def is_kept_out(user: User, team: Team) -> bool:
    """Whether the team's rule hides it from this member until they set a second factor up."""
    return bool(team.requires_second_factor) and not has_second_factor(user)


def is_kept_from_staff_site(user: User) -> bool:
    return bool(settings.STAFF_NEEDS_SECOND_FACTOR) and not has_second_factor(user)


@transaction.atomic
def require_second_factor(*, actor: Actor, required: bool) -> None:
    """Set the team's rule; the same again changes nothing. API keys are not affected.

    Raises OwnFactorFirst when whoever sets it would be kept out by it. Locks the team.
    """
    team = Team.objects.select_for_update().get(pk=actor.team.pk)
    if team.requires_second_factor == required:
        return
    if required and actor.user is not None and not has_second_factor(actor.user):
        raise OwnFactorFirst(
            "Set up a second factor for yourself first, or you would lock yourself out of the team."
        )
    team.requires_second_factor = required
    team.save(update_fields=["requires_second_factor"])
    record(
        "team.second_factor_rule_changed",
        by=actor,
        about=team,
        old={"requires_second_factor": not required},
        new={"requires_second_factor": required},
    )


@transaction.atomic
def remove_factors(*, user: User, reason: str) -> int:
    """Take all second factors away, recovery codes included, end all sessions and tell the person; says how many.

    For operators, when everything is lost: it is the way around the lock.
    """
    removed: int = Authenticator.objects.filter(user=user).delete()[0]
    record("user.factors_removed", by=None, about=user, old={"factors": removed}, new={"reason": reason})
    end_other_sessions(user, keep=None)
    tell = partial(
        send_mail,
        "Your second factors were removed",
        render_to_string("emails/factors_removed.body.txt", {"user": user}),
        None,
        [user.email],
        html_message=render_to_string("emails/factors_removed.body.html", {"user": user}),
    )
    transaction.on_commit(tell)
    return removed
