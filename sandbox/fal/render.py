"""Draws the clip: a camera moves over the submitted picture, encoded as H.264 in MP4.

Works on the planes of YUV 4:2:0 directly, which halves the pixels to move and saves the colour
conversion of every frame. Runs in a render process, never in the server.
"""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
from av.video.stream import VideoStream
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from sandbox.fal.camera import FULL_MOVE_SECONDS, affine, path_of

SIZES = {
    ("480p", "16:9"): (848, 480),
    ("480p", "9:16"): (480, 848),
    ("480p", "1:1"): (480, 480),
    ("720p", "16:9"): (1280, 720),
    ("720p", "9:16"): (720, 1280),
    ("720p", "1:1"): (720, 720),
}
# What the picture before the camera depends on, and nothing else.
SCENERY = (
    "image",
    "resolution",
    "aspect_ratio",
    "constant_rate_factor",
    "loras",
    "tone_map_compression_ratio",
    "enable_detail_pass",
)
SHORT_SIDE = {"480p": 480, "720p": 720}
CAPTION = "sandbox preview"
SMALLEST, LARGEST = 32, 8192  # pixels a side
SPARE = 1.15  # the picture is kept this much larger than a frame, so that zooming stays sharp
# Planes are enlarged this much once; then picking the nearest pixel moves in quarter pixels, as smooth to
# the eye as interpolating every frame and several times faster.
FINE = 4
Planes = tuple[Image.Image, Image.Image, Image.Image]


class Unusable(Exception):
    """The picture is refused; `kind` is fal's error type."""

    def __init__(self, kind: str, ctx: dict[str, Any] | None = None) -> None:
        super().__init__(kind)
        self.kind = kind
        self.ctx = ctx


@dataclass(frozen=True, slots=True)
class Size:
    """A frame's width and height in pixels, both multiples of 16."""

    width: int
    height: int


def frame_size(resolution: str, aspect_ratio: str, picture: tuple[int, int]) -> Size:
    """The clip's size; `auto` follows the picture between 9:16 and 16:9."""
    if aspect_ratio != "auto":
        return Size(*SIZES[resolution, aspect_ratio])
    short = SHORT_SIDE[resolution]
    widest = SIZES[resolution, "16:9"][0]
    width, height = picture
    long = min(widest, max(short, round(short * max(width, height) / min(width, height) / 16) * 16))
    return Size(long, short) if width >= height else Size(short, long)


