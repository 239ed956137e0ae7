"""Pictures: the one way in for every picture, whatever interface it comes through."""

import hashlib
import re
import tempfile
import uuid
from dataclasses import dataclass
from typing import IO, Final

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.utils import timezone

from accounts.actors import Actor
from accounts.errors import DomainError
from accounts.models import Team
from generations.child_process import DecoderUnavailable
from generations.image_decoding import (
    CONTENT_TYPE,
    EXTENSION,
    MAX_RATIO,
    MAX_SIDE,
    MIN_SIDE,
    CleanPicture,
    DecodingFailed,
    clean_picture,
    looks_accepted,
)
from generations.models import Image
from generations.services import storage
from generations.services.storage import StorageUnavailable

CHUNK: Final = 64 * 1024
HEAD: Final = 12
UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]")

# Code -> what to do now. The codes are part of the API.
REFUSALS: Final[dict[str, str]] = {
    "empty_file": "This file is empty. Choose a JPEG, PNG or WebP picture.",
    "too_large": "This file is larger than {megabytes} MB. Save it smaller, or as JPEG, and try again.",
    "unsupported_media": "This file is not a picture we can read. Use JPEG, PNG or WebP.",
    "too_many_pixels": (
        "This picture has too many pixels. "
        f"Use at most {{megapixels}} megapixels and {MAX_SIDE:,} pixels a side."
    ),
    "too_small": f"This picture is too small. Each side needs at least {MIN_SIDE} pixels.",
    "bad_proportions": (
        "This picture is too long and narrow. "
        f"Crop it until one side is at most {MAX_RATIO:g} times the other."
    ),
    "animated": "This picture is animated. Save one frame as JPEG, PNG or WebP and upload that.",
    "broken_picture": (
        "This picture is damaged or incomplete. "
        "Open it, save it again as JPEG, PNG or WebP, and try once more."
    ),
    "picture_quota": (
        "Your team's pictures fill their {gigabytes:g} GB. Use one that is there already, "
        "or ask the operator of this site for more space."
    ),
}


class ImageRefused(DomainError):
    """A picture was not accepted and nothing was stored; `code` is a key of REFUSALS."""

    code = "broken_picture"

    def __init__(self, code: str) -> None:
        super().__init__(
            REFUSALS[code].format(
                megabytes=settings.UPLOAD_MAX_BYTES // 1_000_000,
                megapixels=settings.UPLOAD_MAX_PIXELS // 1_000_000,
                gigabytes=settings.TEAM_PICTURE_BYTES / 1_000_000_000,
            )
        )
        self.code = code  # type: ignore[misc]  # each refusal has its own


@dataclass(frozen=True, slots=True)
class _Stored:
    """Names of the two files of a picture that has no row yet."""

    file: str
    thumbnail: str

    def remove(self) -> None:
        storage.remove([self.file, self.thumbnail])


def store_image(*, actor: Actor, upload: IO[bytes], name: str) -> Image:
    """Check, clean and keep a picture for the actor's team; the same picture again is the same row.

    `upload` is read once, to at most UPLOAD_MAX_BYTES; `name` is only shown. What is kept is a new JPEG
    without metadata, at most 4096 pixels a side; the original is not kept.
    Raises ImageRefused, StorageUnavailable when the disk is full or the storage fails, and RuntimeError inside a
    transaction: decoding and storing take up to 2 s.
    """
    with transaction.atomic(durable=True):
        pass
    with tempfile.TemporaryFile() as spool:
        source_sha256 = _receive(upload, spool)
        known = _found(actor.team, source_sha256=source_sha256)
        if known is not None:
            return known
        picture = _clean(spool)
    return _keep(actor, picture, source_sha256=source_sha256, name=shown_name(name))


def shown_name(name: str) -> str:
    """The last part of a path, without characters that hide or reorder others; at most 200 long."""
    return UNPRINTABLE.sub("", name.replace("\\", "/").rsplit("/", 1)[-1]).strip()[:200]


def _receive(upload: IO[bytes], spool: IO[bytes]) -> str:
    """Copy the upload into a real file and give its SHA-256; stop as soon as it is known to be refused."""
    digest = hashlib.sha256()
    size = 0
    while chunk := upload.read(CHUNK):
        size += len(chunk)
        if size > settings.UPLOAD_MAX_BYTES:
            raise ImageRefused("too_large")
        digest.update(chunk)
        _spool(spool, chunk)
    if size == 0:
        raise ImageRefused("empty_file")
    spool.seek(0)
    if not looks_accepted(spool.read(HEAD)):
        raise ImageRefused("unsupported_media")
    return digest.hexdigest()


def _spool(spool: IO[bytes], chunk: bytes) -> None:
    """Unbuffered errors only: reading from a person who hangs up raises OSError, too, and is no matter of ours."""
    try:
        spool.write(chunk)
        spool.flush()
    except OSError as error:
        raise StorageUnavailable from error


def _clean(spool: IO[bytes]) -> CleanPicture:
    try:
        return clean_picture(spool)
    except DecodingFailed as failure:
        raise ImageRefused(failure.code or "broken_picture") from failure
    except DecoderUnavailable as trouble:
        raise StorageUnavailable from trouble


def _keep(actor: Actor, picture: CleanPicture, *, source_sha256: str, name: str) -> Image:
    sha256 = hashlib.sha256(picture.content).hexdigest()
    known = _found(actor.team, sha256=sha256)
    if known is not None:
        return known
    _check_room(actor.team, picture)
    # A crash from here to the insert leaves two files without a row: services.orphans finds them.
    pk = uuid.uuid4()
    stored = _save(actor.team, pk, picture)
    try:
        with transaction.atomic():
            image: Image = Image.objects.create(
                pk=pk,
                team=actor.team,
                uploaded_by=actor.user,
                file=stored.file,
                thumbnail=stored.thumbnail,
                sha256=sha256,
                source_sha256=source_sha256,
                width=picture.width,
                height=picture.height,
                size=len(picture.content),
                content_type=CONTENT_TYPE,
                original_name=name,
            )
    except IntegrityError:
        stored.remove()
        winner = _found(actor.team, sha256=sha256)
        if winner is None:  # another rule was broken, not "once per team"
            raise
        return winner
    except BaseException:
        stored.remove()
        raise
    return image


def _found(team: Team, **hashes: str) -> Image | None:
    found: Image | None = Image.objects.for_team(team).filter(**hashes).first()
    return found


def _check_room(team: Team, picture: CleanPicture) -> None:
    """Two uploads at once may both pass: the limit keeps disks from filling, it is no promise to the byte."""
    used = Image.objects.for_team(team).aggregate(total=Sum("size"))["total"] or 0
    if used + len(picture.content) > settings.TEAM_PICTURE_BYTES:
        raise ImageRefused("picture_quota")


def _save(team: Team, pk: uuid.UUID, picture: CleanPicture) -> _Stored:
    stem = storage.new_stem("images", team_id=team.pk, row_id=pk, now=timezone.now())
    file = storage.keep(f"{stem}.{EXTENSION}", ContentFile(picture.content))
    try:
        thumbnail = storage.keep(f"{stem}-small.{EXTENSION}", ContentFile(picture.thumbnail))
    except BaseException:
        storage.remove([file])
        raise
    return _Stored(file=file, thumbnail=thumbnail)
