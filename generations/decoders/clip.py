"""Reads what an MP4 holds, draws its poster and writes the recipe into a copy. Runs confined: see confine.py.

Every packet is counted and one frame is decoded: enough to tell a whole clip from a cut one without the
time a full decoding takes. The copy holds the very same packets: nothing is encoded again.
"""

import io
import json
from fractions import Fraction
from typing import IO, Any, Final

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from generations.decoders.confine import Refused

Image.preinit()  # loads Pillow's formats before the first file, once for all posters
# What browsers play inside an MP4.
CODECS: Final = frozenset({"h264", "av1", "vp9"})
BRANDS_REFUSED: Final = frozenset({"qt", ""})
FRAME_RATES: Final = (1, 240)
# Room for the copy's index. A frame takes at most: size 4, place 8, two times of 8, group 12, keyframe 4.
INDEX_BYTES: Final = 8_192
INDEX_BYTES_PER_FRAME: Final = 44


class Tally:
    """Counts packets and remembers the stretch of time they cover, in the stream's own units."""

    def __init__(self) -> None:
        self.frames = 0
        self.first: int | None = None
        self.end = 0

    def add(self, packet: av.Packet) -> None:
        if packet.is_corrupt:
            raise Refused("broken_video")
        if packet.pts is None:
            raise Refused("broken_video")
        self.frames += 1
        self.first = packet.pts if self.first is None else min(self.first, packet.pts)
        self.end = max(self.end, packet.pts + (packet.duration or 0))

    def seconds(self, time_base: Fraction) -> Fraction:
        return (self.end - (self.first or 0)) * time_base


def decode(
    file: IO[bytes],
    *,
    target: IO[bytes],
    recipe: dict[str, Any],
    max_frames: int,
    max_side: int,
    poster_side: int,
) -> tuple[dict[str, Any], list[bytes]]:
    """Give the facts of `VideoFacts`, then the poster as JPEG, and copy the clip into `target`.

    The copy's index stands first, and its comment is `recipe` with the facts added under "delivered". Sides are
    pixels. Raises Refused.
    """
    check_boxes(file)
    with av.open(file, mode="r", format="mp4") as container:
        stream = only_video(container)
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        tally, frame = read_through(container, stream, max_frames)
        facts = facts_of(stream, tally, frame)
        if max(facts["width"], facts["height"]) > max_side:
            raise Refused("unexpected_video")
        drawn = poster(frame, poster_side)
    file.seek(0)
    delivered = {**recipe["delivered"], **facts}
    copy(file, target, comment=json.dumps({**recipe, "delivered": delivered}), frames=facts["frames"])
    return facts, [drawn]


def check_boxes(file: IO[bytes]) -> None:
    """An MP4 is a row of boxes that state their lengths: they must end where the file ends."""
    size = file.seek(0, io.SEEK_END)
    at = 0
    while at < size:
        file.seek(at)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:  # a long box states its length in 8 more bytes
            length = int.from_bytes(head[8:16], "big")
        elif length == 0:  # the last box may reach to the end
            length = size - at
        if length < 8 or len(head) < 8:
            raise Refused("broken_video")
        at += length
    if at != size:
        raise Refused("broken_video")
    file.seek(0)


def only_video(container: InputContainer) -> VideoStream:
    brand = container.metadata.get("major_brand", "").strip()
    if brand in BRANDS_REFUSED or len(container.streams.video) != 1:
        raise Refused("unexpected_video")
    stream = container.streams.video[0]
    if stream.codec_context.codec.canonical_name not in CODECS:
        raise Refused("unexpected_video")
    return stream


def read_through(container: InputContainer, stream: VideoStream, max_frames: int) -> tuple[Tally, VideoFrame]:
    tally = Tally()
    first: VideoFrame | None = None
    for packet in container.demux(stream):
        if packet.size:
            tally.add(packet)
        if tally.frames > max_frames:
            raise Refused("unexpected_video")
        if first is None:  # the last, empty packet makes the decoder give what it still holds
            first = next(iter(packet.decode()), None)
    # The index says how many there should be; 0 means the file has none (fragments).
    if first is None or tally.frames < stream.frames:
        raise Refused("broken_video")
    return tally, first


def facts_of(stream: VideoStream, tally: Tally, frame: VideoFrame) -> dict[str, Any]:
    seconds = tally.seconds(stream.time_base or Fraction(0))
    if seconds <= 0:
        raise Refused("broken_video")
    rate = stream.average_rate or Fraction(tally.frames) / seconds
    if not FRAME_RATES[0] <= rate <= FRAME_RATES[1]:
        raise Refused("unexpected_video")
    return {
        "width": frame.width,
        "height": frame.height,
        "frames": tally.frames,
        "duration_ms": round(seconds * 1000),
        "codec": stream.codec_context.codec.canonical_name,
        "frame_rate": round(float(rate), 3),
    }


def copy(file: IO[bytes], target: IO[bytes], *, comment: str, frames: int) -> None:
    """The same packets in a new MP4 whose index stands before them, so that playing starts with the first bytes.

    The room for the index is reserved before the packets are written; what is left of it becomes an empty box.
    """
    room = INDEX_BYTES + INDEX_BYTES_PER_FRAME * frames + len(comment.encode())
    with (
        av.open(file, mode="r", format="mp4") as source,
        av.open(target, mode="w", format="mp4", options={"moov_size": str(room)}) as result,
    ):
        stream = source.streams.video[0]
        same = result.add_stream_from_template(stream, opaque=True)
        result.metadata["comment"] = comment
        for packet in source.demux(stream):
            if packet.size:
                packet.stream = same
                result.mux(packet)


def poster(frame: VideoFrame, side: int) -> bytes:
    picture = frame.to_image()
    picture.thumbnail((side, side))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