def open_picture(path: Path) -> Image.Image:
    """Decode and check the picture. Raises Unusable."""
    picture: Image.Image
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Image.open(path)
            if picture.format not in {"JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "MPO"}:
                raise Unusable("unsupported_image_format")
            width, height = picture.size
            if max(width, height) > LARGEST:
                raise Unusable("image_too_large", {"max_height": LARGEST, "max_width": LARGEST})
            picture.load()
    except Image.DecompressionBombError as error:
        raise Unusable("image_too_large", {"max_height": LARGEST, "max_width": LARGEST}) from error
    except (OSError, ValueError, SyntaxError) as error:
        raise Unusable("image_load_error") from error
    if min(width, height) < SMALLEST:
        raise Unusable("image_too_small", {"min_height": SMALLEST, "min_width": SMALLEST})
    picture = ImageOps.exif_transpose(picture)
    if picture.has_transparency_data:
        backdrop = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(backdrop, picture.convert("RGBA"))
    return picture.convert("RGB")


def compress(picture: Image.Image, crf: int) -> Image.Image:
    """What H.264 at that constant rate factor leaves of the picture, as the model does to its input."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = picture.size
    encoder.pix_fmt = "yuv420p"
    encoder.time_base = Fraction(1, 24)
    encoder.thread_count = 1
    encoder.options = {"crf": str(crf), "preset": "veryfast", "tune": "zerolatency"}
    frame = av.VideoFrame.from_image(picture).reformat(format="yuv420p")
    frame.pts = 0
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    frames = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
    return frames[0].to_image()


def tint(picture: Image.Image, loras: list[dict[str, Any]]) -> Image.Image:
    """Each LoRA lays its own colour over the picture, as strongly as its scale says."""
    for lora in loras:
        digest = hashlib.sha256(lora["path"].encode()).digest()
        colour = Image.new("RGB", picture.size, (digest[0], digest[1], digest[2]))
        picture = Image.blend(picture, colour, min(0.4, 0.1 * lora["scale"]))
    return picture


def tone_map(picture: Image.Image, ratio: float) -> Image.Image:
    """Pull shadows and highlights towards the middle; 1 leaves 60 % of the range."""
    keep = 1 - 0.4 * ratio
    return picture.point([round(118 + (level - 118) * keep) for level in range(256)] * 3)


def prepare(order: dict[str, Any]) -> tuple[Image.Image, Size]:
    """The picture as the camera sees it, and the size of the clip. Raises Unusable."""
    picture = open_picture(Path(order["image"]))
    size = frame_size(order["resolution"], order["aspect_ratio"], picture.size)
    large = (even(size.width * SPARE), even(size.height * SPARE))
    picture = ImageOps.fit(picture, large, Image.Resampling.LANCZOS)
    picture = compress(picture, order["constant_rate_factor"])
    picture = tint(picture, order["loras"])
    if order["tone_map_compression_ratio"]:
        picture = tone_map(picture, order["tone_map_compression_ratio"])
    if order["enable_detail_pass"]:
        picture = picture.filter(ImageFilter.UnsharpMask(radius=2.2, percent=140, threshold=2))
        picture = ImageEnhance.Contrast(picture).enhance(1.04)
    return picture, size


def enlarged(plane: Image.Image) -> Image.Image:
    return plane.resize((plane.width * FINE, plane.height * FINE), Image.Resampling.BILINEAR)


def even(value: float) -> int:
    return round(value / 2) * 2


def planes_of(picture: Image.Image) -> Planes:
    """Brightness at full size and two colour planes at half, in the range video uses."""
    frame = av.VideoFrame.from_image(picture).reformat(format="yuv420p", dst_colorspace="itu709")
    width, height = picture.size
    sizes = [(width, height), (width // 2, height // 2), (width // 2, height // 2)]
    y, u, v = (
        Image.frombuffer("L", size, bytes(plane), "raw", "L", plane.line_size, 1)
        for size, plane in zip(sizes, frame.planes, strict=True)
    )
    return y, u, v


@dataclass(frozen=True, slots=True)
class Caption:
    """The words that say this is not the real model, drawn once and laid over every frame."""

    patch: Image.Image
    mask: Image.Image
    corner: tuple[int, int]


@lru_cache(maxsize=8)
def caption_for(size: Size) -> Caption:
    font = ImageFont.load_default(size=max(14, min(size.width, size.height) // 36))
    left, top, right, bottom = font.getbbox(CAPTION)
    pad = int(font.size * 0.55)  # type: ignore[union-attr]
    box = (even(right - left + 2 * pad), even(bottom - top + 2 * pad))
    patch = Image.new("L", box, 16)
    ImageDraw.Draw(patch).text((pad - left, pad - top), CAPTION, font=font, fill=225)
    shape = Image.new("L", (box[0] * 4, box[1] * 4), 0)
    ImageDraw.Draw(shape).rounded_rectangle((0, 0, box[0] * 4 - 1, box[1] * 4 - 1), box[1] * 1.2, fill=150)
    letters = patch.point([0] * 17 + [min(255, (level - 16) * 2) for level in range(17, 256)])
    mask = shape.resize(box, Image.Resampling.LANCZOS)
    mask.paste(letters, (0, 0), letters)
    inset = even(min(size.width, size.height) * 0.025)
    return Caption(patch, mask, (inset, size.height - box[1] - inset))


def colour_drift(order: dict[str, Any], index: int) -> tuple[float, float]:
    """How far the two colour planes stray in this frame: not at all with an AdaIN factor of 1."""
    strength = 16 * (1 - order["temporal_adain_factor"]) ** 2
    turn = order["seed"] % 628 / 100
    seconds = index / order["frame_rate"]
    fade = min(1.0, seconds)
    return (
        strength * fade * math.sin(turn + seconds * 1.1),
        strength * fade * math.sin(turn * 1.7 + seconds * 0.8),
    )


def shifted(plane: Image.Image, amount: float) -> Image.Image:
    """The plane with that much added, within the limits of video levels."""
    steps = round(amount)
    if steps == 0:
        return plane
    return plane.point([max(16, min(240, level + steps)) for level in range(256)])


@lru_cache(maxsize=2)
def scenery(order: str) -> tuple[list[Image.Image], Size]:
    """The enlarged planes; kept, because clips that differ in seed or length only share them."""
    picture, size = prepare(json.loads(order))
    return [enlarged(plane) for plane in planes_of(picture)], size


class Painter:
    """Makes the frames of one clip."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.planes, self.size = scenery(json.dumps({name: order[name] for name in SCENERY}))
        self.order = order
        self.path = path_of(order["seed"])
        self.caption = caption_for(self.size)
        seconds = order["num_frames"] / order["frame_rate"]
        self.share = min(1.0, seconds / FULL_MOVE_SECONDS)

    def frame(self, number: int) -> av.VideoFrame:
        """The frame shown at that place; a reversed clip runs from its last place to its first."""
        total = self.order["num_frames"]
        index = total - 1 - number if self.order["reverse_video"] else number
        progress = self.share * index / max(1, total - 1)
        pose = self.path.at(progress, index / self.order["frame_rate"])
        frame = av.VideoFrame(self.size.width, self.size.height, "yuv420p")
        drift = (0.0, *colour_drift(self.order, index))
        for level, (plane, target) in enumerate(zip(self.planes, frame.planes, strict=True)):
            shrink = 1 if level == 0 else 2
            size = (self.size.width // shrink, self.size.height // shrink)
            matrix = affine(pose, source=plane.size, target=size)
            # The buffer's lines may be longer than the picture's; drawing that long fills them.
            moved = plane.transform(
                (target.line_size, size[1]), Image.Transform.AFFINE, matrix, Image.Resampling.NEAREST
            )
            moved = shifted(moved, drift[level])
            self._label(moved, shrink)
            target.update(moved.tobytes())
        frame.pts = number
        return frame

    def _label(self, plane: Image.Image, shrink: int) -> None:
        x, y = (edge // shrink for edge in self.caption.corner)
        if shrink == 1:
            plane.paste(self.caption.patch, (x, y), self.caption.mask)
            return
        box = (self.caption.mask.width // 2, self.caption.mask.height // 2)
        plane.paste(128, (x, y, x + box[0], y + box[1]), self.caption.mask.resize(box))


def open_stream(container: av.container.OutputContainer, order: dict[str, Any], size: Size) -> VideoStream:
    stream = container.add_stream("libx264", rate=order["frame_rate"])
    stream.width, stream.height = size.width, size.height
    stream.pix_fmt = "yuv420p"
    stream.codec_context.thread_count = 1  # one core a clip; several clips run side by side
    stream.codec_context.colorspace = 1
    stream.codec_context.color_primaries = 1
    stream.codec_context.color_trc = 1
    stream.codec_context.color_range = 1
    stream.options = {"preset": "superfast", "crf": "22", "g": str(order["frame_rate"] * 2)}
    return stream


def render(order: dict[str, Any], target: Path) -> None:
    """Write the whole clip. The same order gives the same bytes. Raises Unusable."""
    painter = Painter(order)
    with av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = open_stream(container, order, painter.size)
        for number in range(order["num_frames"]):
            container.mux(stream.encode(painter.frame(number)))
        container.mux(stream.encode(None))
