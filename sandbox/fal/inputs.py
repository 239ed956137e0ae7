"""The model's input: fields, ranges, defaults, and fal's answers to a bad one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.fal.errors import Failure, detail, model_failure

Json = Any
NEGATIVE_PROMPT = "worst quality, inconsistent motion, blurry, jittery, distorted"


class Bad(Exception):
    """A value the model refuses, with what fal says about it."""

    def __init__(self, kind: str, msg: str, ctx: dict[str, Any] | None = None) -> None:
        super().__init__(msg)
        self.kind = kind
        self.msg = msg
        self.ctx = ctx or {}


@dataclass(frozen=True, slots=True)
class Field:
    """One input: its reader, and its default unless it is required."""

    read: Callable[[Json], Any]
    default: Any = None
    required: bool = False


def _string(value: Json) -> str:
    if not isinstance(value, str):
        raise Bad("string_type", "Input should be a valid string")
    return value


def _optional_string(value: Json) -> str | None:
    return None if value is None else _string(value)


def _boolean(value: Json) -> bool:
    words = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)) and value in (0, 1):
        return bool(value)
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    raise Bad("bool_parsing", "Input should be a valid boolean, unable to interpret input")


def _number(value: Json) -> float:
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, (int, float)) and math.isfinite(value):
        return float(value)
    if isinstance(value, str):
        try:
            parsed = float(value)
        except ValueError:
            parsed = math.nan
        if math.isfinite(parsed):
            return parsed
    raise Bad("float_parsing", "Input should be a valid number, unable to parse string as a number")


def _whole(value: Json) -> int:
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, float):
        raise Bad("int_from_float", "Input should be a valid integer, got a number with a fractional part")
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            pass
    raise Bad("int_parsing", "Input should be a valid integer, unable to parse string as an integer")


def _seed(value: Json) -> int | None:
    return None if value is None else _whole(value)


def _between(value: float, low: float, high: float) -> None:
    if value < low:
        raise Bad("greater_than_equal", f"Input should be greater than or equal to {low}", {"ge": low})
    if value > high:
        raise Bad("less_than_equal", f"Input should be less than or equal to {high}", {"le": high})


def _integer(low: int, high: int) -> Callable[[Json], int]:
    def read(value: Json) -> int:
        number = _whole(value)
        _between(number, low, high)
        return number

    return read


def _ratio(value: Json) -> float:
    """A number from 0 to 1 in steps of 0.05; float remainders would refuse 0.15."""
    number = _number(value)
    _between(number, 0, 1)
    step = Decimal("0.05")
    nearest = round(Decimal(str(number)) / step) * step
    if abs(nearest - Decimal(str(number))) > Decimal("1e-9"):
        raise Bad("multiple_of", "Input should be a multiple of 0.05", {"multiple_of": 0.05})
    return float(nearest)


def _choice(*allowed: str) -> Callable[[Json], str]:
    words = " or ".join(filter(None, [", ".join(f"'{word}'" for word in allowed[:-1]), f"'{allowed[-1]}'"]))

    def read(value: Json) -> str:
        if value not in allowed:
            raise Bad("one_of", f"Input should be {words}", {"expected": list(allowed)})
        return str(value)

    return read


def _lora_scale(value: Json) -> float:
    number = _number(value)
    _between(number, 0, 4)
    return number


LORA_FIELDS: dict[str, Field] = {
    "path": Field(_string, required=True),
    "weight_name": Field(_optional_string),
    "scale": Field(_lora_scale, 1.0),
}

FIELDS: dict[str, Field] = {
    "prompt": Field(_string, required=True),
    "negative_prompt": Field(_string, NEGATIVE_PROMPT),
    "resolution": Field(_choice("480p", "720p"), "720p"),
    "aspect_ratio": Field(_choice("9:16", "1:1", "16:9", "auto"), "auto"),
    "seed": Field(_seed),
    "num_frames": Field(_integer(9, 1441), 121),
    "first_pass_num_inference_steps": Field(_integer(2, 12), 8),
    "second_pass_num_inference_steps": Field(_integer(2, 12), 8),
    "second_pass_skip_initial_steps": Field(_integer(1, 11), 5),
    "frame_rate": Field(_integer(1, 60), 24),
    "expand_prompt": Field(_boolean, default=False),
    "reverse_video": Field(_boolean, default=False),
    "enable_safety_checker": Field(_boolean, default=True),
    "enable_detail_pass": Field(_boolean, default=False),
    "temporal_adain_factor": Field(_ratio, 0.5),
    "tone_map_compression_ratio": Field(_ratio, 0.0),
    "constant_rate_factor": Field(_integer(0, 51), 29),
    "image_url": Field(_string, required=True),
}


def _shorten(value: Json) -> Json:
    """Errors echo the input; megabytes of picture in an error help nobody."""
    if isinstance(value, str) and len(value) > 500:
        return value[:500] + "..."
    return value


def _read_fields(
    body: dict[str, Any], fields: dict[str, Field], loc: list[str | int], errors: list[dict[str, Any]]
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, spec in fields.items():
        where = [*loc, name]
        if name not in body:
            values[name] = spec.default
            if spec.required:
                shown = {key: _shorten(value) for key, value in body.items()}
                errors.append(detail("missing", loc=where, msg="Field required", value=shown))
            continue
        try:
            values[name] = spec.read(body[name])
        except Bad as bad:
            shown = _shorten(body[name])
            errors.append(detail(bad.kind, loc=where, msg=bad.msg, ctx=bad.ctx, value=shown))
    return values


def _read_loras(value: Json, errors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    where: list[str | int] = ["body", "loras"]
    if not isinstance(value, list):
        errors.append(
            detail("list_type", loc=where, msg="Input should be a valid list", value=_shorten(value))
        )
        return []
    loras = []
    for index, item in enumerate(value):
        if isinstance(item, dict):
            loras.append(_read_fields(item, LORA_FIELDS, [*where, index], errors))
        else:
            message = "Input should be a valid dictionary or object to extract fields from"
            errors.append(
                detail("model_attributes_type", loc=[*where, index], msg=message, value=_shorten(item))
            )
    return loras


def read_input(body: Json) -> tuple[dict[str, Any], Failure | None]:
    """The input with defaults filled in, or the 422 fal's model answers. Unknown keys are ignored."""
    if not isinstance(body, dict):
        message = "Input should be a valid dictionary or object to extract fields from"
        return {}, model_failure([detail("model_attributes_type", loc=["body"], msg=message)])
    errors: list[dict[str, Any]] = []
    values = _read_fields(body, FIELDS, ["body"], errors)
    values["loras"] = _read_loras(body.get("loras", []), errors)
    return values, model_failure(errors) if errors else None


def billable_units(values: dict[str, Any]) -> Decimal:
    """Seconds at 24 frames each, doubled by the detail pass; at most six decimals."""
    passes = 2 if values["enable_detail_pass"] else 1
    return round(Decimal(values["num_frames"] * passes) / 24, 6).normalize()
