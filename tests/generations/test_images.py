"""Pictures from people: what is kept, what is refused, and that a refusal leaves nothing behind."""

import hashlib
import io
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from PIL import Image as Pillow

from generations.child_process import Limits
from generations.image_decoding import DecodingFailed, clean_picture
from generations.models import Image
from generations.services.images import REFUSALS, ImageRefused, shown_name, store_image
from generations.services.storage import StorageUnavailable
from tests.support import pictures
from tests.support.api import api_for
from tests.support.factories import actor_for, make_team, owner_of

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


@pytest.fixture
def team(db):
    return make_team()


def store(team, content: bytes, name: str = "photo.jpg") -> Image:
    return store_image(actor=actor_for(team), upload=io.BytesIO(content), name=name)


def stored(image: Image) -> Pillow.Image:
    with image.file.open("rb") as file:
        picture = Pillow.open(io.BytesIO(file.read()))
    picture.load()
    return picture


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def near(pixel, wanted, tolerance: int = 12) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(pixel, wanted, strict=True))


def flat(mode: str, color, size=(64, 48)) -> Pillow.Image:
    return Pillow.new(mode, size, color)


def animated(form: str) -> bytes:
    rest = [flat("RGB", GREEN), flat("RGB", BLUE)]
    return pictures.encoded(flat("RGB", RED), form, save_all=True, append_images=rest, duration=100)


# -- what is kept -----------------------------------------------------------------------------------------------


def test_a_photograph_is_kept_as_a_jpeg_with_a_thumbnail(team, media_root):
    source = pictures.photograph(900, 600)

    image = store(team, source, "Holiday at the lake.JPG")

    assert (image.width, image.height, image.content_type) == (900, 600, "image/jpeg")
    assert image.original_name == "Holiday at the lake.JPG"
    assert image.uploaded_by == actor_for(team).user
    with image.file.open("rb") as file:
        content = file.read()
    assert image.sha256 == hashlib.sha256(content).hexdigest()
    assert image.source_sha256 == hashlib.sha256(source).hexdigest()
    assert image.size == len(content)
    with image.thumbnail.open("rb") as file:
        assert Pillow.open(file).size == (640, 427)
    assert len(files_in(media_root)) == 2


def test_names_in_storage_tell_nothing_and_stay_in_the_team_s_folder(team):
    image = store(team, pictures.photograph(64, 48), "../../etc/passwd.jpg")

    assert image.file.name.startswith(f"images/{team.pk}/")
    assert "passwd" not in image.file.name
    assert image.original_name == "passwd.jpg"


def test_a_large_picture_is_kept_at_4096_pixels(team):
    picture = Pillow.linear_gradient("L").resize((4200, 1100)).convert("RGB")

    image = store(team, pictures.encoded(picture, "JPEG", quality=40))

    assert (image.width, image.height) == (4096, 1073)
    assert stored(image).size == (4096, 1073)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_camera_s_orientation_is_undone(team, orientation):
    upright = flat("RGB", WHITE, (80, 48))
    upright.paste(RED, (0, 0, 40, 24))
    upright.paste(BLUE, (40, 24, 80, 48))
    turn = Pillow.Transpose
    as_held = {
        2: turn.FLIP_LEFT_RIGHT,
        3: turn.ROTATE_180,
        4: turn.FLIP_TOP_BOTTOM,
        5: turn.TRANSPOSE,
        6: turn.ROTATE_90,
        7: turn.TRANSVERSE,
        8: turn.ROTATE_270,
    }
    held = upright.transpose(as_held[orientation]) if orientation > 1 else upright
    exif = Pillow.Exif()
    exif[0x0112] = orientation

    kept = stored(store(team, pictures.encoded(held, "JPEG", quality=95, exif=exif)))

    assert kept.size == (80, 48)
    assert near(kept.getpixel((10, 6)), RED)
    assert near(kept.getpixel((70, 42)), BLUE)
    assert near(kept.getpixel((70, 6)), WHITE)


def test_nothing_but_pixels_survives(team):
    source = pictures.gossip(pictures.landscape(320, 240))
    assert source.count(b"canary") == 4

    image = store(team, source)

    for field in (image.file, image.thumbnail):
        with field.open("rb") as file:
            content = file.read()
        assert b"canary" not in content
        assert b"Exif" not in content
        assert b"ICC_PROFILE" not in content
        assert set(Pillow.open(io.BytesIO(content)).info) <= {
            "jfif",
            "jfif_version",
            "jfif_unit",
            "jfif_density",
        }


