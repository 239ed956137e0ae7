"""Takes one frame out of an MP4, as a picture to go on from. Runs confined: see confine.py."""

import io
from typing import IO, Any

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from generations.decoders.clip import check_boxes, only_video
from generations.decoders.confine import Refused

Image.preinit()


def decode(
    file: IO[bytes], *, frame: int | None, at_ms: int | None, max_frames: int
) -> tuple[dict[str, Any], list[bytes]]:
    """Give the number of the frame taken (0 is the first) and of all frames, then it as a lossless PNG.

    `frame` names it, else `at_ms` the moment it is shown, else the last one is meant. Raises Refused.
    """
    check_boxes(file)
    with av.open(file, mode="r", format="mp4") as container:
        stream = only_video(container)
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        times = frame_times(container, stream, max_frames)
        number = chosen(times, stream, frame, at_ms)
        picture = picture_at(container, stream, times[number])
    buffer = io.BytesIO()
    picture.to_image().save(buffer, "PNG", compress_level=1)
    return {"frame": number, "frames": len(times)}, [buffer.getvalue()]


def frame_times(container: InputContainer, stream: VideoStream, max_frames: int) -> list[int]:
    """When each frame is shown, in the stream's own units: packets come in the order of decoding."""
    times: list[int] = []
    for packet in container.demux(stream):
        if packet.size and packet.pts is not None:
            times.append(packet.pts)
        if len(times) > max_frames:
            raise Refused("unexpected_video")
    if not times:
        raise Refused("broken_video")
    return sorted(times)


def chosen(times: list[int], stream: VideoStream, frame: int | None, at_ms: int | None) -> int:
    if frame is not None:
        if not 0 <= frame < len(times):
            raise Refused("no_such_frame")
        return frame
    if at_ms is None:
        return len(times) - 1
    if stream.time_base is None:
        raise Refused("broken_video")
    moment = times[0] + at_ms / 1000 / stream.time_base
    return max(sum(time <= moment for time in times) - 1, 0)


def picture_at(container: InputContainer, stream: VideoStream, time: int) -> VideoFrame:
    """Decoded from the key frame before it, so that the end of a long clip does not take longer than its start."""
    container.seek(time, stream=stream, backward=True)
    for picture in container.decode(stream):
        if picture.pts is not None and picture.pts >= time:
            return picture
    raise Refused("broken_video")
