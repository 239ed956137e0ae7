"""Lucide icons, inlined as SVG."""

from functools import lru_cache

import lucide
from django import template
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.simple_tag
def icon(name: str, *, size: int = 18) -> SafeString:
    """A decorative icon; the words beside it carry the meaning. Raises for an unknown name."""
    return _drawn(str(name), int(size))


@lru_cache(maxsize=256)
def _drawn(name: str, size: int) -> SafeString:
    # The file comes from the lucide package; nothing in it is from a person.
    return mark_safe(lucide._render_icon(name, size, **{"class": "icon", "aria-hidden": "true"}))  # noqa: S308