@pytest.mark.parametrize(
    "tail", [b"<html><script>alert(1)</script></html>", b"PK\x03\x04 a zip archive", b"MZ\x90"]
)
def test_what_hides_behind_a_picture_is_left_behind(team, tail):
    image = store(team, pictures.photograph(64, 48) + tail)

    with image.file.open("rb") as file:
        assert tail not in file.read()


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_an_embedded_colour_profile_is_honoured(team, form):
    source = pictures.encoded(flat("RGB", (200, 30, 30)), form, icc_profile=pictures.swapped_profile())

    kept = stored(store(team, source))

    assert near(kept.getpixel((20, 20)), (30, 200, 30), 25)


def test_a_broken_or_foreign_colour_profile_is_ignored(team):
    broken = pictures.encoded(flat("RGB", RED), "PNG", icc_profile=b"no profile at all")
    foreign = pictures.encoded(flat("L", 100), "PNG", icc_profile=pictures.swapped_profile())

    assert near(stored(store(team, broken)).getpixel((20, 20)), RED)
    assert near(stored(store(team, foreign)).getpixel((20, 20)), (100, 100, 100))


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (pictures.encoded(flat("CMYK", (0, 255, 255, 0)), "JPEG"), (254, 0, 0)),
        (pictures.encoded(flat("L", 90), "JPEG"), (90, 90, 90)),
        (pictures.encoded(flat("1", 1), "PNG"), WHITE),
        (pictures.encoded(flat("I;16", 128 * 256), "PNG"), (128, 128, 128)),
        (pictures.encoded(flat("RGBA", (255, 0, 0, 128)), "PNG"), (255, 127, 127)),
        (pictures.encoded(flat("RGBA", (9, 9, 9, 0)), "WEBP", lossless=True), WHITE),
        (pictures.encoded(flat("LA", (0, 128)), "PNG"), (127, 127, 127)),
        (pictures.encoded(flat("P", 0), "PNG", transparency=0), WHITE),
        (pictures.encoded(flat("RGB", BLUE), "PNG", transparency=BLUE), WHITE),
        (pictures.encoded(flat("RGB", BLUE), "WEBP", lossless=True), BLUE),
    ],
    ids=["cmyk", "grey", "1-bit", "16-bit", "half", "hidden", "grey-half", "palette", "key", "webp"],
)
def test_every_kind_of_pixel_becomes_opaque_srgb(team, source, wanted):
    kept = stored(store(team, source))

    assert kept.mode == "RGB"
    assert near(kept.getpixel((20, 20)), wanted)


def test_a_large_palette_picture_with_transparency_is_shrunk_without_harm(team):
    picture = flat("P", 0, (4200, 1060))

    kept = stored(store(team, pictures.encoded(picture, "PNG", transparency=0)))

    assert kept.size == (4096, 1034)
    assert near(kept.getpixel((2000, 500)), WHITE)


def test_a_phone_s_second_view_is_no_animation(team):
    source = pictures.encoded(
        flat("RGB", RED), "MPO", save_all=True, append_images=[flat("RGB", BLUE, (32, 24))]
    )

    assert near(stored(store(team, source)).getpixel((20, 20)), RED)


# -- what is refused --------------------------------------------------------------------------------------------

