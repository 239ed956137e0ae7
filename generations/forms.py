"""The create form: how the parameters look as HTML input. The rules are in parameter_rules.py."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final
from uuid import UUID, uuid4

from django import forms
from django.conf import settings
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from accounts.actors import Actor
from accounts.errors import DomainError, FieldErrors
from accounts.models import Project
from billing.remedies import Remedy, remedy_for
from generations import parameter_rules
from generations.guidance import OPENINGS, QUALITIES, QUALITY_GUIDANCE
from generations.models import Image, Relation
from generations.parameters import (
    IMAGE_REQUIRED,
    LORAS_MAX,
    PARAMETERS,
    QUALITY_PRESETS,
    ClipParams,
    Lora,
    Parameter,
)
from generations.services import LAST, FrameChoice

STEPS: Final = ("first_pass_num_inference_steps", "second_pass_num_inference_steps")
CUSTOM: Final = "custom"
FRAME_AT_MOST: Final = 10_000  # seconds
TALL: Final = {"prompt": 5, "negative_prompt": 2}
LORA_PARTS: Final = ("path", "scale", "weight_name")
SLIDERS: Final = frozenset(
    {
        "num_frames",
        *STEPS,
        "second_pass_skip_initial_steps",
        "temporal_adain_factor",
        "tone_map_compression_ratio",
        "constant_rate_factor",
    }
)


class ParameterField(forms.Field):
    """Hands the raw value on unchecked; `kind` and `guidance` say how its control looks and what it explains."""

    def __init__(self, parameter: Parameter) -> None:
        super().__init__(required=False, label=parameter.label, widget=_widget(parameter))
        self.kind = _kind(parameter)
        self.guidance = parameter.guidance
        self.max_length = settings.PROMPT_MAX_LENGTH if parameter.name == "prompt" else None


class CreateForm(forms.Form):
    """Every input of a clip, as strings; `params` holds the checked parameters once the form is valid.

    One rule joins quality and steps: a named quality decides both step counts, "custom" leaves them to their fields.
    """

    image = forms.Field(required=False, label="Picture")
    file = forms.Field(required=False, label="Picture", widget=forms.FileInput)
    address = forms.Field(required=False, label="Picture address")
    key = forms.Field(required=False)
    # The clip this one is made from, and what it is to it.
    parent = forms.Field(required=False)
    # What the clip is for; offered where the team has projects.
    project = forms.Field(required=False, label="Project", widget=forms.Select)
    relation = forms.Field(required=False)
    quality = forms.Field(
        required=False,
        label="Quality",
        widget=forms.RadioSelect(choices=[(quality.key, quality.name) for quality in QUALITIES]),
    )

    def __init__(
        self,
        data: QueryDict | None = None,
        files: MultiValueDict[str, Any] | None = None,
        *,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data, files, initial={**_defaults(), **(initial or {})}, auto_id="create-%s")
        self.params: ClipParams | None = None
        self.has_projects = False
        self.picture: Image | None = None
        self.picture_error = ""
        # What to do about a refusal that is not about the form.
        self.remedy: Remedy | None = None
        # Characters; None for the usual limit.
        self.prompt_limit: int | None = None
        self.fields.update({parameter.name: ParameterField(parameter) for parameter in PARAMETERS})
        self.fields["quality"].guidance = QUALITY_GUIDANCE  # type: ignore[attr-defined]

    def offer_projects(self, projects: Sequence[Project]) -> None:
        """Let one of these, or none, be chosen."""
        self.has_projects = bool(projects)
        choices = [("", "No project"), *((str(project.pk), project.name) for project in projects)]
        self.fields["project"].widget.choices = choices

    @property
    def project_id(self) -> UUID | None:
        return picked(self["project"].value())

    def clean(self) -> None:
        try:
            self.params = parameter_rules.clean(self._raw(), prompt_limit=self.prompt_limit)
        except FieldErrors as error:
            self.add_refusal(error)
        if self.picture_error or self.image_id is None:
            self.add_error("image", self.picture_error or IMAGE_REQUIRED)

    def refuse(self, error: DomainError, actor: Actor) -> None:
        """Say why nothing was made, and what can be done about it."""
        self.add_error(None, error.message)
        self.remedy = remedy_for(error, actor)

    def add_refusal(self, error: FieldErrors) -> None:
        """Each sentence at its field; what belongs to no field stands above the form."""
        for name, sentences in error.errors.items():
            for sentence in sentences:
                self.add_error(name if name in self.fields else None, sentence)

    def draft(self) -> ClipParams | None:
        """What the form would ask for now, for its price: an empty prompt and wrong extras do not matter, but
        without a usable length there is no price."""
        raw = {**self._raw(), "prompt": "draft"}
        try:
            return parameter_rules.clean(raw)
        except FieldErrors as error:
            wrong = error.errors.keys()
        if "num_frames" in wrong:
            return None
        return parameter_rules.clean({name: value for name, value in raw.items() if name not in wrong})

    @property
    def image_id(self) -> UUID | None:
        """The picture sent along, else the chosen one; whether that is the team's is for the service to say."""
        return self.picture.pk if self.picture else picked(self["image"].value())

    @property
    def parent_id(self) -> UUID | None:
        """The clip this one is made from, when it is said what it is to it."""
        return picked(self["parent"].value()) if self.chosen_relation else None

    @property
    def chosen_relation(self) -> Relation | None:
        value = self["relation"].value()
        return Relation(value) if value in Relation.values else None

    @property
    def lora_rows(self) -> list[dict[str, Any]]:
        """A row for each LoRA there may be; `spare` ones are empty and appear when they are wanted."""
        given = self["loras"].value() or []
        rows = [{**dict.fromkeys(LORA_PARTS, ""), **item, "spare": False} for item in given]
        spare = [{**dict.fromkeys(LORA_PARTS, ""), "spare": True}] * (LORAS_MAX - len(rows))
        return [{**row, "number": number} for number, row in enumerate(rows + spare, start=1)]

    @property
    def idempotency_key(self) -> str:
        """The key the form was rendered with: sent twice, it makes one clip."""
        return str(picked(self["key"].value()) or uuid4())

    @property
    def new_key(self) -> str:
        """Every rendering gets its own key."""
        return str(uuid4())

    @property
    def advanced(self) -> list[forms.BoundField]:
        return [self[parameter.name] for parameter in PARAMETERS if parameter.group == "advanced"]

    @property
    def step_names(self) -> tuple[str, str]:
        return STEPS

    @property
    def advanced_is_used(self) -> bool:
        """Whether something under Advanced is wrong or differs from its default, so that it must be seen."""
        defaults = _defaults()
        return any(
            field.errors or _text(field.value()) != _text(defaults[field.name]) for field in self.advanced
        )

    def _raw(self) -> dict[str, Any]:
        raw = {parameter.name: self[parameter.name].value() for parameter in PARAMETERS}
        steps = QUALITY_PRESETS.get(str(self["quality"].value()))
        return raw | dict(zip(STEPS, steps, strict=True)) if steps else raw


