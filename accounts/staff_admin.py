"""Staff screens about visits to teams: where one begins, and what was opened in it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from accounts import staff_access
from accounts.errors import FieldErrors
from accounts.models import StaffSession, StaffVisit, Team, User
from accounts.services import staff_sessions
from accounts.staff_site import ReadOnlyAdmin, ReadOnlyTable, as_uuid, count_of


class StaffSessionForm(forms.Form):
    team = forms.CharField(
        label="Team",
        help_text="Its short name (as in its addresses), or its id.",
        widget=UnfoldAdminTextInputWidget,
    )
    person = forms.CharField(
        label="Member",
        required=False,
        help_text="E-mail address of the member whose view you need. Empty: as an operator, who may cancel clips.",
        widget=UnfoldAdminTextInputWidget,
    )
    reason = forms.CharField(
        label="Reason",
        max_length=staff_sessions.REASON_MOST,
        help_text="The team's owners read it afterwards.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )

    def clean_team(self) -> Team:
        name = self.cleaned_data["team"].strip()
        identifier = as_uuid(name)
        found = Team.objects.filter(pk=identifier) if identifier else Team.objects.filter(slug=name)
        team = found.first()
        if team is None:
            raise forms.ValidationError("There is no such team.")
        return team

    def clean_person(self) -> User | None:
        address = self.cleaned_data["person"].strip()
        person = User.objects.filter(email__iexact=address).first() if address else None
        if address and person is None:
            raise forms.ValidationError("Nobody has this address.")
        return person


class VisitTable(ReadOnlyTable):
    model = StaffVisit
    fields = readonly_fields = ("at", "method", "path", "route", "status")
    verbose_name_plural = "addresses opened"


@admin.register(StaffSession)
class StaffSessionAdmin(ReadOnlyAdmin):
    list_display = ("started_at", "staff", "team", "person", "reason", "opened", "ended_at", "how_ended")
    list_filter = ("how_ended", "started_at")
    list_select_related = ("staff", "team", "person")
    search_fields = ("team__slug", "staff__email", "person__email", "reason")
    uuid_lookups = ("pk", "team")
    ordering = ("-started_at",)
    inlines = (VisitTable,)
    actions_list = ("start", "end")
    fields = readonly_fields = (
        "id",
        "staff",
        "team",
        "person",
        "reason",
        "started_at",
        "seen_at",
        "ended_at",
        "how_ended",
        "told_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[StaffSession]:
        return super().get_queryset(request).annotate(visits_total=count_of(StaffVisit, "session"))

    @display(description="addresses", ordering="visits_total")
    def opened(self, session: StaffSession) -> int:
        return session.visits_total  # type: ignore[attr-defined]

    @action(description="Visit a team", url_path="start", permissions=["view"])
    def start(self, request: HttpRequest) -> HttpResponse:
        given = {name: request.GET[name] for name in ("team", "person") if name in request.GET}
        form = StaffSessionForm(request.POST or None, initial=given)
        if request.method == "POST" and form.is_valid():
            started = self._started(request, form)
            if started is not None:
                response = redirect("generations:clips", started.team.slug)
                staff_access.remember(request, response, started)
                return response
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": "Visit a team",
            "form": form,
        }
        return render(request, "accounts/staff/start.html", context, status=422 if form.errors else 200)

    @action(description="End my visit", url_path="end", permissions=["view"])
    def end(self, request: HttpRequest) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "title": "End my visit"}
        if getattr(request, "staff_session", None) is None:
            self.message_user(request, "You are not on a visit.")
            return redirect(reverse("admin:accounts_staffsession_changelist"))
        return render(request, "accounts/staff/end.html", context)

    def _started(self, request: HttpRequest, form: StaffSessionForm) -> StaffSession | None:
        assert isinstance(request.user, User)  # noqa: S101 - the staff site lets nobody else in
        data = form.cleaned_data
        try:
            return staff_sessions.start_staff_session(
                staff=request.user,
                team=data["team"],
                person=data["person"],
                reason=data["reason"],
                now=timezone.now(),
            )
        except FieldErrors as error:
            for name, sentences in error.errors.items():
                form.add_error(None if name == "__all__" else name, sentences)
            return None
