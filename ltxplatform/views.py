"""The pages that belong to no app: the start page and the style guide."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts.models import Membership, User
from billing.services import quote
from ltxplatform.components.demo import DemoForm, demo_context, failing_form
from ltxplatform.context import first_page

DEFAULT_FRAMES = 121


@require_safe
@login_not_required
def home(request: HttpRequest) -> HttpResponse:
    """What the platform does, for visitors; people who are signed in go on to their work."""
    if isinstance(request.user, User):
        memberships = (
            Membership.objects.filter(user=request.user).select_related("team").order_by("team__name")
        )
        membership = memberships.filter(team=request.user.last_team_id).first() or memberships.first()
        if membership is not None:
            return redirect(first_page(membership))
    default = quote(num_frames=DEFAULT_FRAMES, detail_pass=False)
    return render(request, "platform/home.html", {"default": default, "frames": DEFAULT_FRAMES})


@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Every component in every state, for staff; to everybody else the page does not exist."""
    if not (isinstance(request.user, User) and request.user.is_staff):
        raise Http404
    context = {**demo_context(), "form": DemoForm(), "failing": failing_form()}
    return render(request, "platform/styleguide.html", context)
