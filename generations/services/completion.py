"""From fal's result to a playable clip: ask, copy, inspect, publish, and settle once."""

import hashlib
import tempfile
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog
from django.conf import settings
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F

from generations import fal_gateway
from generations.clock import Clock
from generations.failures import code_for, failure_of
from generations.models import Generation, Image, Submission, SubmissionState
from generations.services.exclusive import exclusive
from generations.services.states import advance
from generations.states import Status
from generations.video_inspection import Inspection, VideoRefused, inspect_video, prepare_inspection

logger = structlog.get_logger(__name__)

# When the sweep looks after a clip that is being saved: a saver that still lives keeps the generation's lock.
LOOK_AGAIN: Final = timedelta(seconds=10)
# Tries at asking for the result, and at copying it, each with a pause that doubles up to five minutes.
ASKING_MAX: Final = 12
SAVING_MAX: Final = 8
DOWNLOAD_SECONDS: Final = 240
# Statuses that say the file is gone for good.
GONE: Final = frozenset({404, 410, 422})


class Unusable(Exception):
    """The result cannot become a clip, whoever tries again: `code` is one of failures.py."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def finish_generation(*, generation_id: UUID, clock: Clock) -> None:
    """Bring a generation that fal may have finished to its end. Idempotent; several may call at once.

    Only fal's own answer to a request made with our key is believed. Network and disk work happens outside
    transactions; the last transaction publishes the clip and captures the hold.
    """
    with exclusive(generation_id) as is_mine:
        if is_mine:
            _finish(generation_id, clock)


def _finish(generation_id: UUID, clock: Clock) -> None:
    _ask_for_result(generation_id, clock)
    if not _begin_saving(generation_id, clock()):
        return
    generation = Generation.objects.select_related("image").get(pk=generation_id)
    try:
        _save(generation, clock)
    except Unusable as error:
        _fail(generation_id, error.code, error.detail, clock())
    except (fal_gateway.FalError, OSError) as error:
        _save_later(generation, str(error), clock())


def _ask_for_result(generation_id: UUID, clock: Clock) -> None:
    """`processing` becomes `finalizing`, or its end, by the HTTP status of fal's result."""
    submission = _alive_submission(generation_id)
    if submission is None or submission.generation.status != Status.PROCESSING:
        return
    try:
        result = fal_gateway.fetch_result(
            key=submission.fal_key,
            request_id=submission.request_id or "",
            response_url=submission.response_url,
        )
    except fal_gateway.NotReady:
        return
    except fal_gateway.FalError as error:
        _ask_later(submission.generation, error.detail, clock())
        return
    if result.output is None:
        _conclude_error(submission, result, clock())
        return
    with transaction.atomic():
        moved = advance(
            generation_id=generation_id,
            to=Status.FINALIZING,
            now=clock(),
            due_at=clock(),
            progress=100,
            queue_position=None,
            used_prompt=result.output["prompt"],
            used_seed=result.output["seed"],
        )
        if moved is not None:
            Submission.objects.filter(pk=submission.pk).update(
                output=result.output, billable_units=result.billable_units
            )


def _conclude_error(submission: Submission, result: fal_gateway.Result, now: datetime) -> None:
    generation = submission.generation
    code = code_for(status=result.http_status, error_type=result.error_type)
    if result.http_status in {404, 410}:
        code = "result_missing"
    Submission.objects.filter(pk=submission.pk).update(billable_units=result.billable_units)
    if code in {"file_download_error", "image_load_error"}:
        # fal's copy of the picture may be gone or broken: the next job sends it anew.
        Image.objects.filter(pk=generation.image_id).update(fal_url="", fal_url_expires_at=None)
    to = {"canceled": Status.CANCELED, "start_deadline": Status.EXPIRED}.get(code, Status.FAILED)
    if failure_of(code).rejected:
        to = Status.REJECTED
    detail = f"{result.http_status} {result.error_type}: {result.detail}"[:2000]
    advance(generation_id=generation.pk, to=to, now=now, failure_code=code, failure_detail=detail)


