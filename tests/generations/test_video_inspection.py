"""Clips from outside: what a whole one tells, and that nothing else is published."""

import io
import json
import shutil
import tempfile
from pathlib import Path

import av
import pytest
from PIL import Image as Pillow

from generations.child_process import Limits
from generations.video_inspection import (
    PREVIEW,
    REFUSALS,
    Inspection,
    VideoFacts,
    VideoRefused,
    draw_previews,
    inspect_video,
    prepare_inspection,
)
from tests.support import pictures

RECIPE = {
    "recipe": 1,
    "input": {"prompt": 'Löwe, 狮子 \u0000 "quoted"'},
    "delivered": {"source_sha256": "ab" * 32},
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return pictures.clip(tmp_path_factory.mktemp("clips") / "whole.mp4", frames=25)


@pytest.fixture(scope="module")
def streaming(tmp_path_factory) -> Path:
    """Its index stands before the pixels, as on the web: cut short, it still opens."""
    return pictures.clip(tmp_path_factory.mktemp("clips") / "streaming.mp4", frames=25, movflags="faststart")


def inspect(path: Path, limits: Limits | None = None) -> Inspection:
    with tempfile.TemporaryFile() as copy:
        return inspect_video(path, copy, RECIPE, limits)


def copied(path: Path, target: Path) -> Path:
    with target.open("w+b") as file:
        inspect_video(path, file, RECIPE)
    return target


def packets(path: Path) -> list[tuple]:
    """What a player is given, in order: bytes, times in seconds, and whether one may start there."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [
            (bytes(packet), packet.pts * packet.time_base, packet.dts * packet.time_base, packet.is_keyframe)
            for packet in container.demux(stream)
            if packet.size
        ]


def boxes(path: Path) -> list[bytes]:
    """The kinds of the file's outermost boxes, in order."""
    content, at, kinds = path.read_bytes(), 0, []
    while at < len(content):
        kinds.append(content[at + 4 : at + 8])
        at += int.from_bytes(content[at : at + 4], "big")
    return kinds


def refusal_of(path: Path, **limits) -> VideoRefused:
    with pytest.raises(VideoRefused) as refusal:
        inspect(path, Limits(**limits))
    return refusal.value


def cut(path: Path, tmp_path: Path, keep: float) -> Path:
    content = path.read_bytes()
    short = tmp_path / "short.mp4"
    short.write_bytes(content[: int(len(content) * keep)])
    return short


def test_a_whole_clip_tells_its_facts(whole):
    inspection = inspect(whole)

    assert inspection.facts == VideoFacts(
        width=320, height=192, frames=25, duration_ms=1042, codec="h264", frame_rate=24.0
    )


def test_the_poster_is_the_first_frame(whole):
    poster = Pillow.open(io.BytesIO(inspect(whole).poster))

    assert (poster.format, poster.size) == ("JPEG", (320, 192))
    first = pictures.landscape(320, 192)
    for spot in ((10, 10), (160, 20), (300, 180)):
        assert all(abs(a - b) < 40 for a, b in zip(poster.getpixel(spot), first.getpixel(spot), strict=True))


@pytest.mark.parametrize(("frames", "rate", "milliseconds"), [(9, 30, 300), (121, 30, 4033), (121, 24, 5042)])
def test_the_length_follows_frames_and_rate(tmp_path, frames, rate, milliseconds):
    path = pictures.clip(tmp_path / "clip.mp4", frames=frames, rate=rate, width=64, height=64)

    facts = inspect(path).facts

    assert (facts.frames, facts.frame_rate, facts.duration_ms) == (frames, rate, milliseconds)


@pytest.mark.parametrize(("codec", "name"), [("libvpx-vp9", "vp9"), ("libsvtav1", "av1")])
def test_other_codecs_that_browsers_play_are_welcome(tmp_path, codec, name):
    path = pictures.clip(tmp_path / "clip.mp4", frames=5, width=64, height=64, codec=codec)

    inspection = inspect(path)

    assert (inspection.facts.codec, inspection.facts.frames) == (name, 5)
    assert Pillow.open(io.BytesIO(inspection.poster)).size == (64, 64)


def test_fragments_and_an_early_index_are_fine(tmp_path, streaming):
    fragments = pictures.clip(tmp_path / "clip.mp4", movflags="frag_keyframe+empty_moov")

    assert inspect(fragments).facts.frames == 25
    assert inspect(streaming).facts.frames == 25


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9, 0.999])
def test_a_cut_clip_is_refused(tmp_path, whole, streaming, keep):
    assert refusal_of(cut(whole, tmp_path, keep)).code == "broken_video"
    assert refusal_of(cut(streaming, tmp_path, keep)).code == "broken_video"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"<!doctype html><p>Bad gateway</p>",
        b"\x1aE\xdf\xa3" + b"\0" * 99,
        b"#EXTM3U\nfile:///etc/passwd\n",
    ],
    ids=["empty", "json", "html", "matroska", "playlist"],
)
def test_what_is_no_mp4_is_refused(tmp_path, content):
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)

    assert refusal_of(path).code == "not_mp4"


