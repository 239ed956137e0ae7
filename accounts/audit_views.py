"""The team's audit log, as a page and as a file."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any, Final

from django import forms
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.audit_words import GROUPS, changes, sentence, who
from accounts.csv_export import csv_response
from accounts.http import TeamRequest, requires
from accounts.models import Team, User
from accounts.permissions import AUDIT_VIEW
from accounts.sections import team_tabs
from accounts.services.audit_log import AuditFilter, BadCursor, audit_events, audit_page

HEAD: Final = (
    *("number", "time_utc", "who", "acted_as", "api_key", "action", "what", "object_type", "object_id"),
    *("object_name", "old", "new", "address", "request_id"),
)


class AuditForm(forms.Form):
    """Filters in the address; each may be empty. Days are the reader's and both included."""

    person = forms.ModelChoiceField(
        User.objects.none(), label="Person", required=False, empty_label="Everybody"
    )
    group = forms.ChoiceField(label="About", required=False, choices=[("", "Everything"), *GROUPS.items()])
    thing = forms.CharField(label="Name", required=False, max_length=100)
    since = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, team: Team, data: Any) -> None:
        super().__init__(data, auto_id="audit-%s")
        people = User.objects.filter(memberships__team=team).order_by("name", "email")
        self.fields["person"].queryset = people  # type: ignore[attr-defined]

    def clean(self) -> None:
        super().clean()
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and until < since:
            self.add_error("until", "The period ends before it begins.")

    def wanted(self) -> AuditFilter:
        """What was asked for; nothing is filtered while something is not understood."""
        data = self.cleaned_data if self.is_valid() else {}
        since, until, person = data.get("since"), data.get("until"), data.get("person")
        return AuditFilter(
            person=person.pk if person else None,
            group=data.get("group", ""),
            thing=data.get("thing", ""),
            since=_midnight(since) if since else None,
            until=_midnight(until + timedelta(days=1)) if until else None,
        )


@require_safe
@requires(AUDIT_VIEW)
def audit_log(request: TeamRequest) -> HttpResponse:
    """Newest first."""
    form = AuditForm(request.team, request.GET)
    wanted = form.wanted()
    try:
        page = audit_page(team=request.team, wanted=wanted, cursor=request.GET.get("cursor", ""))
    except BadCursor:
        return redirect("accounts:audit_log", request.team.slug)
    query = request.GET.copy()
    query.pop("cursor", None)
    context = {
        "tabs": team_tabs(request.actor, "accounts:audit_log"),
        "form": form,
        "listed": [(event, who(event), sentence(event), changes(event)) for event in page.events],
        "older": page.older,
        "is_filtered": wanted != AuditFilter(),
        "later_page": bool(request.GET.get("cursor")),
        "file_query": query.urlencode(),
    }
    return render(request, "accounts/audit_log.html", context)


@require_safe
@requires(AUDIT_VIEW)
def audit_file(request: TeamRequest) -> HttpResponseBase:
    """The same deeds as CSV; read and sent in pieces, so its length does not matter."""
    wanted = AuditForm(request.team, request.GET).wanted()
    name = f"audit-log-{request.team.slug}-{timezone.now():%Y-%m-%d}.csv"
    return csv_response(name, HEAD, _rows(request.team, wanted))


def _rows(team: Team, wanted: AuditFilter) -> Iterator[tuple[object, ...]]:
    for event in audit_events(team=team, wanted=wanted):
        changed = changes(event)
        yield (
            *(event.pk, event.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), who(event)),
            *(event.kind, event.key_id, event.action, sentence(event)),
            *(event.object_type, event.object_id, event.object_name),
            "; ".join(f"{name}: {old}" for name, old, _ in changed if old),
            "; ".join(f"{name}: {new}" for name, _, new in changed if new),
            *(event.address, event.request_id),
        )


def _midnight(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
