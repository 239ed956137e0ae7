"""Clips from outside: checked in a child process before anybody may watch them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from generations import child_process
from generations.child_process import LIMITS, DecodingFailed, Limits

DECODER: Final = "generations.decoders.clip"
MAX_FRAMES: Final = 10_000
MAX_SIDE: Final = 4096
POSTER_SIDE: Final = 1280

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


def prepare_inspection() -> None:
    """Begin to load the decoder while the clip is still on its way; returns at once."""
    child_process.prepare(DECODER)


def inspect_video(path: Path | str, limits: Limits = LIMITS) -> Inspection:
    """Check that `path` is a whole MP4 that browsers play, and draw its poster.

    Takes 0.05 s for a clip of 121 frames, and 0.2 s more when the decoder has to be loaded first: see
    `prepare_inspection`. Raises VideoRefused.
    """
    with Path(path).open("rb") as file:
        if file.read(12)[4:8] != b"ftyp":
            raise VideoRefused("not_mp4")
        options = {"max_frames": MAX_FRAMES, "max_side": MAX_SIDE, "poster_side": POSTER_SIDE}
        try:
            answer = child_process.decode(DECODER, file, options, limits)
        except DecodingFailed as failure:
            raise VideoRefused(
                failure.code or "broken_video", "" if failure.code else str(failure)
            ) from failure
    return Inspection(facts=VideoFacts(**answer.facts), poster=answer.blobs[0])
