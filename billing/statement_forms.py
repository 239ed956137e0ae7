"""What a statement may be asked for."""

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from accounts.models import ApiKey, Project, Team, User
from billing.services.statement_pages import Filter
from billing.services.statement_words import GROUPS


class NamedChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    """People, keys and projects, by their names."""

    def label_from_instance(self, each: Any) -> str:
        return each.get_full_name() if isinstance(each, User) else str(each.name)


class StatementForm(forms.Form):
    """Filters in the address; each may be empty. Days are the reader's and both included."""

    kind = forms.ChoiceField(
        label="Kind",
        required=False,
        choices=[("", "Everything"), *((key, name) for key, (name, _) in GROUPS.items())],
    )
    person = forms.ModelChoiceField(
        User.objects.none(), label="Person", required=False, empty_label="Everybody"
    )
    key = NamedChoice(ApiKey.objects.none(), label="API key", required=False, empty_label="Any")
    project = NamedChoice(Project.objects.none(), label="Project", required=False, empty_label="Any")
    since = forms.DateField(
        label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    until = forms.DateField(
        label="To", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, team: Team, data: Any) -> None:
        super().__init__(data, auto_id="statement-%s")
        person, key, project = (self.fields[name] for name in ("person", "key", "project"))
        assert isinstance(person, forms.ModelChoiceField)  # noqa: S101 (declared above)
        assert isinstance(key, forms.ModelChoiceField)  # noqa: S101
        assert isinstance(project, forms.ModelChoiceField)  # noqa: S101
        project.queryset = Project.objects.filter(team=team)
        person.queryset = User.objects.filter(memberships__team=team).order_by("name", "email")
        key.queryset = ApiKey.objects.filter(team=team).order_by("name")

    def clean(self) -> None:
        super().clean()
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and until < since:
            self.add_error("until", "The period ends before it begins.")

    def wanted(self) -> Filter:
        """What was asked for; what was not understood does not filter."""
        data = self.cleaned_data if self.is_bound and self.is_valid() else {}
        since, until = data.get("since"), data.get("until")
        person, key, project = data.get("person"), data.get("key"), data.get("project")
        return Filter(
            group=data.get("kind", ""),
            person=person.pk if person else None,
            key=key.pk if key else None,
            project=project.pk if project else None,
            since=timezone.make_aware(datetime.combine(since, time())) if since else None,
            until=timezone.make_aware(datetime.combine(until + timedelta(days=1), time())) if until else None,
        )


class MomentForm(forms.Form):
    """A past moment, by the reader's clock."""

    at = forms.DateTimeField(
        label="Balance at",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S"),
    )

    def moment(self, now: datetime) -> datetime:
        """`now` unless an earlier one was chosen."""
        at: datetime | None = self.cleaned_data.get("at") if self.is_valid() else None
        return min(at, now) if at else now
