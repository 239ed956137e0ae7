"""HTML attributes that a template hands through a component."""

import re

from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

# What the Content-Security-Policy would ignore anyway: a page that relies on it is broken.
_REFUSED = re.compile(r"^(on|hx-on|style$)")
_NAME = re.compile(r"^[a-z][a-z0-9-]*$")


def draw(template: str, context: dict[str, object]) -> SafeString:
    """A component that stands inside a sentence: rendered without the file's line breaks around it."""
    # What Django rendered stays as safe as it was when the white space at its ends goes.
    return mark_safe(render_to_string(f"components/{template}.html", context).strip())  # noqa: S308


def attributes(attrs: dict[str, object]) -> SafeString:
    """Pairs, each after a space: `hx_get` becomes `hx-get`, True stands bare, False and None are left out.

    Raises ValueError for inline handlers and styles, which the Content-Security-Policy forbids.
    """
    named = {name.replace("_", "-"): value for name, value in attrs.items()}
    for name in named:
        if not _NAME.match(name) or _REFUSED.match(name):
            raise ValueError(f"A component takes no attribute {name!r}.")
    kept = [(name, value) for name, value in named.items() if value is not None and value is not False]
    return format_html_join(mark_safe(""), "{}", ((_one(name, value),) for name, value in kept))


def _one(name: str, value: object) -> SafeString:
    return format_html(" {}", name) if value is True else format_html(' {}="{}"', name, value)
