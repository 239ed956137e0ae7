"""Staff visits to a team: begun with a reason, over after a while, told to whom they concern."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.actors import Actor, staff_actor
from accounts.audit import record
from accounts.background import enqueue
from accounts.errors import FieldErrors
from accounts.models import Membership, Role, SessionEnd, StaffSession, StaffVisit, Team, User
from accounts.permissions import ROLE_PERMISSIONS, STAFF_NEVER

TELL: Final = "accounts.tasks.tell_about_staff_session"
REASON_LEAST: Final = 10
REASON_MOST: Final = 500
BATCH: Final = 100


def start_staff_session(
    *, staff: User, team: Team, reason: str, now: datetime, person: User | None = None
) -> StaffSession:
    """Let `staff` look at the team's pages, as an operator or with the eyes of its member `person`.

    Raises FieldErrors without a real reason, for somebody who is not in the team, for whoever is not of the staff,
    and while another visit of theirs is open.
    """
    reason = " ".join(reason.split())
    errors: dict[str, list[str]] = {}
    if not REASON_LEAST <= len(reason) <= REASON_MOST:
        errors["reason"] = [f"Say why in {REASON_LEAST} to {REASON_MOST} characters. The team will read it."]
    if person is not None and not Membership.objects.filter(team=team, user=person).exists():
        errors["person"] = ["This person is not in the team."]
    if not (staff.is_staff and staff.is_active):
        errors["__all__"] = ["Only staff can visit a team."]
    if errors:
        raise FieldErrors(errors)
    end_overdue(now=now)
    try:
        return _begin(staff, team, person, reason, now)
    except IntegrityError:
        raise FieldErrors({"__all__": ["You are on another visit. End it first."]}) from None


def open_session(*, session_id: UUID, staff: User) -> StaffSession | None:
    """The visit, when it is this person's and not ended; it may be over all the same: see `end_if_over`."""
    found = StaffSession.objects.select_related("team", "person").filter(
        pk=session_id, staff=staff, ended_at=None
    )
    return found.first() if staff.is_staff and staff.is_active else None


def end_if_over(*, session: StaffSession, now: datetime) -> bool:
    """End the visit when its time is up, or when nothing was opened for too long."""
    how = _why_over(session, now)
    if how is not None:
        end_staff_session(session=session, how=how, now=now)
    return how is not None


@transaction.atomic
def end_staff_session(*, session: StaffSession, how: SessionEnd, now: datetime) -> None:
    """End the visit and tell the owners; a second end changes nothing."""
    if StaffSession.objects.filter(pk=session.pk, ended_at=None).update(ended_at=now, how_ended=how):
        record("staff_session.ended", by=_visitor(session), about=session, new={"how": how.label})
        enqueue(TELL, session_id=str(session.pk))


def note_visit(
    *, session: StaffSession, method: str, route: str, path: str, status: int, now: datetime
) -> None:
    """Write down one address that was opened."""
    StaffVisit.objects.create(
        session=session, at=now, method=method[:10], route=route[:200], path=path[:300], status=status
    )
    StaffSession.objects.filter(pk=session.pk).update(seen_at=now)


def actor_of_session(session: StaffSession) -> Actor | None:
    """Who acts in the visit: staff, never the member. None when the member whose view it is has left the team."""
    role: str = Role.OWNER
    if session.person_id is not None:
        membership = Membership.objects.filter(team=session.team_id, user=session.person_id).first()
        if membership is None:
            return None
        role = membership.role
    return _visitor(session, ROLE_PERMISSIONS[role] - STAFF_NEVER)


def end_overdue(*, now: datetime) -> int:
    """End what nobody ended, and mail again what was not told; returns how many were ended."""
    ended = 0
    for session in StaffSession.objects.select_related("team", "staff").filter(ended_at=None)[:BATCH]:
        ended += end_if_over(session=session, now=now)
    untold = StaffSession.objects.filter(told_at=None, ended_at__lt=now - timedelta(minutes=1))
    for pk in untold.values_list("pk", flat=True)[:BATCH]:
        enqueue(TELL, session_id=str(pk))
    return ended


def tell(*, session_id: UUID, now: datetime) -> None:
    """Mail the owners, and the person whose view it was, about a visit that has ended; once.

    The row is marked afterwards: better twice than never. Raises what the mail server raises.
    """
    session = StaffSession.objects.select_related("team", "person").filter(pk=session_id).first()
    if session is None or session.ended_at is None or session.told_at is not None:
        return
    owners = User.objects.filter(is_active=True, memberships__team=session.team, memberships__role=Role.OWNER)
    for reader in owners.distinct():
        if reader == session.person:
            continue
        _mail(session, reader, reverse("accounts:staff_visits", args=[session.team.slug]))
    if session.person is not None and session.person.is_active:
        _mail(session, session.person, reverse("accounts:own_staff_visits"))
    StaffSession.objects.filter(pk=session.pk).update(told_at=now)


@transaction.atomic
def _begin(staff: User, team: Team, person: User | None, reason: str, now: datetime) -> StaffSession:
    session = StaffSession.objects.create(
        staff=staff, team=team, person=person, reason=reason, started_at=now, seen_at=now
    )
    seen_as = {"as": person.pk} if person is not None else {}
    record("staff_session.started", by=_visitor(session), about=session, new={"reason": reason, **seen_as})
    return session


def _visitor(session: StaffSession, permissions: frozenset[str] = frozenset()) -> Actor:
    return staff_actor(session.team, session.staff, permissions)


def _why_over(session: StaffSession, now: datetime) -> SessionEnd | None:
    if now >= session.ends_at:
        return SessionEnd.TIME
    if now >= session.seen_at + timedelta(minutes=settings.STAFF_SESSION_IDLE_MINUTES):
        return SessionEnd.IDLE
    return None


def _mail(session: StaffSession, reader: User, path: str) -> None:
    context = {
        "session": session,
        "is_own": reader == session.person,
        "opened": session.visits.count(),
        "url": f"{settings.PUBLIC_URL}{path}" if settings.PUBLIC_URL else "",
    }
    subject, text, page = (
        render_to_string(f"emails/staff_visit.{part}", context)
        for part in ("subject.txt", "body.txt", "body.html")
    )
    message = EmailMultiAlternatives(" ".join(subject.split()), text, to=[reader.email])
    message.attach_alternative(page, "text/html")
    message.send()
