"""Who is in the team: the list, and what may be done with each member."""

from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts import services
from accounts.forms import InviteForm
from accounts.http import TeamRequest, recent_sign_in, requires
from accounts.models import Membership, Role
from accounts.permissions import BILLING_VIEW, MEMBERS_MANAGE, MEMBERS_VIEW
from accounts.sections import team_tabs
from accounts.services import MemberNotFound, RoleRefused
from accounts.services.invitations import MOST_OPEN, Invited
from accounts.services.members import ROLE_WORDS
from accounts.spending import spent_by_members

PAGE: Final = "accounts/members.html"
PAGE_SIZE: Final = 100


@dataclass(frozen=True, slots=True)
class ListedMember:
    """`spent` is µ$ this month; `roles` are those that the reader may give, empty where nothing may be changed."""

    membership: Membership
    spent: int
    roles: list[tuple[str, str]]
    may_remove: bool

    @property
    def dialog_id(self) -> str:
        return f"remove-{self.membership.user_id}"


@require_safe
@requires(MEMBERS_VIEW)
def members(request: TeamRequest) -> HttpResponse:
    return members_page(request)


@require_POST
@requires(MEMBERS_MANAGE)
@recent_sign_in
def member_role(request: TeamRequest, pk: int) -> HttpResponse:
    try:
        changed = services.change_role(actor=request.actor, user_id=pk, role=request.POST.get("role", ""))
    except MemberNotFound as error:
        raise Http404(error.message) from error
    except RoleRefused as error:
        return members_page(request, refused=error.message)
    messages.success(
        request, f"{changed.user.get_full_name()} is now {_with_article(changed.get_role_display())}."
    )
    return redirect("accounts:members", request.team.slug)


@require_POST
@requires(MEMBERS_MANAGE)
@recent_sign_in
def member_remove(request: TeamRequest, pk: int) -> HttpResponse:
    try:
        gone = services.remove_member(actor=request.actor, user_id=pk)
    except MemberNotFound as error:
        raise Http404(error.message) from error
    except RoleRefused as error:
        return members_page(request, refused=error.message)
    if gone == request.user:
        return _left(request)
    messages.success(
        request, f"{gone.get_full_name()} was removed from the team, and their API keys no longer work."
    )
    return redirect("accounts:members", request.team.slug)


@require_POST
@requires(MEMBERS_VIEW)
def leave(request: TeamRequest) -> HttpResponse:
    try:
        services.leave_team(actor=request.actor)
    except RoleRefused as error:
        return members_page(request, refused=error.message)
    return _left(request)


def members_page(
    request: TeamRequest, *, refused: str = "", form: InviteForm | None = None, outcome: Invited | None = None
) -> HttpResponse:
    """The list with everything beside it. `refused` says why something was not done, `outcome` who was not invited."""
    sees_money = request.actor.may(BILLING_VIEW)
    now = timezone.now()
    today = now.date()
    spent = spent_by_members(request.team, today.replace(day=1), today) if sees_money else {}
    page = Paginator(services.members_of(request.team), PAGE_SIZE).get_page(request.GET.get("page"))
    own = Membership.objects.filter(team=request.team, user=request.user).first()
    grantable = services.grantable_roles(own.role) if own is not None else []
    context: dict[str, Any] = {
        "tabs": team_tabs(request.actor, "accounts:members"),
        "page": page,
        "listed": [_listed(each, own, grantable, spent) for each in page],
        "sees_money": sees_money,
        "manages": bool(grantable),
        "role_words": [(Role(role).label, words) for role, words in ROLE_WORDS.items()],
        "refused": refused,
        "outcome": outcome,
    }
    if grantable:
        context["form"] = form or InviteForm()
        context["form"].offer(grantable)
        context["invitations"] = services.waiting_invitations(request.team)[:MOST_OPEN]
        context["now"] = now
    wrong = refused or outcome or (form is not None and form.errors)
    return render(request, PAGE, context, status=422 if wrong else 200)


def _listed(membership: Membership, own: Membership | None, grantable: list[str], spent: Any) -> ListedMember:
    in_reach = membership.role in grantable
    return ListedMember(
        membership,
        spent.get(membership.user_id, 0),
        [(role, Role(role).label) for role in grantable] if in_reach else [],
        in_reach and own is not None and membership.pk != own.pk,
    )


def _left(request: TeamRequest) -> HttpResponse:
    messages.success(request, f"You have left {request.team.name}.")
    return redirect("platform:home")


def _with_article(role: str) -> str:
    return f"{'an' if role[0] in 'AEO' else 'a'} {role.lower()}"
