"""Clips from outside: checked in a child process before anybody may watch them, and drawn small for lists."""

from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from django.conf import settings

from generations import child_process
from generations.child_process import LIMITS, DecodingFailed, Limits

DECODER: Final = "generations.decoders.video"
MAX_FRAMES: Final = 10_000
MAX_SIDE: Final = 4096
POSTER_SIDE: Final = 1280
# The hover preview: pixels, seconds, frames a second.
PREVIEW: Final = {"side": 320, "seconds": 3.0, "rate": 12}
# What the recipe may add to a file.
ROOM_FOR_RECIPE: Final = 8_000_000

# Code -> sentence for operators.
REFUSALS: Final[dict[str, str]] = {
    "not_mp4": "The file is not an MP4.",
    "unexpected_video": "The MP4 does not hold one video in a format that browsers play.",
    "broken_video": "The MP4 is damaged or incomplete.",
}


class VideoRefused(Exception):
    """This file must not be published; `code` is a key of REFUSALS, `message` is for operators."""

    def __init__(self, code: str, detail: str = "") -> None:
        self.code = code
        self.message = f"{REFUSALS[code]} ({detail})" if detail else REFUSALS[code]
        super().__init__(self.message)


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """Pixels, frames, milliseconds, frames per second; `codec` is h264, av1 or vp9."""

    width: int
    height: int
    frames: int
    duration_ms: int
    codec: str
    frame_rate: float


@dataclass(frozen=True, slots=True)
class Inspection:
    facts: VideoFacts
    poster: bytes  # JPEG of the first frame, so that playing starts without a jump


@dataclass(frozen=True, slots=True)
class Previews:
    loop: bytes  # MP4 without sound
    last_frame: bytes  # JPEG in the clip's size


def prepare_inspection() -> None:
    """Begin to load the decoder while the clip is still on its way; returns at once."""
    child_process.prepare(DECODER)


def inspect_video(
    path: Path | str, copy: IO[bytes], recipe: dict[str, Any], limits: Limits | None = None
) -> Inspection:
    """Check that `path` is a whole MP4 that browsers play, draw its poster, and copy it with the recipe inside.

    `copy` is a real file; it gets the same packets with the index first and `recipe` as the comment. Takes 0.06 s for
    a clip of 121 frames, and 0.2 s more when the decoder has to be loaded first: see `prepare_inspection`. Raises
    VideoRefused, and DecoderUnavailable when nothing could be inspected.
    """
    with Path(path).open("rb") as file:
        if file.read(12)[4:8] != b"ftyp":
            raise VideoRefused("not_mp4")
        options = {
            "work": "inspect",
            "recipe": recipe,
            "max_frames": MAX_FRAMES,
            "max_side": MAX_SIDE,
            "poster_side": POSTER_SIDE,
        }
        limits = limits or Limits(output=settings.RESULT_MAX_BYTES + ROOM_FOR_RECIPE)
        try:
            answer = child_process.decode(DECODER, file, options, limits, product=copy)
        except DecodingFailed as failure:
            raise _refused(failure) from failure
    return Inspection(facts=VideoFacts(**answer.facts), poster=answer.blobs[0])


def draw_previews(path: Path | str, limits: Limits = LIMITS) -> Previews:
    """A small silent loop of the clip's beginning, and its last frame. Takes 0.3 s of processor time for 121 frames.

    Raises VideoRefused, and DecoderUnavailable when nothing could be drawn.
    """
    with Path(path).open("rb") as file:
        try:
            answer = child_process.decode(DECODER, file, {"work": "preview", **PREVIEW}, limits)
        except DecodingFailed as failure:
            raise _refused(failure) from failure
    return Previews(*answer.blobs)


def _refused(failure: DecodingFailed) -> VideoRefused:
    return VideoRefused(failure.code or "broken_video", "" if failure.code else str(failure))
