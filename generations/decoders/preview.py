"""Draws a small silent loop and the last frame of a clip that was inspected before. Runs confined: see confine.py.

Only what is needed is decoded: the beginning for the loop, and the last stretch from a keyframe on for the last frame.
"""

import io
from collections.abc import Iterator
from fractions import Fraction
from math import ceil
from typing import IO, Any, Final

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from generations.decoders.confine import Refused

Image.preinit()
# Of the loop's index, reserved before its frames: they are few.
INDEX_BYTES: Final = 8_192
# Small and cheap: seen at the size of a stamp, beside many others.
ENCODING: Final = {"preset": "veryfast", "crf": "29", "bf": "0"}


def decode(file: IO[bytes], *, side: int, seconds: float, rate: int) -> tuple[dict[str, Any], list[bytes]]:
    """Give the loop as MP4 and the last frame as JPEG; raises Refused.

    The loop is the first `seconds` at about `rate` frames a second, at most `side` pixels a side.
    """
    with av.open(file, mode="r", format="mp4") as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        pace = Pace(stream, seconds, rate)
        last: VideoFrame | None = None
        chosen = []
        for frame in wanted_frames(container, stream, pace):
            if pace.takes(frame):
                chosen.append(small(frame, side))
            last = frame if last is None or (frame.pts or 0) >= (last.pts or 0) else last
        if last is None or not chosen:
            raise Refused("broken_video")
        return {"frames": len(chosen)}, [loop(chosen, pace.frame_rate), jpeg(last)]


class Pace:
    """Which frames the loop is made of: every `step`-th of the first seconds."""

    def __init__(self, stream: VideoStream, seconds: float, rate: int) -> None:
        own = stream.average_rate or Fraction(rate)
        self.step = max(1, ceil(own / rate))
        self.frame_rate = own / self.step
        self.length = max(1, int(own * Fraction(seconds)))
        self.seen = 0

    @property
    def is_over(self) -> bool:
        return self.seen >= self.length

    def takes(self, frame: VideoFrame) -> bool:
        self.seen += 1
        return self.seen <= self.length and (self.seen - 1) % self.step == 0


def wanted_frames(container: InputContainer, stream: VideoStream, pace: Pace) -> Iterator[VideoFrame]:
    """The frames from the start until the pace is over, then those from the last keyframe on."""
    last_key = max((packet.pts or 0 for packet in container.demux(stream) if packet.is_keyframe), default=0)
    container.seek(0, stream=stream)
    skipping = False
    for packet in container.demux(stream):
        before = packet.pts is not None and packet.pts < last_key
        if pace.is_over and before:
            skipping = True
            continue
        if skipping:
            stream.codec_context.flush_buffers()
            skipping = False
        yield from packet.decode()


def small(frame: VideoFrame, side: int) -> VideoFrame:
    """At most `side` pixels a side, both even: what the encoder and every browser take."""
    scale = min(1.0, side / max(frame.width, frame.height))
    width, height = (max(2, round(length * scale / 2) * 2) for length in (frame.width, frame.height))
    return frame.reformat(width=width, height=height, format="yuv420p", interpolation="AREA")


def loop(frames: list[VideoFrame], rate: Fraction) -> bytes:
    target = io.BytesIO()
    with av.open(target, mode="w", format="mp4", options={"moov_size": str(INDEX_BYTES)}) as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, "yuv420p"
        stream.codec_context.thread_count = 1
        stream.options = {**ENCODING, "g": str(len(frames))}
        for number, frame in enumerate(frames):
            frame.pts, frame.time_base = number, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return target.getvalue()


def jpeg(frame: VideoFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_image().save(buffer, "JPEG", quality=93, subsampling=0)
    return buffer.getvalue()