def test_a_file_with_something_appended_is_refused(tmp_path, whole):
    path = tmp_path / "clip.mp4"
    path.write_bytes(whole.read_bytes() + b"<script>alert(1)</script>")

    assert refusal_of(path).code == "broken_video"


def test_only_a_signature_is_refused(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"\0\0\0\x18ftypisom" + b"\0" * 64)

    assert refusal_of(path).code == "broken_video"


def test_noise_in_place_of_pixels_is_refused(tmp_path, streaming):
    content = bytearray(streaming.read_bytes())
    start = content.index(b"mdat") + 4
    content[start:] = b"\xa5" * (len(content) - start)
    path = tmp_path / "noise.mp4"
    path.write_bytes(content)

    assert refusal_of(path).code == "broken_video"


@pytest.mark.parametrize(
    ("codec", "form"),
    [("mpeg4", "mp4"), ("libx265", "mp4"), ("libx264", "mov")],
    ids=["mpeg4", "hevc", "quicktime"],
)
def test_what_browsers_do_not_play_is_refused(tmp_path, codec, form):
    path = pictures.clip(tmp_path / "clip.mp4", frames=3, width=128, height=128, codec=codec, form=form)

    assert refusal_of(path).code == "unexpected_video"


def test_sound_alone_is_refused(tmp_path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48_000)
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())

    assert refusal_of(path).code == "unexpected_video"


def test_more_frames_than_any_clip_has_are_refused(tmp_path):
    path = pictures.clip(tmp_path / "long.mp4", frames=10_001, width=16, height=16, rate=100, moving=False)

    assert refusal_of(path).code == "unexpected_video"


def test_inspecting_can_be_prepared_while_the_clip_is_on_its_way(whole):
    prepare_inspection()

    assert inspect(whole).facts.frames == 25


def test_a_clip_that_takes_too_long_is_refused(whole):
    assert refusal_of(whole, wall_seconds=0).code == "broken_video"


@pytest.mark.parametrize("code", REFUSALS)
def test_every_refusal_has_a_sentence(code):
    assert VideoRefused(code).message.endswith(".")


def test_it_works_from_a_path_with_odd_characters(tmp_path, whole):
    odd = tmp_path / "-i concat:a|b ünïcode.mp4"
    shutil.copy(whole, odd)

    assert inspect(odd).facts.frames == 25


# -- the copy that is kept


@pytest.mark.parametrize("form", ["whole", "streaming", "fragments", "reordered"])
def test_the_copy_has_the_same_packets_and_its_index_first(tmp_path, whole, streaming, form):
    path = {"whole": whole, "streaming": streaming}.get(form)
    if form == "fragments":
        path = pictures.clip(tmp_path / "clip.mp4", movflags="frag_keyframe+empty_moov")
    if form == "reordered":
        path = pictures.clip(tmp_path / "clip.mp4", codec="libsvtav1", width=64, height=64)

    copy = copied(path, tmp_path / "copy.mp4")

    assert packets(copy) == packets(path)
    kinds = [kind for kind in boxes(copy) if kind != b"free"]
    assert kinds == [b"ftyp", b"moov", b"mdat"]


