"""Holds real answers against the API's own description."""

from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

PROBLEM = "application/problem+json"


@cache
def description() -> dict[str, Any]:
    return SchemaGenerator().get_schema(request=None, public=True)


def assert_described(response: Any, method: str, path: str) -> None:
    """Fail unless the description of `path` knows this status, content type and shape."""
    answers = description()["paths"][f"/api/v1{path}"][method]["responses"]
    assert str(response.status_code) in answers, f"{response.status_code} is not described"
    content = answers[str(response.status_code)].get("content", {})
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    if not response.content:
        assert not content
        return
    assert kind in content, f"{kind} is not described"
    schema = {**content[kind]["schema"], "components": description()["components"]}
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(response.json())
