"""The model's inputs: names, ranges, defaults and guidance, in one table.

Forms, API, command line and the body sent to fal are all made from `PARAMETERS`. Ranges follow fal's schema for
`fal-ai/ltxv-13b-098-distilled/image-to-video`; the prompt's limit of 1,000 characters is the platform's own.
`image_url` is the nineteenth input: it stands for the picture and is filled in at dispatch.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from typing import Any, Final, Literal

Kind = Literal["text", "choice", "integer", "decimal", "boolean", "loras"]

DEFAULT_NEGATIVE_PROMPT: Final = "worst quality, inconsistent motion, blurry, jittery, distorted"
FRAMES_MIN, FRAMES_MAX = 9, 1441
# LTX wants 8n + 1 frames. fal's schema does not say what it does with others, so forms offer the grid only.
FRAME_GRID: Final = 8
BILLED_FRAMES_PER_SECOND: Final = 24
FRACTION_STEP: Final = Decimal("0.05")
SEED_MAX: Final = 2**31 - 1
LORA_SCALE_MAX: Final = Decimal(4)
LORAS_MAX: Final = 10

PROMPT_REQUIRED: Final = "Prompt is required"
IMAGE_REQUIRED: Final = "Image URL is required"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One input: `guidance` is shown beside its control, `minimum`/`maximum`/`step` bound numbers."""

    name: str
    label: str
    kind: Kind
    group: Literal["basic", "advanced"]
    default: Any
    guidance: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    minimum: int | Decimal | None = None
    maximum: int | Decimal | None = None
    step: int | Decimal | None = None


PARAMETERS: Final[tuple[Parameter, ...]] = (
    Parameter(
        "prompt",
        "Prompt",
        "text",
        "basic",
        "",
        "Name the subject, what it does, where, in which style, how the camera moves, the light, and the quality "
        "you want.",
    ),
    Parameter(
        "num_frames",
        "Length",
        "integer",
        "basic",
        121,
        "Short clips 25 to 57 frames, medium 65 to 121, long from 129. Start short: every frame is paid.",
        minimum=FRAMES_MIN,
        maximum=FRAMES_MAX,
        step=FRAME_GRID,
    ),
    Parameter(
        "resolution",
        "Resolution",
        "choice",
        "basic",
        "720p",
        "480p to try ideas faster, 720p to publish. The price is the same.",
        choices=(("480p", "480p"), ("720p", "720p")),
    ),
    Parameter(
        "aspect_ratio",
        "Aspect ratio",
        "choice",
        "basic",
        "auto",
        "16:9 for screens, 9:16 for phones, 1:1 for feeds; auto follows the picture.",
        choices=(("auto", "Auto"), ("16:9", "16:9"), ("9:16", "9:16"), ("1:1", "1:1")),
    ),
    Parameter(
        "enable_detail_pass",
        "Detail pass",
        "boolean",
        "basic",
        False,
        "A second, refining pass for close-ups and final versions. It doubles the price.",
    ),
    Parameter(
        "negative_prompt",
        "Negative prompt",
        "text",
        "advanced",
        DEFAULT_NEGATIVE_PROMPT,
        "What to keep out of the clip.",
    ),
    Parameter(
        "seed",
        "Seed",
        "integer",
        "advanced",
        None,
        "The same seed with the same settings repeats a clip. Empty picks one at random.",
        minimum=0,
        maximum=SEED_MAX,
    ),
    Parameter(
        "frame_rate",
        "Frame rate",
        "integer",
        "advanced",
        24,
        "Frames shown per second. It changes how fast the clip plays, never its price: billing counts frames.",
        minimum=1,
        maximum=60,
    ),
    Parameter(
        "first_pass_num_inference_steps",
        "First-pass steps",
        "integer",
        "advanced",
        8,
        "Fast 6, balanced 8, high 12. More steps take longer.",
        minimum=2,
        maximum=12,
    ),
    Parameter(
        "second_pass_num_inference_steps",
        "Second-pass steps",
        "integer",
        "advanced",
        8,
        "Used by the detail pass. Fast 6, balanced 8, high 12.",
        minimum=2,
        maximum=12,
    ),
    Parameter(
        "second_pass_skip_initial_steps",
        "Second-pass steps to skip",
        "integer",
        "advanced",
        5,
        "The first steps of the detail pass that are left out. Leave at least two steps to run.",
        minimum=1,
        maximum=11,
    ),
    Parameter(
        "temporal_adain_factor",
        "Colour consistency",
        "decimal",
        "advanced",
        Decimal("0.5"),
        "Temporal AdaIN: 0.1 to 0.3 lets colours drift, 0.5 is balanced, 0.7 to 0.9 holds them steady.",
        minimum=Decimal(0),
        maximum=Decimal(1),
        step=FRACTION_STEP,
    ),
    Parameter(
        "tone_map_compression_ratio",
        "Tone mapping",
        "decimal",
        "advanced",
        Decimal(0),
        "0 keeps the full range, 0.5 compresses moderately, 1 most and most uniformly.",
        minimum=Decimal(0),
        maximum=Decimal(1),
        step=FRACTION_STEP,
    ),
    Parameter(
        "constant_rate_factor",
        "Picture compression",
        "integer",
        "advanced",
        29,
        "How strongly the input picture is compressed before it is used: 0 keeps it clean, 51 is the strongest. "
        "Some compression helps motion.",
        minimum=0,
        maximum=51,
    ),
    Parameter(
        "expand_prompt",
        "Expand the prompt",
        "boolean",
        "advanced",
        False,
        "A language model adds detail to the prompt. The clip's page shows the text that was used.",
    ),
    Parameter("reverse_video", "Reverse", "boolean", "advanced", False, "Plays the clip backwards."),
    Parameter(
        "enable_safety_checker",
        "Safety check",
        "boolean",
        "advanced",
        True,
        "fal checks pictures and prompts and refuses some content.",
    ),
    Parameter(
        "loras",
        "LoRAs",
        "loras",
        "advanced",
        (),
        "Add-on weights: style (an artistic look), character (a constant face), object (a constant thing). "
        "Each with the repository or address of its weights and a strength from 0 to 4.",
    ),
)
BY_NAME: Final[Mapping[str, Parameter]] = {parameter.name: parameter for parameter in PARAMETERS}

