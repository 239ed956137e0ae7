"""Shapes of what people send; the rules are in the services."""

from datetime import datetime, timedelta

from django import forms
from django.utils import timezone

from accounts.api_keys import NAME_LENGTH
from accounts.models import Project, Role, Team
from accounts.services import open_projects, teams
from accounts.services.projects import NAME_LENGTH as PROJECT_NAME_LENGTH

SCOPE_CHOICES = (
    ("generate", "Make clips: upload pictures, get prices, start and cancel clips"),
    ("read", "See the team's clips, and the model with its settings"),
    ("billing:read", "See the balance, the statement and the usage"),
    ("admin", "Manage the team: its members, invitations, keys, projects and budgets"),
)
# What most programs need; running the team is for few.
USUAL_SCOPES = ("generate", "read", "billing:read")
OVERLAP_CHOICES = (("0", "At once"), ("1", "After an hour"), ("24", "After a day"), ("168", "After 7 days"))
EXPIRY_CHOICES = (("", "Never"), ("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year"))


class KeyBoundsForm(forms.Form):
    """What a key is for and from where it works; `project` is offered where the team has projects."""

    name = forms.CharField(
        label="Name",
        max_length=NAME_LENGTH,
        help_text="What uses it, for example: website, nightly batch.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    project = forms.ModelChoiceField(
        Project.objects.none(),
        label="Project",
        required=False,
        empty_label="No project",
        help_text="The project of its clips, unless a request names another one.",
        error_messages={"invalid_choice": "Choose one of your team's projects that is not archived."},
    )
    networks = forms.CharField(
        label="Allowed addresses",
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "203.0.113.7", "autocomplete": "off"}),
        help_text="Addresses or networks such as 203.0.113.0/24, one per line. Empty: from anywhere.",
    )

    def __init__(
        self, team: Team, data: object = None, *, kept: Project | None = None, **options: object
    ) -> None:
        super().__init__(data, **options)  # type: ignore[arg-type]
        project = self.fields["project"]
        assert isinstance(project, forms.ModelChoiceField)  # noqa: S101 (declared above)
        choices = {each.pk for each in open_projects(team)} | ({kept.pk} if kept else set())
        project.queryset = Project.objects.filter(pk__in=choices)
        if not choices:
            del self.fields["project"]

    def bounds(self) -> dict[str, object]:
        """As the services take them."""
        lines = self.cleaned_data["networks"].replace(",", "\n").splitlines()
        return {
            "name": self.cleaned_data["name"],
            "project": self.cleaned_data.get("project"),
            "networks": [line.strip() for line in lines if line.strip()],
        }


class ApiKeyForm(KeyBoundsForm):
    field_order = ("name", "scopes", "project", "expires_in", "networks")
    scopes = forms.MultipleChoiceField(
        label="Permissions",
        choices=SCOPE_CHOICES,
        widget=forms.CheckboxSelectMultiple,
        initial=USUAL_SCOPES,
        error_messages={"required": "Choose at least one thing the key may do."},
    )
    expires_in = forms.ChoiceField(label="Expires", choices=EXPIRY_CHOICES, required=False)

    def expires_at(self) -> datetime | None:
        days = self.cleaned_data["expires_in"]
        return timezone.now() + timedelta(days=int(days)) if days else None


class TeamForm(forms.Form):
    name = forms.CharField(
        label="Name",
        max_length=teams.NAME_LENGTH,
        error_messages={"required": "Give the team a name."},
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )


class InviteForm(forms.Form):
    """One address or a pasted list; what each entry is worth is for the service to say."""

    emails = forms.CharField(
        label="E-mail addresses",
        max_length=1_000_000,
        error_messages={
            "required": "Write at least one e-mail address.",
            "max_length": "This list is too long. Send it in parts of 500 addresses.",
        },
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off", "spellcheck": "false"}),
    )
    role = forms.ChoiceField(label="Role", choices=Role.choices, initial=Role.EDITOR)

    def offer(self, roles: list[str]) -> None:
        """Show only these roles."""
        self.fields["role"] = forms.ChoiceField(
            label="Role", choices=[(role, Role(role).label) for role in roles], initial=Role.EDITOR
        )


class RotateForm(forms.Form):
    overlap = forms.ChoiceField(
        label="The old secret expires", choices=OVERLAP_CHOICES, initial="24", widget=forms.RadioSelect
    )

    def overlap_time(self) -> timedelta:
        return timedelta(hours=int(self.cleaned_data["overlap"]))


class ProjectForm(forms.Form):
    name = forms.CharField(
        label="Name",
        max_length=PROJECT_NAME_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Give the project a name."},
    )
