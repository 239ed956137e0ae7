"""Our file storage: its names, and one error for whatever goes wrong with it."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from django.core.files.base import File
from django.core.files.storage import default_storage

from accounts.errors import DomainError

logger = structlog.get_logger(__name__)

RETRY_AFTER: Final = 60


class StorageUnavailable(DomainError):
    """A file could not be kept: a full disk, a storage that does not answer. Nothing of it stays."""

    code = "storage_unavailable"
    retryable = True

    def __init__(self) -> None:
        super().__init__(
            "The file could not be stored right now. Try again in a few minutes; "
            "if it keeps happening, tell the operator of this site.",
            retry_after=RETRY_AFTER,
        )


def new_stem(kind: str, *, team_id: object, row_id: UUID, now: datetime) -> str:
    """The beginning of a new file's name: it names its row, is never used twice, and cannot be guessed.

    One folder a team and month, so that no listing grows with the years: services.orphans walks them.
    """
    return f"{kind}/{team_id}/{now:%Y-%m}/{row_id}-{uuid.uuid4().hex[:8]}"


def keep(name: str, content: "File[bytes]") -> str:
    """Store `content` under `name`; returns the name it got. Raises StorageUnavailable."""
    try:
        return str(default_storage.save(name, content))
    except Exception as error:  # a disk raises OSError, other storages what their library raises
        logger.exception("storage_unavailable", name=name)
        remove([name])  # a disk that is full keeps the part that fitted
        raise StorageUnavailable from error


def remove(names: Iterable[str]) -> bool:
    """Delete files, whether they are there or not; False when any may be left: services.orphans finds it later."""
    all_gone = True
    for name in filter(None, names):
        try:
            default_storage.delete(name)
        except Exception:
            logger.exception("file_not_removed", name=name)
            all_gone = False
    return all_gone
