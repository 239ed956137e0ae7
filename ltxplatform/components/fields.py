"""Form controls: a Django bound field with its label, help, error and counter."""

from collections.abc import Iterable

from django import forms, template
from django.forms import BaseForm, BoundField
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from ltxplatform.components.attrs import attributes

register = template.Library()

KINDS = frozenset({"input", "select", "check", "options", "segmented", "slider", "switch", "drop"})
_WITH_INPUT_CLASS = frozenset({"input", "select", "slider"})


@register.simple_tag
def field(
    bound: BoundField,
    *,
    kind: str = "",
    label: str = "",
    help: str = "",
    hint: str = "",
    counter: bool = False,
    optional: bool = False,
    unit: str = "",
    ticks: str = "",
    range_step: str = "",
    **attrs: object,
) -> SafeString:
    """One control with all that belongs to it; `kind` says how it looks, else the widget decides.

    `hint` opens in a popover beside the label, `help` stands under the control. `counter` counts characters
    against the field's max_length. For a slider, `ticks` are values like "9,57,121" and `range_step` is the
    range's step, when the number field beside it allows finer ones. Further attributes go to the control.
    """
    kind = kind or _kind(bound)
    if kind not in KINDS:
        raise ValueError(f"A field is one of {sorted(KINDS)}, not {kind!r}.")
    help_text = help or bound.help_text
    context = {
        "field": bound,
        "kind": kind,
        "id": bound.id_for_label or bound.auto_id,
        "name": bound.html_name,
        "label": label or bound.label,
        "help": help_text,
        "hint": hint,
        "optional": optional,
        "limit": getattr(bound.field, "max_length", None),
        "counter": counter,
        "length": len(str(bound.value() or "")),
        "errors": bound.errors,
        "unit": unit,
        "control": _control(bound, kind, has_help=bool(help_text), counter=counter, attrs=attrs),
        "widget_attrs": {**bound.field.widget.attrs, **attrs},
        "value": bound.value(),
        "ticks": [tick.strip() for tick in ticks.split(",") if tick.strip()],
        "step": range_step or bound.field.widget.attrs.get("step", 1),
        "multiple": getattr(bound.field.widget, "allow_multiple_selected", False),
    }
    return render_to_string(f"components/field_{_TEMPLATES.get(kind, kind)}.html", context)


_TEMPLATES = {"select": "input", "segmented": "options"}


@register.inclusion_tag("components/form_fields.html")
def form_fields(form: BaseForm, *, placeholders: bool = False) -> dict[str, object]:
    """Every field of a form in order, hidden ones and errors that belong to no field included."""
    return {"form": form, "placeholder": None if placeholders else False}


@register.inclusion_tag("components/form_errors.html")
def form_errors(form: BaseForm) -> dict[str, object]:
    """A banner with what is wrong with the form as a whole; nothing when nothing is."""
    return {"errors": form.non_field_errors()}


def _kind(bound: BoundField) -> str:
    widget = bound.field.widget
    if isinstance(widget, forms.CheckboxInput):
        return "check"
    if isinstance(widget, (forms.RadioSelect, forms.CheckboxSelectMultiple)):
        return "options"
    if isinstance(widget, forms.Select):
        return "select"
    return "drop" if isinstance(widget, forms.FileInput) else "input"


def _control(
    bound: BoundField, kind: str, *, has_help: bool, counter: bool, attrs: dict[str, object]
) -> SafeString:
    """The widget itself, told which texts describe it."""
    attributes(attrs)  # refuses what the Content-Security-Policy would ignore
    given = {name.replace("_", "-"): _plain(value) for name, value in attrs.items() if value is not None}
    described = _described_by(bound, has_help=has_help)
    if described:
        given.setdefault("aria-describedby", described)
    if bound.errors:
        given["aria-invalid"] = "true"
    if counter:
        given["data-counter"] = f"{bound.auto_id}-counter"
    if kind in _WITH_INPUT_CLASS:
        given["class"] = " ".join(filter(None, ["input", str(bound.field.widget.attrs.get("class", ""))]))
    if kind == "switch":
        given["role"] = "switch"
    return SafeString("") if kind in {"options", "segmented"} else bound.as_widget(attrs=given)


def _described_by(bound: BoundField, *, has_help: bool) -> str:
    parts: Iterable[str] = (
        f"{bound.auto_id}-help" if has_help else "",
        f"{bound.auto_id}-error" if bound.errors else "",
    )
    return " ".join(filter(None, parts))


def _plain(value: object) -> str | bool:
    return value if isinstance(value, bool) else str(value)
