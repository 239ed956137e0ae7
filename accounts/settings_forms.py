"""Shapes of what people decide about their own account."""

from django import forms
from django.conf import settings
from django.utils import timezone, translation

from accounts.models import Theme, User
from accounts.moments import moment, zone_choices


class ProfileForm(forms.Form):
    name = forms.CharField(
        label="Name",
        max_length=150,
        required=False,
        help_text="The name colleagues see. Without one, they see your address.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


class DisplayForm(forms.Form):
    theme = forms.ChoiceField(label="Colours", choices=Theme.choices, widget=forms.RadioSelect)
    language = forms.ChoiceField(
        label="Language and dates",
        required=False,
        help_text="English is the only language so far. This sets how dates and times are written.",
    )
    time_zone = forms.ChoiceField(
        label="Time zone",
        required=False,
        help_text="Pages and e-mails show times in this zone. Days in limits and usage are always days in UTC.",
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        language, zone = self.fields["language"], self.fields["time_zone"]
        assert isinstance(language, forms.ChoiceField)  # noqa: S101 (declared above)
        assert isinstance(zone, forms.ChoiceField)  # noqa: S101
        language.choices = [("", "As the browser prefers"), *_languages()]
        zone.choices = [("", "Not chosen: UTC"), *zone_choices()]


def display_of(user: User) -> dict[str, str]:
    return {
        "theme": user.theme or Theme.SYSTEM.value,
        "language": user.language,
        "time_zone": user.time_zone,
    }


def _languages() -> list[tuple[str, str]]:
    """Each with the present moment as it would be written."""
    named = []
    for code, name in settings.LANGUAGES:
        with translation.override(code):
            named.append((code, f"{name}: {moment(timezone.now())}"))
    return named
