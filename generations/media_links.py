"""Addresses of pictures and clips that open one file for a quarter of an hour, and nothing else.

Whoever makes an address has checked the team; whoever has one may open it, until it expires. It names a row
and a field, never a path.
"""

import re
import time
import uuid
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Literal

from django.conf import settings
from django.core import signing
from django.db.models.fields.files import FieldFile
from django.urls import reverse
from django.utils.text import slugify

from generations.models import Generation, Image

Field = Literal["video", "poster", "preview", "last_frame", "file", "thumbnail"]
MODELS: Final[dict[str, type[Generation] | type[Image]]] = {"clip": Generation, "picture": Image}
FIELDS: Final[dict[str, frozenset[str]]] = {
    "clip": frozenset({"video", "poster", "preview", "last_frame"}),
    "picture": frozenset({"file", "thumbnail"}),
}
# What a file's name says beside the clip's.
PARTS: Final[dict[str, str]] = {"preview": "-preview", "last_frame": "-last-frame"}
TEXT: Final = re.compile(r"(clip|picture)\.([0-9a-f]{32})\.([a-z_]+)\.(show|save)\.([0-9]{1,12})")
_signer: Final = signing.Signer(salt="generations.media")


class LinkExpired(Exception):
    """It was ours, but its time is over."""


class LinkForged(Exception):
    """We never made this one."""


@dataclass(frozen=True, slots=True)
class Link:
    """What an address opens, how (shown, or saved as a file) and until when (Unix seconds)."""

    kind: str
    pk: uuid.UUID
    field: str
    download: bool
    expires: int


def media_url(row: Generation | Image, field: Field, *, download: bool = False) -> str:
    """The address of one file of `row`, or "" when it has none or its team's rule has deleted it.

    It lives at most MEDIA_URL_SECONDS and stays the same for half that time, so that a page that renews itself keeps
    the clip it plays.
    """
    kind = kind_of(row)
    if field not in FIELDS[kind]:
        raise ValueError(f"A {kind} has no {field}.")
    if not getattr(row, field) or is_deleted(row):
        return ""
    manner = "save" if download else "show"
    text = f"{kind}.{row.pk.hex}.{field}.{manner}.{expiry()}"
    return reverse("generations:media", args=[_signer.sign(text), shown_name(row, field)])


def is_deleted(row: Generation | Image) -> bool:
    """Were its files deleted by the team's rule? The row still has their names."""
    return isinstance(row, Generation) and row.media_deleted_at is not None


def expiry(now: float | None = None) -> int:
    """Between half of MEDIA_URL_SECONDS and all of it from now, in steps of that half."""
    step = settings.MEDIA_URL_SECONDS // 2
    return (int(time.time() if now is None else now) // step + 2) * step


def opened(token: str) -> Link:
    """Read a token back; raises LinkForged or LinkExpired. Looks at nothing but the token."""
    try:
        match = TEXT.fullmatch(_signer.unsign(token))
    except signing.BadSignature as forged:
        raise LinkForged from forged
    if match is None:
        raise LinkForged
    kind, pk, field, manner, expires = match.groups()
    if int(expires) <= time.time():
        raise LinkExpired
    return Link(kind, uuid.UUID(pk), field, manner == "save", int(expires))


def kind_of(row: Generation | Image) -> str:
    return "clip" if isinstance(row, Generation) else "picture"


def shown_name(row: Generation | Image, field: str) -> str:
    """A safe name to save the file under: ASCII letters, digits, hyphens and our own extension."""
    file: FieldFile = getattr(row, field)
    stem = slugify(PurePosixPath(row.original_name).stem)[:60] if isinstance(row, Image) else ""
    part = PARTS.get(field, "")
    return f"{stem or f'{kind_of(row)}-{row.pk.hex[:8]}'}{part}{PurePosixPath(file.name or '').suffix}"
