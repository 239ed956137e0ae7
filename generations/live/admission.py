"""Who may follow which clips. Ordinary database work: the event loop runs it in a thread."""

from collections.abc import Collection
from dataclasses import dataclass
from importlib import import_module
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.models import Session
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from accounts.actors import Actor, member_actor
from accounts.errors import DomainError
from accounts.models import ApiKey, Membership, User
from accounts.permissions import GENERATIONS_VIEW, ROLE_PERMISSIONS
from accounts.services.second_factors import FACTORS, is_kept_out


class SignedOut(DomainError):
    code = "unauthenticated"


class NotOfThisTeam(DomainError):
    code = "not_found"


@dataclass(frozen=True, slots=True)
class Admission:
    """A right to a stream and what it rests on: a membership, and a session or an API key."""

    user_id: int
    team_id: UUID
    # Ends with the password it was signed in with. Python's own hash: it never leaves the process.
    password_mark: int
    session_key: str = ""
    key_id: UUID | None = None


def admit_member(request: HttpRequest, *, team_slug: str) -> Admission:
    """For the person of the session cookie. Raises SignedOut, and NotOfThisTeam for a team they are not in."""
    session_key = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key or None)
    user = get_user(request)
    if not isinstance(user, User):
        raise SignedOut("Sign in to follow your team's clips.")
    membership = (
        Membership.objects.filter(team__slug=team_slug, user=user).select_related("team", "user").first()
    )
    if membership is None or not member_actor(membership).may(GENERATIONS_VIEW):
        raise NotOfThisTeam("There is no such team.")
    if is_kept_out(user, membership.team):
        raise NotOfThisTeam("The team is open to members with a second factor.")
    return Admission(user.pk, membership.team_id, hash(user.password), session_key=session_key)


def admission_of_key(actor: Actor) -> Admission:
    """For a program whose key was checked just now."""
    if actor.user is None or actor.key is None:
        raise TypeError("An API key has a maker.")
    return Admission(actor.user.pk, actor.team.pk, 0, key_id=actor.key.pk)


def ended(admissions: Collection[Admission]) -> set[Admission]:
    """Those whose right has ended: out of the team, without the second factor it asks for, signed out, another
    password, key revoked. Four queries at most, however many streams are open."""
    now = timezone.now()
    people = {admission.user_id for admission in admissions}
    members = Membership.objects.filter(user__in=people, user__is_active=True)
    rights = {
        (user, team): hash(password)
        for user, team, role, password in members.values_list("user", "team", "role", "user__password")
        if GENERATIONS_VIEW in ROLE_PERMISSIONS[role]
    }
    closed = set(
        members.filter(team__requires_second_factor=True)
        .exclude(user__authenticator__type__in=FACTORS)
        .values_list("user", "team")
    )
    sessions = {admission.session_key for admission in admissions} - {""}
    signed_in = set(
        Session.objects.filter(session_key__in=sessions, expire_date__gt=now).values_list("pk", flat=True)
    )
    keys = {admission.key_id for admission in admissions} - {None}
    not_expired = Q(expires_at__isnull=True) | Q(expires_at__gt=now)
    usable = set(
        ApiKey.objects.filter(not_expired, pk__in=keys, revoked_at__isnull=True).values_list("pk", flat=True)
    )
    return {
        admission
        for admission in admissions
        if not _holds(admission, rights, signed_in, usable)
        or (admission.session_key and (admission.user_id, admission.team_id) in closed)
    }


def _holds(
    admission: Admission, rights: dict[tuple[int, UUID], int], signed_in: set[str], usable: set[UUID]
) -> bool:
    mark = rights.get((admission.user_id, admission.team_id))
    if mark is None:
        return False
    if admission.key_id is not None:
        return admission.key_id in usable
    return admission.session_key in signed_in and mark == admission.password_mark
