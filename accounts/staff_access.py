"""What a visit of staff to a team means for each request: who acts, what is refused, what is written down.

The session stays the staff's own, so no page about an account is ever the member's. A small cookie says that there
may be a visit: everybody else's requests ask nothing.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone

from accounts.models import StaffSession, User
from accounts.origin import from_origin, present_origin
from accounts.permissions import STAFF_CHANGES
from accounts.services import staff_sessions

KEY: Final = "staff_session"
# Where an address carries a secret instead of a name, only its pattern is written down.
SECRET_ARGUMENTS: Final = frozenset({"token", "key", "uidb36"})
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
READ_ONLY: Final = "Staff look at this team, and change nothing here."


class StaffSessionMiddleware:
    """Finds the visit a request belongs to, marks everything done in it, and notes the address afterwards."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        session = _present(request)
        request.staff_session = session  # type: ignore[attr-defined]
        if session is None:
            return self.get_response(request)
        with from_origin(replace(present_origin(), staff_session=session.pk)):
            response = self.get_response(request)
        _note(request, session, response)
        return response


def enter_team(request: HttpRequest, slug: str, view: Callable[..., Any]) -> bool:
    """Let the visitor into the team they visit; False when this request is no visit to it.

    Raises PermissionDenied for a change that is not among STAFF_CHANGES or is made with a member's eyes, and Http404
    when that member has left.
    """
    session: StaffSession | None = getattr(request, "staff_session", None)
    if session is None or session.team.slug != slug:
        return False
    actor = staff_sessions.actor_of_session(session)
    if actor is None:
        raise Http404("The person is no longer in the team.")
    may_change = session.person_id is None and getattr(view, "permission", "") in STAFF_CHANGES
    if request.method not in SAFE and not may_change:
        raise PermissionDenied(READ_ONLY)
    request.team = session.team  # type: ignore[attr-defined]
    request.actor = actor  # type: ignore[attr-defined]
    return True


def remember(request: HttpRequest, response: HttpResponse, session: StaffSession) -> None:
    """Make the visit this browser's."""
    request.session[KEY] = str(session.pk)
    response.set_cookie(KEY, "open", httponly=True, samesite="Lax", secure=settings.SECURE_COOKIES)


def forget(request: HttpRequest, response: HttpResponse) -> None:
    request.session.pop(KEY, None)
    response.delete_cookie(KEY)


def _present(request: HttpRequest) -> StaffSession | None:
    if KEY not in request.COOKIES or not isinstance(request.user, User):
        return None
    try:
        session_id = UUID(request.session.get(KEY, ""))
    except ValueError:
        return None
    session = staff_sessions.open_session(session_id=session_id, staff=request.user)
    if session is None or staff_sessions.end_if_over(session=session, now=timezone.now()):
        request.session.pop(KEY, None)
        messages.info(request, "Your visit to the team has ended.")
        return None
    return session


def _note(request: HttpRequest, session: StaffSession, response: HttpResponse) -> None:
    match = request.resolver_match
    is_secret = match is not None and bool(SECRET_ARGUMENTS & match.kwargs.keys())
    staff_sessions.note_visit(
        session=session,
        method=request.method or "",
        route=match.route if match is not None else "",
        path="" if is_secret else request.path,
        status=response.status_code,
        now=timezone.now(),
    )
