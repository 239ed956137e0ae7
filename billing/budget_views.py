"""Budgets: limits and what is used of them, and requests for more."""

from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.errors import DomainError, FieldErrors
from accounts.http import TeamRequest, requires, viewer_of
from accounts.moments import moment
from accounts.permissions import BUDGETS_MANAGE, GENERATIONS_CREATE, GENERATIONS_VIEW
from billing.budget_forms import AnswerForm, AskForm, CapForm, LimitForm, RaiseForm
from billing.models import Limit, RaiseRequest
from billing.money import format_exact
from billing.sections import billing_tabs
from billing.services import limit_changes, raise_requests
from billing.services.allowances import Allowance, allowance_of, allowances_of
from billing.services.limit_changes import LimitNotFound
from billing.services.people import owners_of
from billing.services.raise_requests import Lasting, RequestNotFound

PAGE = "billing/budgets.html"


@require_safe
@requires(GENERATIONS_VIEW)
def budgets(request: TeamRequest) -> HttpResponse:
    """Owners see everybody's limits and what waits for them; everybody else their own."""
    return render(request, PAGE, _page(request))


@require_POST
@requires(BUDGETS_MANAGE)
def limit_set(request: TeamRequest) -> HttpResponse:
    form = LimitForm(request.team, request.POST)
    if form.is_valid():
        values = form.cleaned_data
        try:
            limit = limit_changes.cap_spending(
                actor=request.actor, subject=values["subject"], period=values["period"], cap=values["amount"]
            )
        except FieldErrors as error:
            for name, sentences in error.errors.items():
                form.add_error(name, sentences)
        else:
            return _done(request, _said(allowance_of(limit=limit, now=timezone.now())))
    return render(request, PAGE, _page(request, form=form), status=422)


@require_POST
@requires(BUDGETS_MANAGE)
def limit_change(request: TeamRequest, pk: int) -> HttpResponse:
    return _change(request, pk, CapForm(request.POST))


@require_POST
@requires(BUDGETS_MANAGE)
def limit_raise(request: TeamRequest, pk: int) -> HttpResponse:
    return _change(request, pk, RaiseForm(request.POST))


@require_POST
@requires(BUDGETS_MANAGE)
def limit_remove(request: TeamRequest, pk: int) -> HttpResponse:
    try:
        limit = limit_changes.remove_limit(actor=request.actor, limit_id=pk, now=timezone.now())
    except LimitNotFound as error:
        raise Http404(error.message) from error
    named = allowance_of(limit=limit, now=timezone.now()).subject
    return _done(
        request, f"{named} is no longer limited to {format_exact(limit.cap)} {limit.get_period_display()}."
    )


@require_http_methods(["GET", "HEAD", "POST"])
@requires(GENERATIONS_CREATE)
def ask(request: TeamRequest, pk: int) -> HttpResponse:
    """Ask for more of a limit on oneself or on a project; the amount that is missing may stand in the address."""
    mine = {
        each.limit.pk: each
        for each in allowances_of(team=request.team, now=timezone.now(), user=viewer_of(request))
    }
    if pk not in mine:
        _there_is(request, pk)
        messages.info(request, "That limit is not on you.")
        return redirect("billing:budgets", request.team.slug)
    form = AskForm(
        request.POST if request.method == "POST" else None, initial={"amount": request.GET.get("amount", "")}
    )
    if request.method == "POST" and form.is_valid():
        try:
            raise_requests.ask_for_more(actor=request.actor, limit_id=pk, **form.cleaned_data)
        except FieldErrors as error:
            for name, sentences in error.errors.items():
                form.add_error(name, sentences)
        else:
            return _done(
                request,
                "Your request was sent to the owners of your team. You will get their answer by e-mail.",
            )
    context = {"form": form, "allowance": mine[pk], "owners": _names(request), "tabs": _tabs(request)}
    return render(request, "billing/ask.html", context, status=422 if form.errors else 200)


