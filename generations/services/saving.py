"""Makes a clip that fal delivered ours: copied, inspected, stored with its recipe inside, published and paid.

Trouble that passes (fal does not answer, the disk is full) is waited out as long as fal surely keeps the file. What is
wrong with the file itself, or kills the worker, is tried three times.
"""

import hashlib
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog
from django.conf import settings
from django.core.files import File
from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import F

from accounts.background import enqueue
from accounts.errors import DomainError
from generations import fal_gateway
from generations.child_process import DecoderUnavailable
from generations.clock import Clock
from generations.models import Generation, Submission, SubmissionState
from generations.recipe import recipe_for_saving
from generations.services import storage
from generations.services.states import advance
from generations.states import Status
from generations.video_inspection import Inspection, VideoRefused, inspect_video, prepare_inspection

logger = structlog.get_logger(__name__)

DRAW_PREVIEWS: Final = "generations.tasks.draw_previews"
# When the sweep looks after a clip that is being saved: a saver that still lives keeps the generation's lock.
LOOK_AGAIN: Final = timedelta(seconds=10)
TRIES_MAX: Final = 3
# Between tries that failed by passing trouble: a quarter of the time it has lasted, within these bounds.
PAUSES: Final = (timedelta(seconds=2), timedelta(minutes=5))
DOWNLOAD_SECONDS: Final = 240
# Statuses that say the file is gone for good, or never was at fal.
GONE: Final = frozenset({404, 410, 422})
WORK_PREFIX: Final = "ltx-clip-"


class Unusable(Exception):
    """This file cannot become a clip: `code` is one of failures.py."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Source:
    """fal's file on our disk."""

    path: Path
    sha256: str


def save_clip(*, generation_id: UUID, clock: Clock) -> None:
    """Save a clip in `finalizing` if its time has come. The caller keeps others away: see exclusive.py.

    Network and disk work happens outside transactions; the last one publishes the clip and captures the hold.
    """
    generation = _begin(generation_id, clock())
    if generation is None:
        return
    if generation.attempts > TRIES_MAX:
        fail(
            generation_id, "internal_error", f"{TRIES_MAX} tries to save it ended with their worker.", clock()
        )
        return
    try:
        _save(generation, clock)
    except Unusable as error:
        _refuse(generation, error, clock())
    except (fal_gateway.FalError, OSError, DecoderUnavailable, DomainError) as error:
        _wait_out(generation, error, clock())


def fail(generation_id: UUID, code: str, detail: str, now: datetime) -> None:
    """The end without a clip; the credits go back."""
    logger.error("generation_failed", generation=str(generation_id), code=code, detail=detail)
    advance(
        generation_id=generation_id,
        to=Status.FAILED,
        now=now,
        failure_code=code,
        failure_detail=detail[:2000],
    )


def _begin(generation_id: UUID, now: datetime) -> Generation | None:
    """Count the try and commit before the work, so that work which kills its worker counts."""
    begun = Generation.objects.filter(pk=generation_id, status=Status.FINALIZING, due_at__lte=now).update(
        attempts=F("attempts") + 1, due_at=now + LOOK_AGAIN
    )
    return Generation.objects.select_related("image").get(pk=generation_id) if begun else None


def _save(generation: Generation, clock: Clock) -> None:
    submission = Submission.objects.filter(generation=generation, state=SubmissionState.ACCEPTED).first()
    if submission is None or not submission.output:
        raise Unusable("internal_error", "A generation is saving without an accepted request.")
    with tempfile.TemporaryDirectory(prefix=WORK_PREFIX) as folder:
        prepare_inspection()  # loads while the clip is on its way
        source = _download(submission.output["video"]["url"], Path(folder) / "source.mp4", clock)
        copy = Path(folder) / "clip.mp4"
        inspection = _inspect(source, copy, generation)
        files = _store(generation, copy, inspection, clock())
    # An error here may come after the commit: files that no row names are found later, a row without files is a loss.
    if not _publish(generation.pk, source, files, inspection, clock()):
        files.delete()


