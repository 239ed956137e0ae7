"""Media addresses: who may open what, for how long, and in which parts."""

import uuid
from urllib.parse import urlsplit

import pytest
from django.core import signing
from django.core.files.base import ContentFile
from django.utils import timezone

from generations import media_links
from generations.byte_ranges import ByteRange, Unsatisfiable, parse
from generations.media import media_url
from generations.models import Generation, Image
from tests.support.factories import make_team
from tests.support.pictures import photograph

PHOTO = photograph(96, 64)
VIDEO = bytes(range(256)) * 4000  # 1,024,000 bytes: more than one chunk


@pytest.fixture
def picture(db) -> Image:
    row = Image(
        team=make_team(),
        width=96,
        height=64,
        size=len(PHOTO),
        sha256="cd" * 32,
        content_type="image/jpeg",
        original_name='Our "best" Fjörd; photo.PNG',
    )
    row.file.save("images/one.jpg", ContentFile(PHOTO), save=False)
    row.thumbnail.save("images/one-small.jpg", ContentFile(PHOTO), save=False)
    row.save()
    return row


@pytest.fixture
def clip(picture) -> Generation:
    row = Generation(
        team=picture.team,
        image=picture,
        params={},
        idempotency_key=str(uuid.uuid4()),
        request_hash="0" * 64,
        price=1,
        start_deadline=timezone.now(),
        video_sha256="ab" * 32,
    )
    row.video.save("clips/one.mp4", ContentFile(VIDEO), save=False)
    row.poster.save("clips/one.jpg", ContentFile(b"poster"), save=False)
    row.save()
    return row


@pytest.fixture
def at(monkeypatch):
    """Set the time media addresses see, in Unix seconds."""

    def go(seconds: float) -> None:
        monkeypatch.setattr(media_links.time, "time", lambda: seconds)

    go(1_900_000_000)
    return go


def body(response) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


# -- the address ------------------------------------------------------------------------------------------------


def test_the_address_opens_its_file_without_a_session(client, picture):
    response = client.get(media_url(picture, "file"))

    assert response.status_code == 200
    assert body(response) == PHOTO


def test_it_tells_neither_path_nor_team(picture):
    url = media_url(picture, "file")

    assert picture.file.name not in url
    assert str(picture.team_id) not in url
    assert urlsplit(url).path.startswith("/media/")


def test_it_stays_the_same_for_half_its_life_and_dies_within_it(client, clip, at, settings):
    life, step = settings.MEDIA_URL_SECONDS, settings.MEDIA_URL_SECONDS // 2
    start = 1_900_000_000 // step * step
    at(start)
    url = media_url(clip, "video")

    at(start + step - 1)
    assert media_url(clip, "video") == url
    at(start + step)
    assert media_url(clip, "video") != url
    at(start + life - 1)
    assert client.head(url).status_code == 200
    at(start + life)
    late = client.get(url)
    assert late.status_code == 410
    assert "Reload the page" in late.content.decode()


@pytest.mark.parametrize("passed", [0, 1, 449, 450, 899])
def test_no_address_outlives_the_limit(passed, settings):
    now = 1_900_000_000 + passed

    left = media_links.expiry(now) - now

    assert settings.MEDIA_URL_SECONDS // 2 < left + 1 <= settings.MEDIA_URL_SECONDS + 1


def test_a_changed_address_is_not_found(client, picture, clip):
    token, name = media_url(clip, "video").split("/")[2:]
    other = token.replace(clip.pk.hex, uuid.uuid4().hex)
    unsigned = token.rpartition(":")[0]
    expires = token.replace("show", "save")

    for forged in (other, unsigned, expires, token[:-1], token + "x", "x", unsigned + ":"):
        assert client.get(f"/media/{forged}/{name}").status_code == 404


def test_a_signature_made_for_something_else_opens_nothing(client, clip):
    text = f"clip.{clip.pk.hex}.video.show.9999999999"

    for signer in (signing.Signer(), signing.TimestampSigner(), signing.Signer(salt="generations.other")):
        assert client.get(f"/media/{signer.sign(text)}/clip.mp4").status_code == 404


def test_the_name_in_the_address_decides_nothing(client, clip):
    url = media_url(clip, "video").rpartition("/")[0] + "/evil.html"

    response = client.get(url)

    assert response["Content-Type"] == "video/mp4"
    assert response["Content-Disposition"] == f'inline; filename="clip-{clip.pk.hex[:8]}.mp4"'
    response.close()


def test_rows_and_files_that_are_gone_are_not_found(client, clip):
    video, poster = media_url(clip, "video"), media_url(clip, "poster")
    clip.poster.storage.delete(clip.poster.name)
    assert client.get(poster).status_code == 404

    clip.delete()
    assert client.get(video).status_code == 404


def test_a_file_that_does_not_exist_yet_has_no_address(clip):
    clip.video = ""

    assert media_url(clip, "video") == ""


def test_only_fields_meant_for_it_have_addresses(picture, clip):
    with pytest.raises(ValueError, match="no thumbnail"):
        media_url(clip, "thumbnail")
    with pytest.raises(ValueError, match="no video"):
        media_url(picture, "video")