@require_POST
@requires(BUDGETS_MANAGE)
def request_approve(request: TeamRequest, pk: int) -> HttpResponse:
    form = AnswerForm(request.POST)
    get_object_or_404(RaiseRequest, team=request.team, pk=pk)
    if not form.is_valid():
        return _refused(request, _first_error(form))
    values = form.cleaned_data
    try:
        done = raise_requests.approve_request(
            actor=request.actor,
            request_id=pk,
            amount=values["amount"],
            lasting=Lasting(values["lasting"]),
            note=values["note"],
            now=timezone.now(),
        )
    except DomainError as error:
        return _refused(request, _sentence(error))
    who = done.asked_by.get_full_name()
    return _done(request, f"{who} may spend {format_exact(done.granted)} more from now on.")


@require_POST
@requires(BUDGETS_MANAGE)
def request_decline(request: TeamRequest, pk: int) -> HttpResponse:
    note = request.POST.get("note", "")
    try:
        done = raise_requests.decline_request(
            actor=request.actor, request_id=pk, note=note.replace("\x00", ""), now=timezone.now()
        )
    except RequestNotFound as error:
        raise Http404(error.message) from error
    except DomainError as error:
        return _refused(request, error.message)
    return _done(request, f"{done.asked_by.get_full_name()} will be told that the limit stays as it is.")


def _change(request: TeamRequest, pk: int, form: CapForm | RaiseForm) -> HttpResponse:
    """A cap, or with a RaiseForm one for a time; what is wrong is said above the list."""
    now = timezone.now()
    _there_is(request, pk)
    if not form.is_valid():
        return _refused(request, _first_error(form))
    try:
        change: dict[str, Any] = {"actor": request.actor, "limit_id": pk, "cap": form.cleaned_data["amount"]}
        if isinstance(form, RaiseForm):
            limit = limit_changes.raise_for_a_time(**change, until=form.until(now), now=now)
        else:
            limit = limit_changes.change_cap(**change)
    except LimitNotFound as error:
        raise Http404(error.message) from error
    except FieldErrors as error:
        return _refused(request, _sentence(error))
    return _done(request, _said(allowance_of(limit=limit, now=now)))


def _page(request: TeamRequest, **more: Any) -> dict[str, Any]:
    now = timezone.now()
    manages = request.actor.may(BUDGETS_MANAGE)
    mine = allowances_of(team=request.team, now=now, user=viewer_of(request))
    context = {
        "tabs": _tabs(request),
        "manages": manages,
        "may_ask": request.actor.may(GENERATIONS_CREATE),
        "mine": mine,
        "asked": raise_requests.requests_by(request.team, viewer_of(request)),
        "owners": _names(request),
    }
    if manages:
        waiting = [
            (each, raise_requests.lasting_choices(each.limit))
            for each in raise_requests.open_requests(request.team)
        ]
        context |= {
            "everybody": allowances_of(team=request.team, now=now),
            "waiting": waiting,
            "form": LimitForm(request.team, initial={"subject": request.GET.get("subject", "")}),
            "ends": RaiseForm.base_fields["days"].choices,  # type: ignore[attr-defined]
        }
    return {**context, **more}


def _there_is(request: TeamRequest, pk: int) -> None:
    """Raise Http404 unless the limit is the team's and counts."""
    get_object_or_404(Limit, team=request.team, pk=pk, active=True)


def _refused(request: TeamRequest, sentence: str) -> HttpResponse:
    return render(request, PAGE, _page(request, refused=sentence), status=422)


def _first_error(form: Form) -> str:
    return str(next(iter(form.errors.values()))[0])


def _sentence(error: DomainError) -> str:
    return next(iter(error.errors.values()))[0] if isinstance(error, FieldErrors) else error.message


def _said(allowance: Allowance) -> str:
    until = f" until {moment(allowance.raised_until)}" if allowance.raised_until else ""
    return f"{allowance.subject} may spend {format_exact(allowance.cap)} {allowance.each}{until}."


def _names(request: TeamRequest) -> list[str]:
    return [owner.get_full_name() for owner in owners_of(request.team)[:3]]


def _tabs(request: TeamRequest) -> list[dict[str, object]]:
    return billing_tabs(request.actor, "billing:budgets")


def _done(request: TeamRequest, sentence: str) -> HttpResponse:
    messages.success(request, sentence)
    return redirect("billing:budgets", request.team.slug)
