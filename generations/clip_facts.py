"""What a clip's page lists about it: what it cost, what happened when, and every setting."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.money import format_cost, format_exact
from billing.services import Hold, steps_of
from generations.models import Generation, GenerationEvent
from generations.parameters import BY_NAME, PARAMETERS, Lora
from generations.presentation import duration
from generations.states import RELEASING, Status


def price_line(clip: Generation, hold: Hold | None) -> str:
    """What the clip costs, has cost or did not cost."""
    if hold is None:
        return ""
    if hold.state == "open":
        return f"{format_cost(hold.amount)} is held. You pay only when the clip is ready."
    if hold.captured == 0:
        return f"Nothing was charged. {format_cost(hold.released)} is back in the team's credit."
    rest = f" {format_cost(hold.released)} was returned." if hold.released else ""
    return f"{format_cost(hold.captured)} was charged.{rest}"


def price_formula(clip: Generation, hold: Hold | None) -> str:
    """How what is held or was charged comes about; nothing where nothing was."""
    if hold is None or (hold.is_settled and not hold.captured):
        return ""
    frames = clip.frames if hold.released and clip.frames else hold.num_frames
    amount = hold.captured if hold.is_settled else hold.amount
    return f"{steps_of(frames, hold.passes, hold.rate_nanos)} = {format_exact(amount)}"


def timeline_of(events: Iterable[GenerationEvent]) -> list[dict[str, Any]]:
    """Each state with the time it began and how long it lasted."""
    rows = list(events)
    ends: list[datetime | None] = [event.created_at for event in rows[1:]]
    ends.append(None)
    return [
        {
            "label": Status(event.to_status).label,
            "at": event.created_at,
            "note": duration(end - event.created_at) if end else "",
            "tone": _tone(event.to_status, is_last=end is None),
            "current": end is None,
        }
        for event, end in zip(rows, ends, strict=True)
    ]


def recipe_of(clip: Generation) -> list[tuple[str, str]]:
    """Every setting under its label, then the seed that was used."""
    params = clip.clip_params
    shown = [
        (parameter.label, _shown(parameter.name, getattr(params, parameter.name)))
        for parameter in PARAMETERS
        if parameter.name not in {"prompt", "seed"}
    ]
    wished = "Random" if params.seed is None else str(params.seed)
    return [*shown, ("Seed", str(clip.used_seed) if clip.used_seed is not None else wished)]


def _tone(status: str, *, is_last: bool) -> str:
    if status == Status.SUCCEEDED:
        return "good"
    if status in {Status.FAILED, Status.REJECTED}:
        return "bad"
    return "active" if is_last and status not in RELEASING else "quiet"


def _shown(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "On" if value else "Off"
    match name:
        case "num_frames":
            return f"{value} frames"
        case "frame_rate":
            return f"{value} frames a second"
        case "loras":
            return ", ".join(map(_shown_lora, value)) or "None"
        case "aspect_ratio" | "resolution":
            return dict(BY_NAME[name].choices).get(value, value)
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value) or "None"


def _shown_lora(lora: Lora) -> str:
    file = f" ({lora.weight_name})" if lora.weight_name else ""
    return f"{lora.path}{file} at {lora.scale.normalize():f}"
