"""A team's home: the first steps, what is on its way, the latest clips; and the sample picture."""

from typing import Any

from django.contrib import messages
from django.contrib.staticfiles import finders
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.errors import DomainError
from accounts.http import TeamRequest, requires
from accounts.permissions import BILLING_VIEW, GENERATIONS_CREATE, GENERATIONS_VIEW
from accounts.services import people
from billing.services.forecast import forecast_of
from generations import pages
from generations.first_steps import first_steps
from generations.guidance import SAMPLE
from generations.presentation import views_of
from generations.selectors import clips_of
from generations.services import is_paused, store_image
from generations.states import TERMINAL, Status

RUNNING = 4
RECENT = 8


@require_safe
@requires(GENERATIONS_VIEW)
def home(request: TeamRequest) -> HttpResponse:
    return render(request, "generations/home.html", _home(request))


@require_POST
@requires(GENERATIONS_CREATE)
def sample(request: TeamRequest) -> HttpResponse:
    """Keep our own drawing among the team's pictures, once, and open the create form with it."""
    try:
        with open(_sample_file(), "rb") as drawing:
            image = store_image(actor=request.actor, upload=drawing, name="sample.webp")
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("generations:home", request.team.slug)
    return redirect(pages.create_address(request.team, image=image.pk, start=SAMPLE))


@require_POST
@requires(GENERATIONS_VIEW)
def first_steps_hide(request: TeamRequest) -> HttpResponse:
    people.hide_first_steps(user=request.user, team=request.team)
    return redirect("generations:home", request.team.slug)


def _home(request: TeamRequest) -> dict[str, Any]:
    team, may_see_money = request.team, request.actor.may(BILLING_VIEW)
    clips = clips_of(team)
    running = clips.exclude(status__in=TERMINAL)
    tiles = views_of([*running[:RUNNING], *clips.filter(status__in=TERMINAL)[:RECENT]])
    steps = first_steps(request.actor)
    return {
        "steps": steps,
        "steps_done": sum(each.done for each in steps),
        "running": [tile for tile in tiles if tile.clip.status not in TERMINAL],
        "running_count": running.count(),
        "recent": [tile for tile in tiles if tile.clip.status in TERMINAL],
        "failed": any(tile.clip.status == Status.FAILED for tile in tiles),
        "forecast": forecast_of(team=team, now=timezone.now()) if may_see_money else None,
        "may_create": request.actor.may(GENERATIONS_CREATE),
        "paused": is_paused(),
    }


def _sample_file() -> str:
    found = finders.find("img/sample.webp")
    if not isinstance(found, str):
        raise FileNotFoundError("img/sample.webp")
    return found
