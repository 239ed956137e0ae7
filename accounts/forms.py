"""Shapes of what people send; the rules are in the services."""

from datetime import datetime, timedelta

from django import forms
from django.utils import timezone

from accounts.api_keys import NAME_LENGTH
from accounts.models import Role
from accounts.services import teams

SCOPE_CHOICES = (
    ("generate", "Make clips: upload pictures, get prices, start and cancel clips"),
    ("read", "See the team's clips, and the model with its settings"),
    ("billing:read", "See the balance"),
    ("admin", "Manage the team: its members, invitations, keys, projects and budgets"),
)
EXPIRY_CHOICES = (("", "Never"), ("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year"))


class ApiKeyForm(forms.Form):
    name = forms.CharField(
        label="Name",
        max_length=NAME_LENGTH,
        help_text="What uses it, for example: website, nightly batch.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        choices=SCOPE_CHOICES,
        widget=forms.CheckboxSelectMultiple,
        # Programs that make clips need no power over people.
        initial=[value for value, _ in SCOPE_CHOICES if value != "admin"],
        error_messages={"required": "Choose at least one thing the key may do."},
    )
    expires_in = forms.ChoiceField(label="Stops working", choices=EXPIRY_CHOICES, required=False)

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
