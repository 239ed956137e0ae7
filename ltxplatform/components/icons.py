"""Lucide icons, inlined as SVG."""

from functools import cache, lru_cache
from importlib import resources
from io import BytesIO
from xml.etree import ElementTree
from zipfile import ZipFile

import lucide
from django import template
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.simple_tag
def icon(name: str, *, size: int = 18) -> SafeString:
    """A decorative icon, `size` pixels wide; the words beside it carry the meaning.

    Raises KeyError for an unknown name.
    """
    return _drawn(str(name), int(size))


@lru_cache(maxsize=256)
def _drawn(name: str, size: int) -> SafeString:
    svg = ElementTree.fromstring(_package().read(f"{name}.svg"))  # noqa: S314 (a file of an installed package)
    for part in svg.iter():
        part.tag = part.tag.rpartition("}")[2]  # inlined SVG needs no namespace
    svg.attrib |= {"width": str(size), "height": str(size), "class": "icon", "aria-hidden": "true"}
    return mark_safe(ElementTree.tostring(svg, encoding="unicode"))  # noqa: S308


@cache
def _package() -> ZipFile:
    """The icons as lucide brings them, opened once: its own tag reads the list of all 1,700 again for each icon.

    In memory, because processes that are forked later would share the place in an open file.
    """
    return ZipFile(BytesIO(resources.files(lucide).joinpath("lucide.zip").read_bytes()))
