"""What the style guide shows: every component's states, with made-up but plausible values."""

from datetime import UTC, datetime

from django import forms

from ltxplatform.components.media import STATUSES

RATIOS = [("auto", "Auto"), ("16:9", "16:9"), ("9:16", "9:16"), ("1:1", "1:1")]


class DemoForm(forms.Form):
    """One field of every kind."""

    prompt = forms.CharField(
        max_length=1000,
        widget=forms.Textarea,
        initial="A lighthouse at dusk, waves rolling in, slow push towards the lamp, warm light",
    )
    title = forms.CharField(required=False, help_text="Only your team sees it.")
    quality = forms.ChoiceField(choices=[("fast", "Fast"), ("balanced", "Balanced"), ("high", "High")])
    ratio = forms.ChoiceField(choices=RATIOS, initial="16:9", widget=forms.RadioSelect)
    length = forms.IntegerField(min_value=9, max_value=257, initial=121)
    detail = forms.BooleanField(required=False, initial=True, label="Detail pass")
    agree = forms.BooleanField(required=False, label="Tell me when it is ready")
    picture = forms.FileField(required=False)
    visibility = forms.ChoiceField(
        choices=[("team", "The whole team"), ("me", "Only me")], initial="team", widget=forms.RadioSelect
    )


class FailingForm(forms.Form):
    """What a form looks like when it was sent with mistakes."""

    prompt = forms.CharField(max_length=20, widget=forms.Textarea)
    image_url = forms.URLField(label="Picture address", assume_scheme="https")
    resolution = forms.ChoiceField(choices=[("480p", "480p"), ("720p", "720p")], widget=forms.RadioSelect)
    locked = forms.CharField(required=False, disabled=True, initial="Set by the owner")

    def clean(self) -> None:
        raise forms.ValidationError("Nothing was sent and nothing was charged. Two fields need a look.")


def failing_form() -> FailingForm:
    long_prompt = "A prompt that is longer than it may be"
    form = FailingForm({"prompt": long_prompt, "image_url": "not an address", "resolution": "1080p"})
    form.is_valid()
    return form


def _at(hour: int, minute: int, second: int) -> datetime:
    return datetime(2026, 11, 3, hour, minute, second, tzinfo=UTC)


def demo_context() -> dict[str, object]:
    """Everything `templates/platform/styleguide.html` draws."""
    return {
        "prompt_hint": PROMPT_HINT,
        "themes": ["light", "dark"],
        "statuses": list(STATUSES),
        "scale": ["t12", "t13", "t15", "t18", "t22", "t28", "t36"],
        "swatches": SWATCHES,
        "tab_items": TABS,
        "chip_options": [("succeeded", "Ready"), ("processing", "Rendering"), ("failed", "Failed")],
        "step_labels": ["Picture", "Prompt", "Generate"],
        "events": EVENTS,
        "facts": FACTS,
        "code": CODE,
        "entries": ENTRIES,
        "long_prompt": "An extraordinarily long prompt that somebody pasted from somewhere else " * 3,
    }


PROMPT_HINT = """Name the subject, what it does, where, and how the camera moves.

One or two sentences are enough."""
SWATCHES = ["surface", "raised", "sunken", "text", "muted", "faint", "line", "edge", "accent"]
SWATCHES += ["good", "warn", "bad", "info"]
TABS = [
    {"label": "Clip", "url": "#tabs", "current": True},
    {"label": "Recipe", "url": "#tabs", "current": False},
    {"label": "Cost", "url": "#tabs", "current": False},
]
EVENTS = [
    {"label": "In line", "at": _at(9, 41, 3), "note": "$0.1009 held"},
    {"label": "Sending", "at": _at(9, 41, 9), "tone": "info"},
    {"label": "Rendering", "at": _at(9, 41, 12), "tone": "active", "current": True, "note": "About 40 s"},
    {"label": "Ready", "at": None},
]
FACTS = [
    ("Picture", "lighthouse-at-dusk.jpg, 1920 by 1080 pixels"),
    ("Length", "121 frames, 5.04 s"),
    ("Seed", "4271983"),
    ("Request", "req_0f4c6d1e9a2b4c5d8e7f60718293a4b5c6d7e8f9"),
]
CODE = """curl https://example.com/api/v1/generations \\
  -H "Authorization: Bearer $LTX_KEY" \\
  -F prompt="The astronaut gets up and walks away" -F image=@astronaut.jpg"""
ENTRIES = [
    {"day": "3 Nov", "what": "Clip, 121 frames", "who": "mara@example.com", "amount": -100_834},
    {"day": "3 Nov", "what": "Clip, 121 frames, detail pass", "who": "jo@example.com", "amount": -201_667},
    {"day": "1 Nov", "what": "Credits bought", "who": "mara@example.com", "amount": 25_000_000},
]
