"""What helps people write a prompt and spend well: shown beside the controls they are about."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class PromptPart:
    """One of the seven parts of an effective prompt; `blank` is what its button writes."""

    name: str
    advice: str
    blank: str


@dataclass(frozen=True, slots=True)
class Opening:
    """A first text for an empty prompt: a finished starter, or a pattern with [blanks] to fill."""

    key: str
    name: str
    use: str
    prompt: str


@dataclass(frozen=True, slots=True)
class Quality:
    """A pair of step counts with a name."""

    key: str
    name: str


PROMPT_PARTS: Final = (
    PromptPart("Subject", "Describe the main subject clearly.", "[subject]"),
    PromptPart("Action", "Say what the subject is doing.", "[action]"),
    PromptPart("Setting", "Include the place and what surrounds it.", "in [setting]"),
    PromptPart("Style", "Name an artistic style or a film technique.", "[style] style"),
    PromptPart("Camera", "Describe the framing and how the camera moves.", "[camera movement]"),
    PromptPart("Lighting", "Say what the light is like, and the mood.", "[lighting]"),
    PromptPart("Quality", "Add adjectives for the look you expect.", "high resolution, [detail]"),
)

PROMPT_GOOD: Final = (
    "A majestic eagle soars through a golden sunset sky, wings spread wide, "
    "cinematic wide shot with warm lighting"
)
PROMPT_BETTER: Final = (
    "A majestic eagle with detailed feathers soars gracefully through a golden sunset sky, wings fully extended, "
    "cinematic wide tracking shot with warm golden hour lighting, high resolution"
)

PROMPT_HINT: Final = "\n\n".join(
    (
        "A prompt that works names these seven:",
        *(f"{number}. {part.name}: {part.advice}" for number, part in enumerate(PROMPT_PARTS, start=1)),
        f"Good: {PROMPT_GOOD}",
        f"Better: {PROMPT_BETTER}",
    )
)

STARTERS: Final = (
    Opening(
        "product",
        "Product demonstration",
        "Show a product in motion, for marketing or to demonstrate what it does.",
        "The product turns slowly on a clean pedestal and shows each side, in a bright studio, modern commercial "
        "style, smooth orbiting camera, soft key light with gentle reflections, crisp high resolution detail",
    ),
    Opening(
        "character",
        "Character animation",
        "Bring a still character to life: avatars, mascots, stories led by a character.",
        "The character looks up, smiles and waves at the viewer in a quiet garden, natural film style, slow push-in "
        "from a medium shot, warm morning light, lifelike motion and fine detail",
    ),
    Opening(
        "style",
        "Style transfer",
        "Give a photograph an artistic look that moves.",
        "The scene comes alive as a watercolour painting, the wind moves through leaves and clothes, visible brush "
        "strokes and paper texture, static wide shot, soft diffuse light, rich and harmonious colours",
    ),
    Opening(
        "diagram",
        "Teaching diagram",
        "Animate a diagram or an illustration so that it explains itself.",
        "The parts of the diagram move one after another to show how the process works, on a plain background, clean "
        "flat illustration style, static frontal camera, even lighting, sharp lines and readable shapes",
    ),
    Opening(
        "story",
        "Short story",
        "One moment of a visual story.",
        "A traveller stops on a hill, lowers the hood and looks at the valley where the first lights appear, cinematic "
        "fantasy style, slow crane shot rising behind the shoulder, blue dusk with warm distant lights, atmospheric, "
        "highly detailed",
    ),
)

PATTERNS: Final = (
    Opening("character", "Character", "A character that acts", "The [character] [action] in [setting]"),
    Opening(
        "environment", "Environment", "A place and its mood", "A [scene] with [lighting] and [atmosphere]"
    ),
    Opening(
        "cinematic", "Cinematic", "A shot as in a film", "A [shot type] of [subject] with [camera movement]"
    ),
    Opening("artistic", "Artistic", "A moving painting", "A [style] painting of [subject] with [details]"),
)
# The text that comes with our sample picture.
SAMPLE: Final = "sample"
OPENINGS: Final = {
    SAMPLE: Opening(
        SAMPLE,
        "Sample",
        "What may happen in the sample picture.",
        "A sailing boat drifts across a calm sea at dusk while the lighthouse beam sweeps slowly over the water, "
        "natural film style, static wide shot, warm low sun, gentle waves, high resolution",
    ),
    **{f"starter-{opening.key}": opening for opening in STARTERS},
    **{f"pattern-{opening.key}": opening for opening in PATTERNS},
}


@dataclass(frozen=True, slots=True)
class Length:
    """A usual length on the 8n + 1 grid."""

    frames: int
    name: str


LENGTHS: Final = (
    Length(25, "1 s"),
    Length(57, "2 s"),
    Length(121, "5 s"),
    Length(241, "10 s"),
    Length(721, "30 s"),
    Length(1441, "60 s"),
)

QUALITIES: Final = (
    Quality("fast", "Fast"),
    Quality("balanced", "Balanced"),
    Quality("high", "High"),
    Quality("custom", "Custom"),
)
QUALITY_GUIDANCE: Final = (
    "How many steps each pass takes. Fast uses 6 and 6, balanced 8 and 8, high 12 and 12: more steps look better and "
    "take longer, at the same price.\n\nCustom uses the steps under Advanced."
)

LORA_HINT: Final = "\n\n".join(
    (
        "Add-on weights: their repository or https:// address, the strength from 0 to 4 (1 when left out), and for a "
        "repository with several weights the name of the file.",
        "Style LoRAs keep an artistic style, character LoRAs the look of a character, object LoRAs that of a thing.",
        "For example owner/anime-style-lora at 0.8. Addresses may lead to Hugging Face, Civitai or fal.",
    )
)

TABLE_HINT: Final = "\n\n".join(
    (
        "The first line names the columns: prompt, seed, num_frames and the other inputs by their API names, image "
        "(the id of a picture) or image_url (its https:// address). Every other line is a clip.",
        "An empty cell takes what is chosen in the form. Columns are separated by commas, semicolons or tabs.",
        "prompt,seed,num_frames",
        "A boat drifts over a calm lake,1,57",
    )
)

PICTURE_TIP: Final = (
    "A sharp, well-lit picture gives a better clip. JPEG, PNG or WebP; best at least as large as the clip."
)

SAVINGS: Final = (
    "Try ideas at 480p: the price is the same, but they are ready sooner.",
    "Leave the detail pass off until you like the result. It doubles the price.",
    "Use the fewest frames that tell it. Start with 25 to 57.",
    "Put several clips in line and go on working: nothing has to wait for you.",
    "A clear, specific prompt saves a second attempt.",
)
PLANNING: Final = (
    "Plan $0.10 to $0.50 a clip while you try things out, $0.20 to $2.00 in production, and up to $2.41 for the "
    "longest clip with the detail pass."
)
