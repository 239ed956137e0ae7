"""The clips: their size, length, determinism, and that every parameter shows."""

import hashlib
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image, ImageChops, ImageStat

from sandbox.fal.render import frame_size, render
from tests.sandbox.conftest import picture

ORDER: dict[str, Any] = {
    "resolution": "480p",
    "aspect_ratio": "1:1",
    "num_frames": 9,
    "frame_rate": 24,
    "reverse_video": False,
    "enable_detail_pass": False,
    "temporal_adain_factor": 1.0,
    "tone_map_compression_ratio": 0.0,
    "constant_rate_factor": 10,
    "loras": [],
    "seed": 4,
}


class Studio:
    """Renders orders for one picture and looks at the clips."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.image = directory / "picture"
        self.image.write_bytes(picture(640, 360, "PNG"))

    def clip(self, **changes: Any) -> Path:
        order = {**ORDER, "image": str(self.image), **changes}
        name = hashlib.sha256(repr(sorted(order.items())).encode()).hexdigest()[:12]
        path = self.directory / f"{name}.mp4"
        render(order, path)
        return path

    def frames(self, **changes: Any) -> list[Image.Image]:
        with av.open(str(self.clip(**changes))) as container:
            return [frame.to_image() for frame in container.decode(video=0)]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(tmp_path_factory.mktemp("studio"))


@pytest.fixture(scope="module")
def plain(studio: Studio) -> list[Image.Image]:
    return studio.frames()


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of two pictures, 0 to 255."""
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) / 3


def spread(image: Image.Image) -> float:
    return ImageStat.Stat(image.convert("L")).stddev[0]


@pytest.mark.parametrize(
    ("resolution", "aspect_ratio", "size"),
    [
        ("480p", "16:9", (848, 480)),
        ("480p", "9:16", (480, 848)),
        ("480p", "1:1", (480, 480)),
        ("720p", "16:9", (1280, 720)),
        ("720p", "9:16", (720, 1280)),
        ("720p", "1:1", (720, 720)),
        ("480p", "auto", (848, 480)),
    ],
)
def test_a_clip_has_the_promised_size_length_and_codec(studio, resolution, aspect_ratio, size):
    path = studio.clip(resolution=resolution, aspect_ratio=aspect_ratio, num_frames=10, frame_rate=12)

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height) == size
        assert stream.average_rate == 12
        assert stream.duration is not None
        assert stream.time_base is not None
        assert float(stream.duration * stream.time_base) == pytest.approx(10 / 12)
    assert len(frames) == 10


@pytest.mark.parametrize(
    ("resolution", "image", "size"),
    [
        ("720p", (4000, 3000), (960, 720)),
        ("720p", (300, 400), (720, 960)),
        ("720p", (5000, 500), (1280, 720)),
        ("480p", (500, 5000), (480, 848)),
        ("480p", (999, 1000), (480, 480)),
    ],
)
def test_auto_follows_the_picture_between_9_16_and_16_9(resolution, image, size):
    chosen = frame_size(resolution, "auto", image)

    assert (chosen.width, chosen.height) == size


def test_the_same_order_gives_the_same_bytes(studio):
    first = studio.clip().read_bytes()

    assert studio.clip().read_bytes() == first
    assert studio.clip(seed=5).read_bytes() != first


def test_the_picture_moves(plain):
    assert difference(plain[0], plain[-1]) > 0.5


def test_reversing_turns_the_order_of_frames(studio, plain):
    backwards = studio.frames(reverse_video=True)

    assert difference(backwards[0], plain[-1]) < difference(backwards[0], plain[0]) / 2
    assert difference(backwards[-1], plain[0]) < difference(backwards[-1], plain[-1]) / 2


def test_less_adain_lets_the_colours_drift(studio):
    steady = studio.frames(num_frames=9, frame_rate=4, temporal_adain_factor=1.0)
    drifting = studio.frames(num_frames=9, frame_rate=4, temporal_adain_factor=0.0)

    assert difference(steady[0], drifting[0]) < 1
    assert difference(steady[-1], drifting[-1]) > 3


def test_tone_mapping_narrows_the_range(studio, plain):
    assert spread(studio.frames(tone_map_compression_ratio=1.0)[0]) < 0.8 * spread(plain[0])


def test_a_high_rate_factor_coarsens_the_picture(studio, plain):
    assert difference(studio.frames(constant_rate_factor=51)[0], plain[0]) > 1


def test_the_detail_pass_sharpens(studio, plain):
    def sharpness(image: Image.Image) -> float:
        blurred = image.resize((120, 120)).resize(image.size)
        return difference(image, blurred)

    assert sharpness(studio.frames(enable_detail_pass=True)[0]) > 1.05 * sharpness(plain[0])


def test_a_lora_tints_by_its_scale(studio, plain):
    weak, strong = (studio.frames(loras=[{"path": "style", "scale": scale}])[0] for scale in (0.5, 3))

    assert 1 < difference(weak, plain[0]) < difference(strong, plain[0])


def test_the_clip_says_what_it_is(plain):
    """The caption's plate is dark and its letters are light."""
    corner = plain[0].crop((12, 444, 110, 468)).convert("L")
    darkest, lightest = corner.getextrema()

    assert (darkest < 90, lightest > 170) == (True, True)