PHOTO = pictures.photograph(640, 480)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><rect width="64" height="64"/></svg>'
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n(%pipe%id) (r) file\n%%EOF\n"
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "empty_file"),
    "text": (lambda: b"This is not a picture. " * 40, "unsupported_media"),
    "svg": (lambda: SVG, "unsupported_media"),
    "eps": (lambda: EPS, "unsupported_media"),
    "html": (lambda: b"<!doctype html><script>alert(1)</script>", "unsupported_media"),
    "zip": (lambda: b"PK\x03\x04" + b"\0" * 100, "unsupported_media"),
    "program": (lambda: b"\x7fELF" + b"\0" * 100, "unsupported_media"),
    "gif": (lambda: pictures.encoded(flat("RGB", RED), "GIF"), "unsupported_media"),
    "gif-script": (lambda: b"GIF89a=1;alert(1);//" + b"\0" * 50, "unsupported_media"),
    "animated-gif": (lambda: animated("GIF"), "unsupported_media"),
    "tiff": (lambda: pictures.encoded(flat("RGB", RED), "TIFF"), "unsupported_media"),
    "bmp": (lambda: pictures.encoded(flat("RGB", RED), "BMP"), "unsupported_media"),
    "riff-avi": (lambda: b"RIFF\x24\0\0\0AVI LIST" + b"\0" * 50, "unsupported_media"),
    "animated-webp": (lambda: animated("WEBP"), "animated"),
    "animated-png": (lambda: animated("PNG"), "animated"),
    "88-megapixel-bomb": (lambda: pictures.bomb_png(9400, 9400), "too_many_pixels"),
    "169-megapixel-bomb": (lambda: pictures.bomb_png(13_000, 13_000), "too_many_pixels"),
    "20000-pixels-wide": (lambda: pictures.bomb_png(20_000, 100), "too_many_pixels"),
    "claims-4-gigapixels": (
        lambda: pictures.bomb_png(64, 64).replace(b"\0\0\0\x40\0\0\0\x40", b"\x7f\xff\xff\xff" * 2),
        "broken_picture",
    ),
    "jpeg-claims-4-gigapixels": (
        lambda: PHOTO.replace(b"\x01\xe0\x02\x80", b"\xff\xff\xff\xff", 1),
        "too_many_pixels",
    ),
    "jpeg-claims-30-megapixels": (
        lambda: PHOTO.replace(b"\x01\xe0\x02\x80", b"\x13\x88\x17\x70", 1)[:-2],
        "broken_picture",
    ),
    "webp-claims-268-megapixels": (
        lambda: b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0" + b"\xff\x3f\0" * 2 + b"VP8 \0\0\0\0",
        "too_many_pixels",
    ),
    "text-chunk-of-300-megabytes": (pictures.text_bomb_png, "broken_picture"),
    "one-pixel": (lambda: pictures.encoded(flat("RGB", RED, (1, 1)), "PNG"), "too_small"),
    "thin": (lambda: pictures.encoded(flat("RGB", RED, (600, 100)), "PNG"), "bad_proportions"),
    "truncated-jpeg": (lambda: PHOTO[: len(PHOTO) // 2], "broken_picture"),
    "truncated-png": (lambda: pictures.encoded(pictures.landscape(99, 99), "PNG")[:-900], "broken_picture"),
    "truncated-webp": (lambda: pictures.encoded(pictures.landscape(99, 99), "WEBP")[:-90], "broken_picture"),
    "only-a-signature": (lambda: b"\x89PNG\r\n\x1a\n", "broken_picture"),
    "jpeg-of-noise": (lambda: b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40, "broken_picture"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_and_leave_nothing(team, media_root, name):
    make, code = HOSTILE[name]

    with pytest.raises(ImageRefused) as refusal:
        store(team, make(), f"{name}.png")

    assert refusal.value.code == code
    assert refusal.value.message.endswith(".")
    assert not Image.objects.exists()
    assert files_in(media_root) == []


def test_reading_stops_at_the_limit(team, media_root, settings):
    settings.UPLOAD_MAX_BYTES = 1_000_000

    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            self.given += size
            return b"\xff" * size

    endless = Endless()
    with pytest.raises(ImageRefused, match="larger than 1 MB") as refusal:
        store_image(actor=actor_for(team), upload=endless, name="endless.jpg")

    assert refusal.value.code == "too_large"
    assert endless.given < 1_200_000
    assert files_in(media_root) == []


def test_a_file_exactly_at_the_limit_is_taken(team, settings):
    content = pictures.photograph(64, 48)
    settings.UPLOAD_MAX_BYTES = len(content)

    assert store(team, content).pk


def test_endless_work_in_a_valid_file_is_stopped(tmp_path):
    path = tmp_path / "scans.jpg"
    path.write_bytes(pictures.scan_bomb(2000, 2000, scans=2500))
    assert path.stat().st_size < 10_000_000

    with path.open("rb") as file, pytest.raises(DecodingFailed, match="ended by signal"):
        clean_picture(file, Limits(cpu_seconds=1))


def test_a_picture_that_needs_more_memory_than_allowed_is_stopped(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(pictures.bomb_png(6000, 6000))

    with path.open("rb") as file, pytest.raises(DecodingFailed, match="MemoryError"):
        clean_picture(file, Limits(memory=100_000_000))


@pytest.mark.parametrize("code", REFUSALS)
def test_every_refusal_says_what_to_do(code):
    message = ImageRefused(code).message

    assert "{" not in message
    assert message.count(". ") >= 1
    assert "!" not in message


# -- the same picture again -------------------------------------------------------------------------------------


def test_the_same_file_again_is_the_same_row(team, media_root):
    first = store(team, PHOTO)

    assert store(team, PHOTO, "other name.jpg") == first
    assert Image.objects.count() == 1
    assert len(files_in(media_root)) == 2


def test_the_same_pixels_with_other_metadata_are_the_same_row(team, media_root):
    picture = flat("RGB", RED)

    plain = store(team, pictures.encoded(picture, "PNG"))
    commented = store(team, pictures.encoded(picture, "WEBP", lossless=True))

    assert plain == commented
    assert len(files_in(media_root)) == 2


def test_two_teams_each_have_their_own(team, media_root):
    other = make_team()

    ours, theirs = store(team, PHOTO), store(other, PHOTO)

    assert ours.pk != theirs.pk
    assert ours.file.name != theirs.file.name
    assert len(files_in(media_root)) == 4


# -- races and failures -----------------------------------------------------------------------------------------


def test_who_loses_the_race_removes_its_files_and_returns_the_winner(team, media_root, before_save):
    winners = []

    def overtake(_name: str) -> None:
        before_save(lambda _name: None)
        winners.append(store(team, PHOTO))

    before_save(overtake)

    assert store(team, PHOTO) == winners[0]
    assert Image.objects.count() == 1
    assert len(files_in(media_root)) == 2


def test_a_storage_that_fails_halfway_leaves_no_row_and_no_file(team, media_root, before_save):
    def fail_on_thumbnail(name: str) -> None:
        if "small" in name:
            raise OSError(28, "No space left on device")

    before_save(fail_on_thumbnail)

    with pytest.raises(StorageUnavailable):
        store(team, PHOTO)
    assert not Image.objects.exists()
    assert files_in(media_root) == []


def test_it_refuses_to_decode_inside_a_transaction(team):
    with transaction.atomic(), pytest.raises(RuntimeError):
        store(team, PHOTO)


@pytest.mark.concurrency
def test_two_at_once_keep_one_row_and_one_pair_of_files(cloned_database, media_root):
    team = make_team()
    actor = actor_for(team)
    together = threading.Barrier(2)
    kept: list[Image] = []

    def work() -> None:
        try:
            together.wait(5)
            kept.append(store_image(actor=actor, upload=io.BytesIO(PHOTO), name="photo.jpg"))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [image.pk for image in kept] == [Image.objects.get().pk] * 2
    assert len(files_in(media_root)) == 2


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("C:\\Users\\me\\cat.png", "cat.png"),
        ("a\x00b\nc.jpg", "abc.jpg"),
        ("gpj.\u202eexe.jpg", "gpj.exe.jpg"),
        ("x" * 300, "x" * 200),
        ("", ""),
    ],
)
def test_shown_names_are_harmless(given, shown):
    assert shown_name(given) == shown


def test_a_full_disk_is_a_sentence_at_the_picture_s_field(client, team, media_root, before_save):
    before_save(no_space)
    client.force_login(owner_of(team))

    response = client.post(
        f"/t/{team.slug}/create/", {"file": SimpleUploadedFile("boat.jpg", PHOTO), "prompt": "A boat"}
    )

    assert response.status_code == 422
    assert "could not be stored right now" in response.content.decode()
    assert files_in(media_root) == []


def test_a_full_disk_is_503_in_the_api(team, before_save):
    before_save(no_space)

    response = api_for(team).upload("/uploads", {"file": SimpleUploadedFile("boat.jpg", PHOTO)})

    assert response.status_code == 503
    assert response["Retry-After"] == "60"
    assert (response.json()["code"], response.json()["retryable"]) == ("storage_unavailable", True)


def test_a_team_s_pictures_have_bounded_room(team, settings, media_root):
    first = store(team, PHOTO)
    settings.TEAM_PICTURE_BYTES = first.size + 1000

    with pytest.raises(ImageRefused) as refusal:
        store(team, pictures.photograph(64, 64, seed=9))

    assert refusal.value.code == "picture_quota"
    assert store(team, PHOTO) == first  # one that is there takes no room
    assert len(files_in(media_root)) == 2
    assert store(make_team(), PHOTO).size == first.size


def test_names_of_files_tell_their_row_and_are_never_used_twice(team):
    image = store(team, PHOTO)

    assert re.fullmatch(rf"images/{team.pk}/\d{{4}}-\d\d/{image.pk}-[0-9a-f]{{8}}\.jpg", image.file.name)
    assert image.thumbnail.name == image.file.name.replace(".jpg", "-small.jpg")


def no_space(_name: str) -> None:
    raise OSError(28, "No space left on device")
