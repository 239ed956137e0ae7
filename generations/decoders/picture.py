"""Turns any accepted picture into a clean JPEG and a thumbnail. Runs confined: see confine.py.

Nothing of the file but its visible pixels reaches the result: they are painted on a new canvas, so EXIF,
place, comments, colour profile, text and appended bytes are gone.
"""

import io
import warnings
from typing import IO, Any, Final

from PIL import Image, ImageCms, WebPImagePlugin

from generations.decoders.confine import Refused

# Loaded before the first file: a missing format makes Pillow load all it has, 60 ms for every picture.
Image.preinit()
FORMATS: Final = ("JPEG", "PNG", WebPImagePlugin.WebPImageFile.format)
ORIENTATION: Final = 0x0112
# How to undo each EXIF orientation.
TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
PROFILE_SPACES: Final = {"L": "GRAY", "RGB": "RGB ", "CMYK": "CMYK"}


def decode(
    file: IO[bytes],
    *,
    max_pixels: int,
    min_side: int,
    max_side: int,
    max_ratio: float,
    stored_side: int,
    thumbnail_side: int,
) -> tuple[dict[str, Any], list[bytes]]:
    """Give width and height, then the picture and its thumbnail as JPEG. Sides are pixels.

    Raises Refused; anything else it raises means a damaged file.
    """
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    Image.MAX_IMAGE_PIXELS = max_pixels
    try:
        picture: Image.Image = Image.open(file, formats=FORMATS)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as bomb:
        raise Refused("too_many_pixels") from bomb
    check_shape(picture, max_pixels, min_side, max_side, max_ratio)
    turn = TURNS.get(orientation_of(picture))
    canvas = new_canvas(shrink(picture, stored_side), turn)
    small = shrink(canvas, thumbnail_side)
    blobs = [jpeg(canvas, quality=92, subsampling=0), jpeg(small, quality=80, subsampling=2)]
    return {"width": canvas.width, "height": canvas.height}, blobs


def check_shape(
    picture: Image.Image, max_pixels: int, min_side: int, max_side: int, max_ratio: float
) -> None:
    """Judge what the header claims, before a pixel is decoded."""
    short, long = sorted(picture.size)
    if picture.width * picture.height > max_pixels or long > max_side:
        raise Refused("too_many_pixels")
    if short < min_side:
        raise Refused("too_small")
    if long > short * max_ratio:
        raise Refused("bad_proportions")
    # Phones put a second view or a gain map behind a JPEG: that is no animation, and the first one counts.
    if picture.format in {"PNG", "WEBP"} and getattr(picture, "n_frames", 1) > 1:
        raise Refused("animated")


def orientation_of(picture: Image.Image) -> int:
    """How the camera was held, 1 to 8; 1 when the file does not say, or says it wrongly."""
    try:
        return int(picture.getexif().get(ORIENTATION, 1))
    except Exception:  # a broken note about a good picture is no reason to refuse it
        return 1


def shrink(picture: Image.Image, side: int) -> Image.Image:
    """At most `side` pixels on the long side; a smaller picture stays as it is."""
    scale = side / max(picture.size)
    if scale >= 1:
        return picture
    if picture.mode in {"1", "P"}:  # colours of a palette cannot be averaged
        picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def new_canvas(picture: Image.Image, turn: Image.Transpose | None) -> Image.Image:
    """The visible pixels, upright, in sRGB, in an image that knows nothing else."""
    profile = picture.info.get("icc_profile")
    upright = opaque(picture)
    if turn is not None:
        upright = upright.transpose(turn)
    visible = to_srgb(upright, profile)
    canvas = Image.new("RGB", visible.size)
    canvas.paste(visible)
    return canvas


def opaque(picture: Image.Image) -> Image.Image:
    """Grey, RGB or CMYK without transparency: what shows through becomes white."""
    if picture.mode.startswith("I"):  # 16 bits of grey
        return picture.point(lambda value: value / 256).convert("L")
    if picture.has_transparency_data:
        over = picture.convert("RGBA")
        white = Image.new("RGBA", over.size, "white")
        white.alpha_composite(over)
        return white.convert("RGB")
    if picture.mode == "1":
        return picture.convert("L")
    return picture if picture.mode in PROFILE_SPACES else picture.convert("RGB")


def to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Honour an embedded profile that fits the pixels; a missing or broken one means sRGB."""
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if source.profile.xcolor_space == PROFILE_SPACES[picture.mode]:
                srgb = ImageCms.createProfile("sRGB")
                converted = ImageCms.profileToProfile(picture, source, srgb, outputMode="RGB")
                if converted is not None:
                    return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    return picture.convert("RGB")


def jpeg(picture: Image.Image, *, quality: int, subsampling: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    return buffer.getvalue()
