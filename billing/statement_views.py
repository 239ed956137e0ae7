"""The team's statement, as a page and as a file, and the proof that its books balance."""

from collections.abc import Iterator
from datetime import datetime

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.csv_export import Amount, csv_response
from accounts.http import TeamRequest, requires
from accounts.permissions import BILLING_VIEW
from billing.money import as_decimal_string
from billing.sections import billing_tabs
from billing.services.book_proof import TooLarge, prove_books
from billing.services.statement_pages import (
    BadCursor,
    Filter,
    StatementLine,
    balance_at,
    statement_lines,
    statement_page,
)
from billing.statement_forms import MomentForm, StatementForm

HEAD = (
    *("number", "time_utc", "what", "about", "person", "api_key", "clip"),
    *("available_change", "held_change", "frozen_change", "available_after", "project"),
)


@require_safe
@requires(BILLING_VIEW)
def statement(request: TeamRequest) -> HttpResponse:
    """Lines newest first, and what there was at a moment."""
    form, moment = StatementForm(request.team, request.GET), MomentForm(request.GET)
    wanted = form.wanted()
    try:
        page = statement_page(team=request.team, wanted=wanted, cursor=request.GET.get("cursor"))
    except BadCursor:
        return redirect("billing:statement", request.team.slug)
    now = timezone.now()
    at = moment.moment(now)
    context = {
        "tabs": billing_tabs(request.actor, "billing:statement"),
        "form": form,
        "moment": moment,
        "page": page,
        "is_filtered": wanted != Filter(),
        "at": at if at < now else None,
        "then": balance_at(team=request.team, at=at),
        "later_page": bool(request.GET.get("cursor")),
        "file_query": _without(request, "cursor", "at"),
    }
    return render(request, "billing/statement.html", context)


@require_safe
@requires(BILLING_VIEW)
def statement_file(request: TeamRequest) -> HttpResponseBase:
    """The same lines as CSV; read and sent in pieces, so its length does not matter."""
    wanted = StatementForm(request.team, request.GET).wanted()
    name = f"statement-{request.team.slug}-{timezone.now():%Y-%m-%d}.csv"
    return csv_response(name, HEAD, statement_rows(statement_lines(team=request.team, wanted=wanted)))


@require_http_methods(["GET", "HEAD", "POST"])
@requires(BILLING_VIEW)
def books(request: TeamRequest) -> HttpResponse:
    """A POST proves the team's books: it reads all of them."""
    context: dict[str, object] = {"tabs": billing_tabs(request.actor, "billing:statement")}
    status = 200
    if request.method == "POST":
        try:
            context["proof"] = prove_books(team=request.team, now=timezone.now())
        except TooLarge as error:
            context["refused"], status = error.message, 503
    return render(request, "billing/books.html", context, status=status)


def statement_rows(lines: Iterator[StatementLine]) -> Iterator[tuple[object, ...]]:
    """The cells under HEAD."""
    for line in lines:
        yield (
            *(
                line.number,
                _written(line.at),
                line.what,
                line.about,
                line.who.person,
                line.who.key,
                line.clip,
            ),
            *(Amount(as_decimal_string(amount)) for amount in (line.available, line.held, line.frozen)),
            None if line.balance is None else Amount(as_decimal_string(line.balance)),
            line.project or "",
        )


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _without(request: TeamRequest, *names: str) -> str:
    query = request.GET.copy()
    for name in names:
        query.pop(name, None)
    return query.urlencode()