def test_frames_that_are_shown_in_another_order_stay_in_theirs(tmp_path):
    path = pictures.clip(tmp_path / "clip.mp4", frames=40, coding={"preset": "veryfast", "bf": "3"})
    assert any(shown != decoded for _, shown, decoded, _ in packets(path))

    assert packets(copied(path, tmp_path / "copy.mp4")) == packets(path)


def test_the_recipe_stands_in_the_copy_with_what_was_found(tmp_path, whole):
    with av.open(str(copied(whole, tmp_path / "copy.mp4"))) as container:
        recipe = json.loads(container.metadata["comment"])

    assert recipe["input"] == RECIPE["input"]
    assert recipe["delivered"]["source_sha256"] == "ab" * 32
    assert (recipe["delivered"]["frames"], recipe["delivered"]["width"]) == (25, 320)


def test_a_recipe_of_any_length_fits(tmp_path, whole):
    long = {**RECIPE, "input": {"prompt": "x" * 300_000}}
    with (tmp_path / "copy.mp4").open("w+b") as target:
        inspect_video(whole, target, long)

    with av.open(str(tmp_path / "copy.mp4")) as container:
        assert json.loads(container.metadata["comment"])["input"] == long["input"]
    assert packets(tmp_path / "copy.mp4") == packets(whole)


def test_the_same_file_gives_the_same_copy(tmp_path, whole):
    first, second = (copied(whole, tmp_path / f"{number}.mp4").read_bytes() for number in range(2))

    assert first == second


# -- previews


@pytest.mark.parametrize(
    ("frames", "rate", "shown", "seconds"),
    [(9, 24, 5, 0.42), (121, 24, 36, 3.0), (70, 60, 14, 1.17), (4, 1, 3, 3)],
)
def test_the_preview_is_a_short_small_silent_loop(tmp_path, frames, rate, shown, seconds):
    path = pictures.clip(tmp_path / "clip.mp4", frames=frames, rate=rate, width=416, height=240)

    loop = tmp_path / "loop.mp4"
    loop.write_bytes(draw_previews(path).loop)

    with av.open(str(loop)) as container:
        (stream,) = container.streams
        assert stream.codec_context.codec.canonical_name == "h264"
        assert (stream.width, stream.height) == (320, 184)
        assert stream.frames == shown
        assert container.duration / 1_000_000 == pytest.approx(seconds, abs=0.02)
        assert container.duration <= PREVIEW["seconds"] * 1_000_000
        assert len(list(container.decode(stream))) == shown
    assert boxes(loop)[:2] == [b"ftyp", b"moov"]
    assert loop.stat().st_size < 150_000


def test_upright_and_odd_sizes_stay_even(tmp_path):
    path = pictures.clip(tmp_path / "clip.mp4", frames=3, width=270, height=480)

    with av.open(io.BytesIO(draw_previews(path).loop)) as container:
        assert (container.streams[0].width, container.streams[0].height) == (180, 320)


@pytest.mark.parametrize("options", [{}, {"g": "10", "bf": "2", "preset": "veryfast"}])
def test_the_last_frame_is_the_last_in_full_size(tmp_path, options):
    path = pictures.clip(tmp_path / "clip.mp4", frames=97, coding=options)

    last = Pillow.open(io.BytesIO(draw_previews(path).last_frame))

    with av.open(str(path)) as container:
        *_, expected = (frame.to_image() for frame in container.decode(container.streams.video[0]))
    assert (last.format, last.size) == ("JPEG", (320, 192))
    for spot in ((10, 150), (100, 170), (310, 180)):
        assert all(abs(a - b) < 12 for a, b in zip(last.getpixel(spot), expected.getpixel(spot), strict=True))