# Inference steps of first and second pass.
QUALITY_PRESETS: Final[Mapping[str, tuple[int, int]]] = {"fast": (6, 6), "balanced": (8, 8), "high": (12, 12)}


def preset_steps(name: str) -> tuple[int, int]:
    """First- and second-pass steps of a quality preset; an unknown name means balanced."""
    return QUALITY_PRESETS.get(name, QUALITY_PRESETS["balanced"])


def frames_for_seconds(seconds: Decimal) -> int:
    """The grid's nearest frame count to `seconds` of video at 24 frames a second, within the limits."""
    steps = round((seconds * BILLED_FRAMES_PER_SECOND - 1) / FRAME_GRID)
    return min(max(int(steps) * FRAME_GRID + 1, FRAMES_MIN), FRAMES_MAX)


@dataclass(frozen=True, slots=True)
class Lora:
    """Add-on weights: `path` is an address or repository, `scale` its strength from 0 to 4."""

    path: str
    scale: Decimal = Decimal(1)
    weight_name: str | None = None


@dataclass(frozen=True, slots=True)
class ClipParams:
    """What a person asked for; everything but the picture. Made by `parameter_rules.clean`, which checks it."""

    prompt: str
    negative_prompt: str = DEFAULT_NEGATIVE_PROMPT
    loras: tuple[Lora, ...] = ()
    resolution: str = "720p"
    aspect_ratio: str = "auto"
    seed: int | None = None
    num_frames: int = 121
    first_pass_num_inference_steps: int = 8
    second_pass_num_inference_steps: int = 8
    second_pass_skip_initial_steps: int = 5
    frame_rate: int = 24
    expand_prompt: bool = False
    reverse_video: bool = False
    enable_safety_checker: bool = True
    enable_detail_pass: bool = False
    temporal_adain_factor: Decimal = Decimal("0.5")
    tone_map_compression_ratio: Decimal = Decimal(0)
    constant_rate_factor: int = 29

    @property
    def priced(self) -> tuple[int, bool]:
        """What the price depends on, as `billing.services` takes it."""
        return self.num_frames, self.enable_detail_pass

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, in fal's names and types: what is stored, hashed and sent (with `image_url` added)."""
        return {item.name: _plain(getattr(self, item.name)) for item in fields(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ClipParams":
        """The inverse of `as_json`, for rows of ours; input from outside goes through `parameter_rules.clean`."""
        values = dict(data)
        values["loras"] = tuple(
            Lora(lora["path"], Decimal(str(lora["scale"])), lora.get("weight_name"))
            for lora in values["loras"]
        )
        for name in ("temporal_adain_factor", "tone_map_compression_ratio"):
            values[name] = Decimal(str(values[name]))
        return cls(**values)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return round(float(value), 2)
    if isinstance(value, tuple):
        return [_plain_lora(lora) for lora in value]
    return value


def _plain_lora(lora: Lora) -> dict[str, Any]:
    plain = {key: _plain(value) for key, value in asdict(lora).items()}
    # fal wants the weight's name only for repositories that hold several.
    return {key: value for key, value in plain.items() if value is not None}
