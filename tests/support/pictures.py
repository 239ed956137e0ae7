"""Makes pictures and clips, honest and hostile; everything is drawn here, no file is kept."""

import io
import math
import random
import struct
import zlib
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import cast

import av
from av.video.stream import VideoStream
from PIL import Image, ImageChops, ImageCms, ImageDraw, ImageFilter


@cache
def photograph(width: int = 960, height: int = 640, seed: int = 1) -> bytes:
    """A believable JPEG photograph: sky, sun, hills, grain. The same seed is the same picture, drawn once."""
    buffer = io.BytesIO()
    landscape(width, height, seed).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def landscape(width: int = 960, height: int = 640, seed: int = 1) -> Image.Image:
    """The picture of `photograph`, not yet encoded."""
    dice = random.Random(seed)
    warm = (dice.randint(215, 250), dice.randint(150, 195), dice.randint(110, 150))
    cool = (dice.randint(40, 90), dice.randint(90, 140), dice.randint(150, 205))
    slope = Image.linear_gradient("L").resize((width, height))
    picture = Image.composite(Image.new("RGB", slope.size, warm), Image.new("RGB", slope.size, cool), slope)
    draw = ImageDraw.Draw(picture)
    sun = (dice.uniform(0.2, 0.8) * width, dice.uniform(0.25, 0.45) * height)
    radius = min(width, height) * 0.08
    draw.ellipse((sun[0] - radius, sun[1] - radius, sun[0] + radius, sun[1] + radius), fill=(255, 240, 205))
    for layer in range(4):
        _hills(draw, width, height, layer, dice)
    soft = picture.filter(ImageFilter.GaussianBlur(max(1, min(width, height) / 500)))
    return _grain(soft, dice)


def _hills(draw: ImageDraw.ImageDraw, width: int, height: int, layer: int, dice: random.Random) -> None:
    base, wave = 0.5 + 0.12 * layer, dice.uniform(1.5, 4)
    shift, rise = dice.uniform(0, math.tau), dice.uniform(0.03, 0.07)
    step = max(1, width // 120)
    ridge = [
        (x, height * (base + rise * math.sin(shift + wave * x / width * math.tau / 2)))
        for x in range(0, width + step, step)
    ]
    shade = 95 - 22 * layer
    draw.polygon(
        [(0, height), *ridge, (width + step, height)], fill=(shade, shade + dice.randint(8, 26), shade - 5)
    )


def _grain(picture: Image.Image, dice: random.Random) -> Image.Image:
    """One tile of noise, repeated: real noise of 40 megapixels would take seconds."""
    tile = Image.frombytes("L", (256, 256), dice.randbytes(65_536)).point(lambda value: value // 24)
    noise = Image.new("L", picture.size)
    for x in range(0, picture.width, 256):
        for y in range(0, picture.height, 256):
            noise.paste(tile, (x, y))
    return ImageChops.add(picture, Image.merge("RGB", (noise, noise, noise)))


def encoded(picture: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb_png(width: int, height: int, *, extra: bytes = b"") -> bytes:
    """A valid 1-bit PNG of any size in a few kilobytes; `extra` chunks stand before the pixels."""
    packer = zlib.compressobj(9)
    row = b"\0" * (1 + (width + 7) // 8)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + extra
        + png_chunk(b"IDAT", pixels)
        + png_chunk(b"IEND", b"")
    )


def text_bomb_png(megabytes: int = 300) -> bytes:
    """A PNG of 64 x 64 pixels whose compressed text chunk unfolds to `megabytes` MB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = bytes(1_000_000)
    # One block, complete in itself, repeated: packing all of it would take seconds.
    block = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
    check = 1
    for _ in range(megabytes):
        check = zlib.adler32(zeros, check)
    text = b"\x78\xda" + block * megabytes + b"\x03\0" + struct.pack(">I", check)
    return bomb_png(64, 64, extra=png_chunk(b"zTXt", b"note\0\0" + text))


def clip(
    path: Path,
    *,
    frames: int = 25,
    width: int = 320,
    height: int = 192,
    rate: int = 24,
    codec: str = "libx264",
    form: str = "mp4",
    moving: bool = True,
    coding: dict[str, str] | None = None,
    **movflags: str,
) -> Path:
    """A real video of moving colours at `path`; `coding` are options of the H.264 encoder."""
    scene = landscape(width, height)
    with av.open(str(path), "w", format=form, options=movflags) as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=Fraction(rate)))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        if codec == "libx264":
            stream.options = {"preset": "ultrafast", **(coding or {})}
        for number in range(frames):
            if moving or number == 0:
                frame = av.VideoFrame.from_image(ImageChops.offset(scene, number * 2, 0))
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def scan_bomb(width: int, height: int, scans: int) -> bytes:
    """A progressive JPEG that repeats its last scan: small, valid, and endless work for a decoder."""
    grey = Image.new("L", (width, height), 128)
    whole = encoded(grey, "JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * scans + whole[-2:]


def swapped_profile() -> bytes:
    """An ICC profile in which red and green have changed places: ignoring it shows at once."""
    honest = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return honest.replace(b"rXYZ", b"????", 1).replace(b"gXYZ", b"rXYZ", 1).replace(b"????", b"gXYZ", 1)


def gossip(picture: Image.Image) -> bytes:
    """A JPEG that says where, when and with what it was taken, and carries a comment, XMP and a profile."""
    exif = Image.Exif()
    exif[0x010F] = "canary-maker"
    exif[0x8825] = {1: "N", 2: (48.0, 8.0, 14.0), 29: "canary-date"}
    return encoded(
        picture,
        "JPEG",
        exif=exif,
        comment=b"canary-comment",
        icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>canary-xmp</x:xmpmeta>",
    )