def test_an_old_key_still_opens_while_it_is_a_fallback(client, picture, settings):
    url = media_url(picture, "thumbnail")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key"

    response = client.get(url)

    assert response.status_code == 200
    response.close()


# -- headers ----------------------------------------------------------------------------------------------------


def test_the_answer_is_shut_in(client, clip):
    response = client.get(media_url(clip, "video"))

    assert response["X-Content-Type-Options"] == "nosniff"
    policy = dict(part.strip().partition(" ")[::2] for part in response["Content-Security-Policy"].split(";"))
    assert policy == {"sandbox": "allow-same-origin", "default-src": "'none'", "media-src": "'self'"}
    assert response["Accept-Ranges"] == "bytes"
    assert "Set-Cookie" not in response
    response.close()


def test_browsers_may_keep_it_as_long_as_the_address_lives(client, clip, at, settings):
    step = settings.MEDIA_URL_SECONDS // 2
    at(1_900_000_000 // step * step + 100)

    response = client.head(media_url(clip, "video"))

    assert response["Cache-Control"] == f"private, max-age={settings.MEDIA_URL_SECONDS - 100}"


def test_downloads_have_a_safe_name(client, picture):
    response = client.get(media_url(picture, "file", download=True))

    assert response["Content-Disposition"] == 'attachment; filename="our-best-fjord-photo.jpg"'
    response.close()


def test_what_the_browser_has_is_not_sent_again(client, clip):
    first = client.head(media_url(clip, "video"))
    again = client.get(media_url(clip, "video"), headers={"If-None-Match": first["ETag"]})

    assert first["ETag"] == f'"{clip.video_sha256}"'
    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"] == first["ETag"]


def test_head_says_everything_and_sends_nothing(client, clip):
    response = client.head(media_url(clip, "video"), headers={"Range": "bytes=0-9"})

    assert response.status_code == 200
    assert response["Content-Length"] == str(len(VIDEO))
    assert response["Content-Type"] == "video/mp4"
    assert response.content == b""


def test_other_methods_are_refused(client, clip):
    assert client.post(media_url(clip, "video")).status_code == 405


# -- parts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-", 0, 1_023_999),
        ("bytes=0-0", 0, 0),
        ("bytes=1000-300999", 1000, 300_999),
        ("bytes=1023990-", 1_023_990, 1_023_999),
        ("bytes=-10", 1_023_990, 1_023_999),
        ("bytes=-99999999", 0, 1_023_999),
        ("bytes=5-99999999", 5, 1_023_999),
        ("BYTES = 7 - 9 ", 7, 9),
    ],
)
def test_a_part_is_sent_exactly(client, clip, asked, start, end):
    response = client.get(media_url(clip, "video"), headers={"Range": asked})

    assert response.status_code == 206
    assert response["Content-Range"] == f"bytes {start}-{end}/1024000"
    assert response["Content-Length"] == str(end - start + 1)
    assert body(response) == VIDEO[start : end + 1]


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,4-5", "bytes=5-2", "items=0-1", "bytes=-", "bytes=a-b", "bytes", "bytes=--5", "0-5"]
)
def test_what_is_no_single_range_gets_the_whole(client, clip, asked):
    response = client.get(media_url(clip, "video"), headers={"Range": asked})

    assert response.status_code == 200
    assert "Content-Range" not in response
    assert body(response) == VIDEO


@pytest.mark.parametrize("asked", ["bytes=1024000-", "bytes=9999999-9999999", "bytes=-0"])
def test_a_part_outside_the_file_is_unsatisfiable(client, clip, asked):
    response = client.get(media_url(clip, "video"), headers={"Range": asked})

    assert response.status_code == 416
    assert response["Content-Range"] == "bytes */1024000"
    assert body(response) == b""


def test_a_part_of_a_changed_file_is_not_mixed_with_the_old_one(client, clip):
    url = media_url(clip, "video")
    etag = f'"{clip.video_sha256}"'

    same = client.get(url, headers={"Range": "bytes=0-9", "If-Range": etag})
    other = client.get(url, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    dated = client.get(url, headers={"Range": "bytes=0-9", "If-Range": "Wed, 21 Oct 2026 07:28:00 GMT"})

    assert [same.status_code, other.status_code, dated.status_code] == [206, 200, 200]
    for response in (same, other, dated):
        response.close()


def test_the_file_is_closed_even_when_nobody_reads_it(client, clip):
    response = client.get(media_url(clip, "video"))

    response.close()

    assert all(closer.__self__._file.closed for closer in response._resource_closers[:1])


@pytest.mark.parametrize("size", [1, 2, 10])
def test_parts_always_lie_inside_the_file(size):
    for first in ("", *range(12)):
        for last in ("", *range(12)):
            try:
                part = parse(f"bytes={first}-{last}", size)
            except Unsatisfiable:
                continue
            assert part is None or 0 <= part.start <= part.end < size


def test_an_empty_file_has_no_parts():
    assert parse("", 0) is None
    with pytest.raises(Unsatisfiable):
        parse("bytes=0-", 0)
    assert ByteRange(0, -1).length == 0
