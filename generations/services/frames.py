"""Pictures taken out of finished clips, to go on from."""

import io
import shutil
import tempfile
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from accounts.actors import Actor
from accounts.errors import DomainError, FieldErrors
from generations import child_process
from generations.child_process import DecodingFailed
from generations.models import Generation, Image
from generations.services.images import store_image
from generations.video_inspection import MAX_FRAMES

DECODER: Final = "generations.decoders.frame"
FILES_GONE: Final = (
    "The files of this clip were deleted, so there is no frame to continue from. "
    "Its picture and settings can still be used again."
)


class FilesGone(DomainError):
    """The clip's files were deleted; its recipe and picture are still there."""

    code = "media_expired"


@dataclass(frozen=True, slots=True)
class FrameChoice:
    """Which frame: by its number (0 is the first), by the moment it is shown (ms), or the last one for neither."""

    number: int | None = None
    at_ms: int | None = None

    def as_json(self) -> list[int | None]:
        return [self.number, self.at_ms]


LAST: Final = FrameChoice()


def picture_from_clip(*, actor: Actor, clip: Generation, choice: FrameChoice = LAST) -> Image:
    """One frame of a finished clip of the actor's team as a picture; the same frame again is the same picture.

    Raises FilesGone, FieldErrors for a frame it does not have, and RuntimeError inside a transaction: decoding
    takes up to 10 s.
    """
    known = _taken(actor, clip.pk, choice, clip.frames)
    if known is not None:
        return known
    if clip.media_deleted_at is not None or not clip.video:
        raise FilesGone(FILES_GONE)
    number, content = _extract(clip, choice)
    image = store_image(
        actor=actor, upload=io.BytesIO(content), name=f"frame {number + 1} of clip {clip.pk.hex[:8]}.png"
    )
    if image.from_clip_id is None:
        image.from_clip, image.from_frame = clip, number
        image.save(update_fields=["from_clip", "from_frame"])
    return image


def _taken(actor: Actor, clip_id: UUID, choice: FrameChoice, frames: int) -> Image | None:
    if choice.at_ms is not None:
        return None
    number = frames - 1 if choice.number is None else choice.number
    return Image.objects.for_team(actor.team).filter(from_clip_id=clip_id, from_frame=number).first()


def _extract(clip: Generation, choice: FrameChoice) -> tuple[int, bytes]:
    options = {"frame": choice.number, "at_ms": choice.at_ms, "max_frames": MAX_FRAMES}
    with tempfile.TemporaryFile() as copy:
        try:
            with clip.video.open("rb") as video:
                shutil.copyfileobj(video, copy)
        except FileNotFoundError:
            raise FilesGone(FILES_GONE) from None
        try:
            answer = child_process.decode(DECODER, copy, options)
        except DecodingFailed as failure:
            if failure.code == "no_such_frame":
                sentence = f"This clip has {clip.frames} frames: choose one from 0 to {clip.frames - 1}."
                raise FieldErrors({"frame": [sentence]}) from None
            raise
    return answer.facts["frame"], answer.blobs[0]
