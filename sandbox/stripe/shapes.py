"""Checks parameters against the TypedDicts of the installed stripe-python: names, nesting, types, required keys.

The SDK declares an enumeration as `Literal[...] | str`; here only the literals pass, as at Stripe. What the SDK
leaves unmarked, such as mandatory fields and minimum amounts, the operations check themselves.
"""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin

from sandbox.stripe.errors import BadRequest, missing, unknown_parameter

HINTS = {"StripeContext": object, "Mapping": Mapping}
WRAPPERS = (NotRequired, Required)


def params_class(name: str) -> type:
    """The TypedDict called `CustomerCreateParams` or `checkout.SessionCreateParams`."""
    import stripe.params  # it takes a second: only a stand-in that is asked pays for it

    found: Any = stripe.params
    for part in name.split("."):
        found = getattr(found, part)
    return found


def read_params(raw: dict[str, Any], shape: type | None) -> dict[str, Any]:
    """The parameters as numbers, booleans, lists and strings. Raises BadRequest with Stripe's words."""
    return _fields(raw, shape, "") if shape is not None else _nothing(raw)


def _nothing(raw: dict[str, Any]) -> dict[str, Any]:
    for name in raw:
        if name != "expand":
            raise unknown_parameter(name)
    return {"expand": list(raw["expand"].values())} if isinstance(raw.get("expand"), dict) else {}


@functools.cache
def _hints(shape: type) -> tuple[dict[str, Any], frozenset[str]]:
    """Fields with their types, and those that must be there; options of the request itself are none of them."""
    from stripe._request_options import RequestOptions

    hints = typing.get_type_hints(shape, localns=HINTS, include_extras=True)
    options = set(RequestOptions.__annotations__)
    own = {name: hint for name, hint in hints.items() if name not in options}
    return own, frozenset(shape.__required_keys__ - options)  # type: ignore[attr-defined]


def _fields(raw: Any, shape: type, path: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise BadRequest("Invalid object", param=path)
    hints, required = _hints(shape)
    result = {}
    for name, value in raw.items():
        inner = f"{path}[{name}]" if path else name
        if name not in hints:
            raise unknown_parameter(inner)
        result[name] = _value(value, hints[name], inner)
    for name in sorted(required - raw.keys()):
        raise missing(f"{path}[{name}]" if path else name)
    return result


def _value(value: Any, hint: Any, path: str) -> Any:
    origin = get_origin(hint)
    if origin in WRAPPERS:
        return _value(value, get_args(hint)[0], path)
    if origin in (Union, types.UnionType):
        return _union(value, _flat(hint), path)
    if origin is Literal:
        return _one_of(value, list(get_args(hint)), path)
    if origin is list:
        return _list(value, get_args(hint)[0], path)
    if hasattr(hint, "__required_keys__"):
        return _fields(value, hint, path)
    if hint in SCALARS:
        return SCALARS[hint](value, path)
    return _mapping(value, path)


def _flat(hint: Any) -> list[Any]:
    """The members of a union, of unions inside it and of NotRequired around them."""
    members: list[Any] = []
    for member in get_args(hint):
        inner = get_origin(member)
        members += _flat(member) if inner in (Union, types.UnionType) else [member]
    return members


def _union(value: Any, members: list[Any], path: str) -> Any:
    literals = [item for member in members if get_origin(member) is Literal for item in get_args(member)]
    if value == "" and "" in literals:
        return ""
    others = [member for member in members if get_origin(member) is not Literal]
    scalars = [member for member in others if member in SCALARS]
    if isinstance(value, dict):
        return _first(value, [member for member in others if member not in SCALARS], path)
    named = [item for item in literals if item != ""]
    if value in named:
        return value
    if named and str in scalars:
        scalars.remove(str)
    if scalars:
        return _first(value, scalars, path)
    return _one_of(value, named, path) if named else _first(value, others, path)


def _first(value: Any, members: list[Any], path: str) -> Any:
    """As the first type that accepts it; else the first one's complaint, which is the most particular."""
    problems: list[BadRequest] = []
    for member in members:
        try:
            return _value(value, member, path)
        except BadRequest as problem:
            problems.append(problem)
    raise problems[0] if problems else BadRequest("Invalid object", param=path)


def _one_of(value: Any, allowed: list[Any], path: str) -> Any:
    if value in allowed:
        return value
    names = [str(item) for item in allowed if item != ""]
    *most, last = names
    listed = f"{', '.join(most)}, or {last}" if len(most) > 1 else " or ".join(names)
    raise BadRequest(f"Invalid {path}: must be one of {listed}", param=path)


def _list(value: Any, hint: Any, path: str) -> list[Any]:
    if not isinstance(value, dict) or not all(key.isdigit() for key in value):
        raise BadRequest("Invalid array", param=path)
    ordered = sorted(value.items(), key=lambda item: int(item[0]))
    return [_value(item, hint, f"{path}[{key}]") for key, item in ordered]


def _mapping(value: Any, path: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise BadRequest("Invalid object", param=path)
    return {key: _string(item, f"{path}[{key}]", empty=True) for key, item in value.items()}


def _string(value: Any, path: str, *, empty: bool = False) -> str:
    if not isinstance(value, str):
        raise BadRequest("Invalid string", param=path)
    if value == "" and not empty:
        raise BadRequest(
            f"You passed an empty string for '{path}'. We assume empty values are an attempt to unset a"
            f" parameter; however '{path}' cannot be unset. You should remove '{path}' from your request or"
            " supply a non-empty value.",
            param=path,
            code="parameter_invalid_empty",
        )
    if len(value) > 5_000:
        raise BadRequest(f"Invalid string: {value[:10]}...; must be at most 5000 characters", param=path)
    return value


def _integer(value: Any, path: str) -> int:
    text = _string(value, path)
    if not (text.removeprefix("-").isdigit() and text.isascii() and len(text) < 20):
        raise BadRequest(f"Invalid integer: {text}", param=path, code="parameter_invalid_integer")
    return int(text)


def _boolean(value: Any, path: str) -> bool:
    text = _string(value, path)
    if text not in ("true", "false"):
        raise BadRequest(f"Invalid boolean: {text}", param=path)
    return text == "true"


def _decimal(value: Any, path: str) -> str:
    """Stays a string, which is how Stripe answers with it."""
    text = _string(value, path)
    try:
        finite = Decimal(text).is_finite()
    except InvalidOperation:
        finite = False
    if not finite:
        raise BadRequest(f"Invalid decimal: {text}", param=path)
    return text


SCALARS: dict[Any, Any] = {
    str: _string,
    int: _integer,
    bool: _boolean,
    float: lambda value, path: float(_decimal(value, path)),
    Decimal: _decimal,
}