def _download(url: str, path: Path, clock: Clock) -> Source:
    """Copy fal's video to `path`, within limits of size and time."""
    digest, size, started = hashlib.sha256(), 0, clock()
    try:
        with fal_gateway.open_media(url) as chunks, path.open("wb") as target:
            for chunk in chunks:
                size += len(chunk)
                _check_size(size)
                _check_time(started, clock())
                digest.update(chunk)
                target.write(chunk)
    except fal_gateway.FalError as error:
        if error.status in GONE:
            raise Unusable("result_missing", error.detail) from error
        raise
    return Source(path, digest.hexdigest())


def _check_size(size: int) -> None:
    if size > settings.RESULT_MAX_BYTES:
        raise Unusable("result_broken", "The video is larger than RESULT_MAX_BYTES.")


def _check_time(started: datetime, now: datetime) -> None:
    if (now - started).total_seconds() > DOWNLOAD_SECONDS:
        raise fal_gateway.FalError("The download took too long.")


def _inspect(source: Source, copy: Path, generation: Generation) -> Inspection:
    recipe = recipe_for_saving(generation, source_sha256=source.sha256)
    try:
        with copy.open("w+b") as target:
            return inspect_video(source.path, target, recipe)
    except VideoRefused as error:
        raise Unusable("result_broken", error.message) from error


@dataclass(frozen=True, slots=True)
class StoredFiles:
    """Names in our storage; size in bytes and hash of the video."""

    video: str
    poster: str
    size: int
    sha256: str

    def delete(self) -> None:
        storage.remove([self.video, self.poster])


def _store(generation: Generation, path: Path, inspection: Inspection, now: datetime) -> StoredFiles:
    stem = storage.new_stem("clips", team_id=generation.team_id, row_id=generation.pk, now=now)
    with path.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        content.seek(0)
        video = storage.keep(f"{stem}.mp4", File(content))
    try:
        poster = storage.keep(f"{stem}.jpg", ContentFile(inspection.poster))
    except BaseException:
        storage.remove([video])
        raise
    return StoredFiles(video=video, poster=poster, size=path.stat().st_size, sha256=sha256)


@transaction.atomic
def _publish(
    generation_id: UUID, source: Source, files: StoredFiles, inspection: Inspection, now: datetime
) -> bool:
    """False when the generation has ended otherwise meanwhile. Its previews are due from now on."""
    facts = inspection.facts
    moved = advance(
        generation_id=generation_id,
        to=Status.SUCCEEDED,
        now=now,
        due_at=now,
        video=files.video,
        poster=files.poster,
        source_sha256=source.sha256,
        video_sha256=files.sha256,
        video_size=files.size,
        width=facts.width,
        height=facts.height,
        frames=facts.frames,
        duration_ms=facts.duration_ms,
        logs=[],
    )
    if moved is not None:
        enqueue(DRAW_PREVIEWS, queue="media", generation_id=str(generation_id))
    return moved is not None


def _refuse(generation: Generation, error: Unusable, now: datetime) -> None:
    """The file may have been cut on its way, or not have reached every machine of fal's: three tries decide."""
    if generation.attempts >= TRIES_MAX:
        fail(generation.pk, error.code, error.detail, now)
        return
    _try_again(generation, error.detail, now + timedelta(seconds=2**generation.attempts))


def _wait_out(generation: Generation, error: Exception, now: datetime) -> None:
    """No fault of the file: the try does not count, and the time decides."""
    since = generation.events.filter(to_status=Status.FINALIZING).latest("pk").created_at
    lasting = now - since
    if lasting > timedelta(seconds=settings.SAVING_DEADLINE_SECONDS):
        code = "result_missing" if isinstance(error, fal_gateway.FalError) else "storage_unavailable"
        fail(generation.pk, code, str(error), now)
        return
    _try_again(generation, str(error), now + min(max(lasting / 4, PAUSES[0]), PAUSES[1]), counts=False)


def _try_again(generation: Generation, detail: str, at: datetime, *, counts: bool = True) -> None:
    logger.warning(
        "saving_failed", generation=str(generation.pk), detail=detail, attempts=generation.attempts
    )
    Generation.objects.filter(pk=generation.pk, status=Status.FINALIZING).update(
        due_at=at, attempts=F("attempts") if counts else F("attempts") - 1
    )