class FrameForm(forms.Form):
    """Which frame of a clip to go on from: its number from 1, or the moment (s) at which it is shown."""

    frame = forms.IntegerField(required=False)
    at = forms.FloatField(required=False)

    @property
    def choice(self) -> FrameChoice:
        """The last frame where nothing usable is said; a number that the clip does not have is for the service."""
        self.is_valid()
        number, at = self.cleaned_data.get("frame"), self.cleaned_data.get("at")
        if number is not None:
            return FrameChoice(number=number - 1)
        return FrameChoice(at_ms=round(at * 1000)) if at is not None and 0 <= at < FRAME_AT_MOST else LAST


def opening_values(key: str) -> dict[str, Any]:
    """The form's first values for `?start=key`: a starter or a pattern."""
    return {"prompt": OPENINGS[key].prompt} if key in OPENINGS else {}


def values_of(params: ClipParams) -> dict[str, Any]:
    """The form's first values to ask for these parameters."""
    values = {parameter.name: getattr(params, parameter.name) for parameter in PARAMETERS}
    values["loras"] = [_lora_row(lora) for lora in params.loras]
    steps = tuple(values[name] for name in STEPS)
    named = (name for name, preset in QUALITY_PRESETS.items() if preset == steps)
    return values | {"quality": next(named, CUSTOM)}


def _defaults() -> dict[str, Any]:
    values = {parameter.name: parameter.default for parameter in PARAMETERS}
    return values | {"loras": [], "quality": "balanced"}


def _lora_row(lora: Lora) -> dict[str, str]:
    return {"path": lora.path, "scale": _text(lora.scale), "weight_name": lora.weight_name or ""}


def _text(value: Any) -> str:
    """0.50 and 0.5 are the same number to a person."""
    text = "" if value is None else str(value)
    return text.rstrip("0").rstrip(".") if "." in text and text.replace(".", "").isdigit() else text


def _kind(parameter: Parameter) -> str:
    if parameter.name in SLIDERS:
        return "slider"
    return {"choice": "segmented", "boolean": "switch"}.get(parameter.kind, "input")


def _widget(parameter: Parameter) -> forms.Widget:
    match parameter.kind:
        case "boolean":
            return forms.CheckboxInput()
        case "choice":
            return forms.RadioSelect(choices=parameter.choices)
        case "integer" | "decimal":
            return NumberInput(parameter)
        case "text":
            return forms.Textarea(attrs={"rows": TALL[parameter.name]})
        case "loras":
            return LoraRows()


class LoraRows(forms.Widget):
    """Rows of an address, a strength and a file's name; a row without address and file name says nothing.

    Drawn by templates/generations/loras.html.
    """

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> list[dict[str, str]]:
        columns = [_all_of(data, f"lora_{part}") for part in LORA_PARTS]
        rows = [dict(zip(LORA_PARTS, cells, strict=True)) for cells in zip_longest(*columns, fillvalue="")]
        named = [row for row in rows if row["path"].strip() or row["weight_name"].strip()]
        # An empty cell is no value: the strength then has its default.
        return [
            {part: cell.strip() for part, cell in row.items() if cell.strip() or part == "path"}
            for row in named
        ]


class NumberInput(forms.NumberInput):
    """A number field with the parameter's bounds; 0.50 shows as 0.5."""

    def __init__(self, parameter: Parameter) -> None:
        bounds = {"min": parameter.minimum, "max": parameter.maximum, "step": parameter.step or 1}
        super().__init__(attrs={name: str(value) for name, value in bounds.items() if value is not None})

    def format_value(self, value: Any) -> str | None:
        return None if value in (None, "") else _text(value)


def _all_of(data: Mapping[str, Any], name: str) -> list[str]:
    return data.getlist(name) if isinstance(data, MultiValueDict) else [data[name]] if name in data else []


def picked(raw: object) -> UUID | None:
    """An id as a form or an address carries it, or None for anything else."""
    try:
        return UUID(str(raw))
    except ValueError:
        return None
