"""Staff visits, for those they concern: the team's owners, the person whose view it was, and the visitor."""

from typing import cast

from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts import staff_access
from accounts.http import TeamRequest, requires
from accounts.models import SessionEnd, StaffSession, User
from accounts.permissions import AUDIT_VIEW
from accounts.sections import team_tabs
from accounts.services import staff_sessions

SHOWN = 50
ADDRESSES_SHOWN = 200


@require_safe
@requires(AUDIT_VIEW)
def staff_visits(request: TeamRequest) -> HttpResponse:
    """Who of the staff looked at the team, why, and what they opened."""
    visits = _shown(StaffSession.objects.filter(team=request.team))
    tabs = team_tabs(request.actor, "accounts:staff_visits")
    return render(request, "accounts/staff_visits.html", {"tabs": tabs, "sessions": visits, "is_own": False})


@require_safe
def own_staff_visits(request: HttpRequest) -> HttpResponse:
    """The visits in which staff saw a team with this person's eyes."""
    visits = _shown(StaffSession.objects.filter(person=cast(User, request.user)))
    return render(request, "accounts/settings/staff_visits.html", {"sessions": visits, "is_own": True})


@require_POST
def staff_session_end(request: HttpRequest) -> HttpResponse:
    """End the present visit; without one only lead on."""
    if not cast(User, request.user).is_staff:
        raise PermissionDenied
    session: StaffSession | None = getattr(request, "staff_session", None)
    if session is not None:
        staff_sessions.end_staff_session(session=session, how=SessionEnd.ENDED, now=timezone.now())
    response = redirect("admin:accounts_staffsession_changelist")
    staff_access.forget(request, response)
    return response


def _shown(sessions: QuerySet[StaffSession]) -> list[StaffSession]:
    """Newest first, each with the first of its addresses."""
    counted = sessions.annotate(opened=Count("visits")).select_related("staff", "person", "team")
    shown: list[StaffSession] = list(counted.order_by("-started_at")[:SHOWN])
    for session in shown:
        session.addresses = list(session.visits.all()[:ADDRESSES_SHOWN])  # type: ignore[attr-defined]
    return shown
