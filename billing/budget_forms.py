"""Shapes of what owners and members send about limits; the rules are in the services."""

from datetime import datetime, timedelta
from typing import Final

from django import forms

from accounts.models import ApiKey, Team, User
from accounts.services import open_projects
from billing.dollars import DollarField
from billing.models import Period
from billing.services.raise_requests import REASON_LENGTH, Lasting

PERIODS: Final = [
    (Period.DAY.value, "Per day"),
    (Period.WEEK.value, "Per week"),
    (Period.MONTH.value, "Per month"),
    (Period.TOTAL.value, "In total"),
    (Period.JOB.value, "Per clip"),
]
ENDS: Final = [("1", "For 24 hours"), ("7", "For 7 days"), ("30", "For 30 days")]


class LimitForm(forms.Form):
    """Who may spend how much, how often."""

    subject = forms.ChoiceField(
        label="Applies to", error_messages={"required": "Choose a member, a project or a key."}
    )
    period = forms.ChoiceField(label="Period", choices=PERIODS, initial=Period.DAY, widget=forms.RadioSelect)
    amount = DollarField(label="Limit in dollars")

    def __init__(self, team: Team, data: object = None, **options: object) -> None:
        super().__init__(data, auto_id="limit-%s", **options)  # type: ignore[arg-type]
        members = User.objects.filter(memberships__team=team).order_by("name", "email")
        keys = ApiKey.objects.filter(team=team, revoked_at=None).order_by("name")
        projects = open_projects(team)
        subject = self.fields["subject"]
        assert isinstance(subject, forms.ChoiceField)  # noqa: S101 (declared above)
        subject.choices = [
            ("", "Choose a member, a project or a key"),
            ("Members", [(f"member:{member.pk}", member.get_full_name()) for member in members]),
            *([("Projects", [(f"project:{each.pk}", each.name) for each in projects])] if projects else []),
            *([("API keys", [(f"key:{key.pk}", key.name) for key in keys])] if keys else []),
        ]


class CapForm(forms.Form):
    amount = DollarField(label="Limit in dollars")


class RaiseForm(forms.Form):
    amount = DollarField(label="Limit in dollars", help_text="Replaces the usual limit until then.")
    days = forms.ChoiceField(label="For how long", choices=ENDS, initial="1", widget=forms.RadioSelect)

    def until(self, now: datetime) -> datetime:
        return now + timedelta(days=int(self.cleaned_data["days"]))


class AskForm(forms.Form):
    amount = DollarField(label="How much more, in dollars")
    reason = forms.CharField(
        label="Reason",
        max_length=REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Say in a sentence what it is for."},
    )


class AnswerForm(forms.Form):
    """An owner's answer; the amount and its time count for an approval only."""

    amount = DollarField(label="How much more, in dollars")
    lasting = forms.ChoiceField(label="For how long", choices=[(each.value, each.value) for each in Lasting])
    note = forms.CharField(label="Message", required=False, max_length=REASON_LENGTH)
