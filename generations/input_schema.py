"""The parameter table as JSON Schema, for the API's description and for programs that build forms."""

from decimal import Decimal
from typing import Any, Final

from django.conf import settings

from generations.parameters import LORA_SCALE_MAX, LORAS_MAX, PARAMETERS, Parameter

LORA_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["path"],
    "additionalProperties": False,
    "properties": {
        "path": {"type": "string", "maxLength": 500, "description": "Address or repository of the weights."},
        "scale": {"type": "number", "default": 1, "minimum": 0, "maximum": int(LORA_SCALE_MAX)},
        "weight_name": {
            "type": ["string", "null"],
            "maxLength": 200,
            "description": "Which weights, where a repository holds several.",
        },
    },
}
IMAGE_URL_SCHEMA: Final[dict[str, Any]] = {
    "type": "string",
    "title": "Image URL",
    "description": "The picture that the clip starts from: its https:// address, which we fetch once, or a data "
    "URI with base64. JPEG, PNG or WebP.",
    "pattern": "^(data:image/|https?://)",
}
IMAGE_SCHEMA: Final[dict[str, Any]] = {
    "type": "string",
    "format": "uuid",
    "title": "Image",
    "description": "The id of an uploaded picture. Send either this or image_url.",
}

QUOTE_SCHEMA: Final[dict[str, Any]] = {
    "type": ["string", "null"],
    "format": "uuid",
    "title": "Quote",
    "description": "The id of a quote for this clip: its price is charged, whatever the price is by now.",
}
PROJECT_SCHEMA: Final[dict[str, Any]] = {
    "type": ["string", "null"],
    "format": "uuid",
    "title": "Project",
    "description": "What the clip is for: the id of a project, whose budgets then count. Left out, it is the key's; "
    "null is none.",
}
FRAME_SCHEMAS: Final[dict[str, Any]] = {
    "frame": {
        "oneOf": [{"type": "integer", "minimum": 0}, {"const": "last"}],
        "title": "Frame",
        "description": 'The frame to start from: its number, 0 being the first, or "last".',
        "default": "last",
    },
    "at": {
        "type": "number",
        "minimum": 0,
        "title": "At",
        "description": "In place of frame: the moment of the clip, in seconds, whose frame to start from.",
    },
}


def model_inputs() -> dict[str, Any]:
    """The model's nineteen inputs by fal's names, in form order."""
    return {
        "type": "object",
        "required": ["prompt", "image_url"],
        "additionalProperties": False,
        "properties": {"image_url": IMAGE_URL_SCHEMA, **_parameters()},
    }


def generation_input() -> dict[str, Any]:
    """A clip's whole input: the model's inputs, and the id of an upload in place of the address."""
    return {
        "type": "object",
        "required": ["prompt"],
        "additionalProperties": False,
        "properties": {"image": IMAGE_SCHEMA, "image_url": IMAGE_URL_SCHEMA, **_parameters()},
    }


def generation_order() -> dict[str, Any]:
    """What POST /generations takes: a clip's input, and perhaps its project and the quote that it is ordered by."""
    schema = generation_input()
    schema["properties"] = {**schema["properties"], "project": PROJECT_SCHEMA, "quote": QUOTE_SCHEMA}
    return schema


def edit_input() -> dict[str, Any]:
    """What a waiting clip may get instead of what it has."""
    schema = generation_input()
    del schema["required"]
    said = "Another project for the clip, null for none."
    schema["properties"] = {**schema["properties"], "project": {**PROJECT_SCHEMA, "description": said}}
    return schema


def quote_input() -> dict[str, Any]:
    """The same, with nothing required: a price needs no picture and no words."""
    schema = generation_input()
    del schema["required"]
    schema["properties"] = {**schema["properties"], "project": PROJECT_SCHEMA}
    return schema


def changes_input() -> dict[str, Any]:
    """What a derived clip may have different from its parent: any parameter, and the project."""
    properties = {
        name: {key: value for key, value in schema.items() if key != "default"}
        for name, schema in _parameters().items()
    }
    schema = project_input()
    schema["properties"] = {**properties, **schema["properties"]}
    return schema


def project_input() -> dict[str, Any]:
    """What a clip that repeats another may have different: whom it counts for."""
    said = "The id of a project. Left out, it is that of the clip it is made from, or else the key's; null is none."
    properties = {"project": {**PROJECT_SCHEMA, "description": said}}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def extend_input() -> dict[str, Any]:
    schema = changes_input()
    schema["properties"] = {**FRAME_SCHEMAS, **schema["properties"]}
    return schema


def stored_parameters() -> dict[str, Any]:
    """`params` of a generation: every parameter, defaults filled in."""
    properties = _parameters()
    return {"type": "object", "required": list(properties), "properties": properties}


def _parameters() -> dict[str, Any]:
    return {parameter.name: _property(parameter) for parameter in PARAMETERS}


def _property(parameter: Parameter) -> dict[str, Any]:
    schema = {"title": parameter.label, "description": parameter.guidance, **_kind(parameter)}
    if parameter.name == "prompt":
        return {**schema, "minLength": 1, "maxLength": settings.PROMPT_MAX_LENGTH}
    return {**schema, "default": _number(parameter.default)}


def _kind(parameter: Parameter) -> dict[str, Any]:
    match parameter.kind:
        case "text":
            return {"type": "string", "maxLength": 10_000}
        case "choice":
            return {"type": "string", "enum": [value for value, _ in parameter.choices]}
        case "integer":
            kind = "integer" if parameter.default is not None else ["integer", "null"]
            return {"type": kind, **_bounds(parameter)}
        case "decimal":
            return {"type": "number", **_bounds(parameter), "multipleOf": _number(parameter.step)}
        case "boolean":
            return {"type": "boolean"}
        case "loras":
            return {"type": "array", "items": LORA_SCHEMA, "maxItems": LORAS_MAX}


def _bounds(parameter: Parameter) -> dict[str, Any]:
    return {"minimum": _number(parameter.minimum), "maximum": _number(parameter.maximum)}


def _number(value: Any) -> Any:
    """As JSON writes it: whole where it is whole."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return list(value) if isinstance(value, tuple) else value
