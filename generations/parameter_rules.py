"""Checks input from forms, API and command line against the parameter table: the rules' only home."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings

from accounts.errors import FieldErrors
from generations.parameters import (
    BY_NAME,
    FRACTION_STEP,
    LORA_SCALE_MAX,
    LORAS_MAX,
    PARAMETERS,
    PROMPT_REQUIRED,
    ClipParams,
    Lora,
    Parameter,
)

MISSING = (None, "")
LORA_WORDS = ("path", "scale", "weight_name")
LORA_REPOSITORY: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+", re.ASCII)


def clean(data: Mapping[str, Any], *, prompt_limit: int | None = None) -> ClipParams:
    """Checked parameters from raw values (strings or JSON types); an absent name takes its default.

    0, false and empty lists are values, not absences. `prompt_limit` (characters) replaces the usual one. Raises
    FieldErrors with one list of sentences per field, all fields checked.
    """
    values: dict[str, Any] = {}
    errors: dict[str, list[str]] = {}
    for name in data.keys() - BY_NAME.keys():
        errors[name] = ["There is no such parameter."]
    for parameter in PARAMETERS:
        try:
            values[parameter.name] = _clean_one(parameter, data.get(parameter.name), prompt_limit)
        except ValueError as error:
            errors[parameter.name] = [str(error)]
    if errors:
        raise FieldErrors(errors)
    return ClipParams(**values)


def steps_warning(params: ClipParams) -> str:
    """A caution about a legal but doubtful combination, or ""."""
    left = params.second_pass_num_inference_steps - params.second_pass_skip_initial_steps
    if params.enable_detail_pass and left < 2:
        return (
            f"The detail pass would run {max(left, 0)} of its steps. Skip fewer steps to leave at least two."
        )
    return ""


def _clean_one(parameter: Parameter, raw: Any, prompt_limit: int | None) -> Any:
    if parameter.name == "prompt":
        return _clean_prompt(raw, prompt_limit or settings.PROMPT_MAX_LENGTH)
    if raw in MISSING and parameter.kind != "text":
        return parameter.default
    if raw is None:
        return parameter.default
    match parameter.kind:
        case "text":
            return _text(raw)
        case "choice":
            return _choice(parameter, raw)
        case "integer":
            return _integer(parameter, raw)
        case "decimal":
            return _fraction(parameter, raw)
        case "boolean":
            return _boolean(raw)
        case "loras":
            return _loras(raw)


def _clean_prompt(raw: Any, limit: int) -> str:
    prompt = _text(raw).strip() if raw is not None else ""
    if not prompt:
        raise ValueError(PROMPT_REQUIRED)
    if len(prompt) > limit:
        raise ValueError(f"Prompt must be {limit} characters or less")
    return prompt


def _text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise ValueError("This must be text.")
    if "\x00" in raw:
        raise ValueError("This text contains a character that cannot be stored.")
    # Browsers send line ends as CRLF; one form keeps lengths and replays equal.
    text = raw.replace("\r\n", "\n")
    if len(text) > 10_000:
        raise ValueError("This text is too long.")
    return text


def _choice(parameter: Parameter, raw: Any) -> str:
    allowed = [value for value, _ in parameter.choices]
    if raw not in allowed:
        raise ValueError(f"{parameter.label} must be one of {', '.join(allowed)}.")
    return str(raw)


def _integer(parameter: Parameter, raw: Any) -> int:
    sentence = f"{parameter.label} must be a whole number{_range(parameter)}."
    if isinstance(raw, bool) or not isinstance(raw, int | str):
        raise ValueError(sentence)
    try:
        number = int(raw) if isinstance(raw, int) or len(raw) <= 20 else None
    except ValueError:
        number = None
    if number is None or not _within(parameter, number):
        raise ValueError(sentence)
    return number


def _fraction(parameter: Parameter, raw: Any) -> Decimal:
    number = _decimal(raw)
    if number is None or not _within(parameter, number):
        raise ValueError(f"{parameter.label} must be a number{_range(parameter)}.")
    # Decimal, because 0.15 % 0.05 is not 0 in floating point.
    if number % FRACTION_STEP != 0:
        raise ValueError(f"{parameter.label} goes in steps of {FRACTION_STEP}.")
    return number.quantize(Decimal("0.01"))


def _decimal(raw: Any) -> Decimal | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str | Decimal):
        return None
    text = str(raw).strip()
    try:
        number = Decimal(text) if len(text) <= 20 else None
    except InvalidOperation:
        return None
    return number if number is not None and number.is_finite() else None


def _boolean(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.lower() in {"true", "on", "1", "yes"}:
        return True
    if isinstance(raw, str) and raw.lower() in {"false", "off", "0", "no"}:
        return False
    raise ValueError("This must be true or false.")


def _loras(raw: Any) -> tuple[Lora, ...]:
    items = _lora_lines(raw) if isinstance(raw, str) else raw
    if not isinstance(items, Sequence):
        raise ValueError("LoRAs must be a list.")
    if len(items) > LORAS_MAX:
        raise ValueError(f"At most {LORAS_MAX} LoRAs can be combined.")
    return tuple(_lora(number, item) for number, item in enumerate(items, start=1))


def _lora_lines(text: str) -> list[dict[str, str]]:
    """`path [scale [weight_name]]` a line, as people type them into the form."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if any(len(words) > len(LORA_WORDS) for words in lines):
        raise ValueError("Write one LoRA per line: its address, a space, its strength.")
    return [dict(zip(LORA_WORDS, words, strict=False)) for words in lines]


def _lora(number: int, item: Any) -> Lora:
    if not isinstance(item, Mapping) or item.keys() - {"path", "scale", "weight_name"}:
        raise ValueError(f"LoRA {number} takes path, scale and weight_name.")
    path, weight_name = item.get("path"), item.get("weight_name")
    if (
        not isinstance(path, str)
        or not path.strip()
        or len(path) > 500
        or any(map(str.isspace, path.strip()))
    ):
        raise ValueError(f"LoRA {number} needs a path: the address or repository of its weights.")
    if not _is_known_source(path.strip()):
        hosts = ", ".join(settings.LORA_HOSTS)
        raise ValueError(
            f"LoRA {number} must be a repository (owner/name) or an https:// address at {hosts}."
        )
    scale = _decimal(item.get("scale", 1))
    if scale is None or not 0 <= scale <= LORA_SCALE_MAX:
        raise ValueError(f"LoRA {number} needs a strength from 0 to {LORA_SCALE_MAX}.")
    if weight_name is not None and (not isinstance(weight_name, str) or len(weight_name) > 200):
        raise ValueError(f"LoRA {number} has a weight name that is not text.")
    return Lora(path=path.strip(), scale=scale.quantize(Decimal("0.01")), weight_name=weight_name or None)


def _is_known_source(path: str) -> bool:
    """A repository's name, or an address at a host that the site trusts. We never open it: fal does."""
    if LORA_REPOSITORY.fullmatch(path):
        return True
    try:
        parts = urlsplit(path)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return False
    if parts.scheme != "https" or parts.username is not None or port not in {None, 443} or "\\" in path:
        return False
    return any(fnmatchcase(host, pattern) for pattern in settings.LORA_HOSTS)


def _within(parameter: Parameter, number: int | Decimal) -> bool:
    above = parameter.minimum is None or number >= parameter.minimum
    return above and (parameter.maximum is None or number <= parameter.maximum)


def _range(parameter: Parameter) -> str:
    return f" from {parameter.minimum} to {parameter.maximum}" if parameter.maximum is not None else ""
