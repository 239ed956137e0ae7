"""Files of ours that no row names: left by a crash between storing and committing, or by a deletion that failed.

The storage is walked folder by folder, a bounded number of files at a time; a row remembers the place. Names say which
row they belong to (services.storage), so that each is looked up by its primary key. What does not look like a name of
ours is left alone.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog
from django.core.files.storage import default_storage

from generations.models import Generation, Image, StorageWalk
from generations.services import storage
from generations.services.retention import FIELDS
from generations.services.saving import WORK_PREFIX

logger = structlog.get_logger(__name__)

# Nothing is an orphan that may still become part of a row: no task lasts longer than minutes.
GRACE: Final = timedelta(days=1)
FILES_A_RUN: Final = 5_000
LOOKED_UP_AT_ONCE: Final = 500
KINDS: Final = ("clips", "images")
NAME: Final = re.compile(r"(?P<row>[0-9a-f-]{36})-[0-9a-f]{8}(?:-small|-preview|-last)?\.(?:jpg|mp4)")


@dataclass(frozen=True, slots=True)
class Orphan:
    """A file that no row names; `size` in bytes."""

    name: str
    size: int


def walk_on(*, now: datetime) -> int:
    """Look into the next folders, remove what is lost, and remember the place; returns how many files went.

    One run looks at about 5,000 files; at the end of a round the next begins. Also clears this machine's folders of
    workers that were killed.
    """
    remove_work_folders(now=now)
    walk, _ = StorageWalk.objects.get_or_create(pk=1, defaults={"began_at": now})
    looked_at = removed = 0
    place = ""
    for folder in folders_from(walk.folder):
        place = folder
        if looked_at >= FILES_A_RUN:
            break
        names = files_in(folder)
        looked_at += len(names)
        removed += _remove(orphans_among(names, now=now))
    else:
        place = ""
    _remember(walk, place, looked_at=looked_at, removed=removed, now=now)
    return removed


def find_all(*, now: datetime) -> Iterator[Orphan]:
    """Every orphan of the whole storage."""
    for folder in folders_from(""):
        yield from orphans_among(files_in(folder), now=now)


def folders_from(place: str) -> Iterator[str]:
    """The folders that hold files of ours, in a fixed order, from `place` on: team by team, month by month."""
    for kind in KINDS:
        for team in _folders_in(kind):
            top = f"{kind}/{team}"
            if place and top < "/".join(place.split("/")[:2]):
                continue
            for folder in (top, *(f"{top}/{month}" for month in _folders_in(top))):
                if folder >= place:
                    yield folder


def files_in(folder: str) -> list[str]:
    try:
        _, files = default_storage.listdir(folder)
    except FileNotFoundError:  # removed since it was listed
        return []
    return [f"{folder}/{file}" for file in sorted(files)]


def orphans_among(names: list[str], *, now: datetime) -> Iterator[Orphan]:
    """Those that no row names and that are older than a day."""
    for start in range(0, len(names), LOOKED_UP_AT_ONCE):
        some = names[start : start + LOOKED_UP_AT_ONCE]
        rows = {name: UUID(match["row"]) for name in some if (match := _match(name))}
        named = _named_by_clips(rows.values()) | _named_by_pictures(rows.values())
        for name in rows:
            if name not in named and (orphan := _if_old(name, now)) is not None:
                yield orphan


def remove_work_folders(*, now: datetime) -> int:
    """Delete the folders that workers worked in when they were killed on this machine, once they are a day old."""
    removed = 0
    for folder in Path(tempfile.gettempdir()).glob(f"{WORK_PREFIX}*"):
        try:
            facts = folder.stat()
        except OSError:
            continue
        is_old = datetime.fromtimestamp(facts.st_mtime, UTC) < now - GRACE
        if is_old and facts.st_uid == os.getuid():
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    return removed


def _folders_in(folder: str) -> list[str]:
    try:
        folders, _ = default_storage.listdir(folder)
    except FileNotFoundError:
        return []
    return sorted(folders)


def _match(name: str) -> re.Match[str] | None:
    return NAME.fullmatch(name.rpartition("/")[2])


def _named_by_clips(rows: Iterable[UUID]) -> set[str]:
    """A row whose files were deleted by the team's rule names none any more."""
    clips = Generation.objects.filter(pk__in=list(rows), media_deleted_at=None).values_list(*FIELDS)
    return {name for clip in clips for name in clip if name}


def _named_by_pictures(rows: Iterable[UUID]) -> set[str]:
    pictures = Image.objects.filter(pk__in=list(rows)).values_list("file", "thumbnail")
    return {name for picture in pictures for name in picture if name}


def _if_old(name: str, now: datetime) -> Orphan | None:
    try:
        if default_storage.get_modified_time(name) > now - GRACE:
            return None
        return Orphan(name, default_storage.size(name))
    except FileNotFoundError:
        return None


def _remove(orphans: Iterable[Orphan]) -> int:
    removed = 0
    for orphan in orphans:
        logger.warning("orphan_removed", name=orphan.name, size=orphan.size)
        removed += storage.remove([orphan.name])
    return removed


def _remember(walk: StorageWalk, place: str, *, looked_at: int, removed: int, now: datetime) -> None:
    walk.removed += removed
    walk.folder = place
    walk.looked_at += looked_at
    if not place:
        walk.began_at, walk.finished_at, walk.looked_at = now, now, 0
    walk.save()
