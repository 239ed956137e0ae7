"""The small loop and the last frame of a clip: drawn after it can be watched, so that nobody waits for them.

A clip whose previews cannot be drawn is complete without them.
"""

import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copyfileobj
from typing import Final
from uuid import UUID

import structlog
from django.core.files.base import ContentFile
from django.db.models import F

from generations.child_process import DecoderUnavailable
from generations.clock import Clock
from generations.models import Generation
from generations.services import storage
from generations.services.exclusive import exclusive
from generations.services.saving import WORK_PREFIX
from generations.states import Status
from generations.video_inspection import Previews, VideoRefused, draw_previews

logger = structlog.get_logger(__name__)

LOOK_AGAIN: Final = timedelta(seconds=30)
TRIES_MAX: Final = 3
# While clips wait to be saved, previews step back this long, and in all no longer than that.
STEP_BACK: Final = timedelta(seconds=10)
STEP_BACK_UNTIL: Final = timedelta(minutes=10)


def draw(*, generation_id: UUID, clock: Clock) -> None:
    """Draw the previews of a ready clip if they are due. Idempotent; tried three times at most."""
    with exclusive(generation_id) as is_mine:
        if is_mine and (clip := _begin(generation_id, clock())) is not None:
            _draw(clip, clock)


def _begin(generation_id: UUID, now: datetime) -> Generation | None:
    """Count the try before the work; a row that had all its tries is left alone from then on."""
    due = Generation.objects.filter(pk=generation_id, status=Status.SUCCEEDED, due_at__lte=now)
    if due.filter(attempts__gte=TRIES_MAX).update(due_at=None):
        logger.error("previews_given_up", generation=str(generation_id))
        return None
    if _others_wait(now) and due.filter(ended_at__gt=now - STEP_BACK_UNTIL).update(due_at=now + STEP_BACK):
        return None
    wanted = due.filter(media_deleted_at=None)
    begun = wanted.update(attempts=F("attempts") + 1, due_at=now + LOOK_AGAIN)
    return Generation.objects.get(pk=generation_id) if begun else None


def _others_wait(now: datetime) -> bool:
    """Is there a clip that nobody can watch yet because no worker has begun to save it?"""
    return Generation.objects.filter(status=Status.FINALIZING, due_at__lte=now).exists()


def _draw(clip: Generation, clock: Clock) -> None:
    try:
        previews = _previews_of(clip)
    except VideoRefused as error:
        logger.warning("previews_refused", generation=str(clip.pk), detail=error.message)
        Generation.objects.filter(pk=clip.pk).update(due_at=None)
        return
    except (OSError, DecoderUnavailable) as error:
        logger.warning("previews_later", generation=str(clip.pk), detail=str(error))
        return
    stem = storage.new_stem("clips", team_id=clip.team_id, row_id=clip.pk, now=clock())
    names: list[str] = []
    try:
        names.append(storage.keep(f"{stem}-preview.mp4", ContentFile(previews.loop)))
        names.append(storage.keep(f"{stem}-last.jpg", ContentFile(previews.last_frame)))
    except storage.StorageUnavailable:
        storage.remove(names)
        return
    preview, last_frame = names
    shown = Generation.objects.filter(pk=clip.pk, preview="", media_deleted_at=None)
    if not shown.update(preview=preview, last_frame=last_frame, due_at=None):
        storage.remove(names)
        Generation.objects.filter(pk=clip.pk).update(due_at=None)


def _previews_of(clip: Generation) -> Previews:
    with tempfile.TemporaryDirectory(prefix=WORK_PREFIX) as folder:
        path = Path(folder) / "clip.mp4"
        with clip.video.open("rb") as stored, path.open("wb") as target:
            copyfileobj(stored, target)
        return draw_previews(path)