def _ask_later(generation: Generation, detail: str, now: datetime) -> None:
    """No evidence: the state stays, the next look comes later, and too many end the job."""
    attempts = generation.attempts + 1
    logger.warning("result_unavailable", generation=str(generation.pk), detail=detail, attempts=attempts)
    if attempts > ASKING_MAX:
        _fail(generation.pk, "provider_error", detail, now)
        return
    Generation.objects.filter(pk=generation.pk, status=Status.PROCESSING).update(
        attempts=F("attempts") + 1, due_at=now + _pause(attempts)
    )


def _begin_saving(generation_id: UUID, now: datetime) -> bool:
    """Count the try and commit before the work, so that work which kills its worker counts."""
    begun = Generation.objects.filter(pk=generation_id, status=Status.FINALIZING, due_at__lte=now).update(
        attempts=F("attempts") + 1, due_at=now + LOOK_AGAIN
    )
    return bool(begun)


def _save(generation: Generation, clock: Clock) -> None:
    submission = _alive_submission(generation.pk)
    if submission is None or not submission.output:
        raise Unusable("internal_error", "A generation is saving without an accepted request.")
    if generation.attempts > SAVING_MAX:
        raise Unusable("result_missing", f"The result could not be saved in {SAVING_MAX} tries.")
    with tempfile.TemporaryDirectory(prefix="ltx-") as folder:
        prepare_inspection()  # loads while the clip is on its way
        path = Path(folder) / "clip.mp4"
        digest = _download(submission.output["video"]["url"], path, clock)
        try:
            inspection = inspect_video(path)
        except VideoRefused as error:
            raise Unusable("result_broken", str(error)) from error
        files = _store(generation, path, inspection)
    if not _publish(generation.pk, files, inspection, digest, clock()):
        files.delete()


def _download(url: str, path: Path, clock: Clock) -> str:
    """Copy the video to `path`, within limits of size and time; returns its SHA-256."""
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
    return digest.hexdigest()


def _check_size(size: int) -> None:
    if size > settings.RESULT_MAX_BYTES:
        raise Unusable("result_broken", "The video is larger than RESULT_MAX_BYTES.")


def _check_time(started: datetime, now: datetime) -> None:
    if (now - started).total_seconds() > DOWNLOAD_SECONDS:
        raise fal_gateway.FalError("The download took too long.")


@dataclass(frozen=True, slots=True)
class StoredFiles:
    """Names in our storage."""

    video: str
    poster: str
    video_size: int

    def delete(self) -> None:
        for name in (self.video, self.poster):
            default_storage.delete(name)


def _store(generation: Generation, path: Path, inspection: Inspection) -> StoredFiles:
    base = f"clips/{generation.team_id}/{generation.pk}-{uuid.uuid4().hex[:8]}"
    poster = default_storage.save(f"{base}.jpg", ContentFile(inspection.poster))
    with path.open("rb") as content:
        video = default_storage.save(f"{base}.mp4", File(content))
    return StoredFiles(video=video, poster=poster, video_size=path.stat().st_size)


def _publish(
    generation_id: UUID, files: StoredFiles, inspection: Inspection, digest: str, now: datetime
) -> bool:
    facts = inspection.facts
    moved = advance(
        generation_id=generation_id,
        to=Status.SUCCEEDED,
        now=now,
        video=files.video,
        poster=files.poster,
        video_sha256=digest,
        video_size=files.video_size,
        width=facts.width,
        height=facts.height,
        frames=facts.frames,
        duration_ms=facts.duration_ms,
        logs=[],
    )
    return moved is not None


def _save_later(generation: Generation, detail: str, now: datetime) -> None:
    logger.warning(
        "saving_failed", generation=str(generation.pk), detail=detail, attempts=generation.attempts
    )
    Generation.objects.filter(pk=generation.pk, status=Status.FINALIZING).update(
        due_at=now + _pause(generation.attempts)
    )


def _fail(generation_id: UUID, code: str, detail: str, now: datetime) -> None:
    logger.error("generation_failed", generation=str(generation_id), code=code, detail=detail)
    advance(
        generation_id=generation_id,
        to=Status.FAILED,
        now=now,
        failure_code=code,
        failure_detail=detail[:2000],
    )


def _alive_submission(generation_id: UUID) -> Submission | None:
    return (
        Submission.objects.select_related("generation")
        .filter(generation_id=generation_id, state=SubmissionState.ACCEPTED)
        .first()
    )


def _pause(attempts: int) -> timedelta:
    return timedelta(seconds=min(2**attempts, 300))
