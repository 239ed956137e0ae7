"""Clips on the way to their owner: ranges, expiry, and broken downloads."""

import time

import httpx
import pytest

from tests.sandbox.conftest import nobody


@pytest.fixture
def clip(fal):
    _, result = fal.finished()
    return result.json()["video"]


def test_ranges(clip):
    part = nobody.get(clip["url"], headers={"Range": "bytes=4-7"})

    assert (part.status_code, part.content) == (206, b"ftyp")


def test_a_clip_expires_when_its_owner_says_so(fal):
    wish = {"X-Fal-Object-Lifecycle-Preference": '{"expiration_duration_seconds": 1.5}'}
    _, result = fal.finished(headers=wish)
    url = result.json()["video"]["url"]

    assert nobody.get(url).status_code == 200
    time.sleep(1.6)
    assert nobody.get(url).status_code == 404


def test_missing(sandbox, clip):
    sandbox.rule("media", "http", status=404)

    assert nobody.get(clip["url"]).status_code == 404


def test_truncated(sandbox, clip):
    sandbox.rule("media", "truncated")

    with pytest.raises(httpx.RemoteProtocolError):
        nobody.get(clip["url"])


def test_dropped(sandbox, clip):
    sandbox.rule("media", "drop")

    with pytest.raises(httpx.RemoteProtocolError):
        nobody.get(clip["url"])


def test_not_a_clip(sandbox, clip):
    sandbox.rule("media", "not_mp4")

    answer = nobody.get(clip["url"])

    assert answer.headers["content-type"] == "video/mp4"
    assert answer.content.startswith(b"<!doctype html>")


def test_endless(sandbox, clip):
    sandbox.rule("media", "endless")
    received = 0

    with nobody.stream("GET", clip["url"]) as answer:
        for chunk in answer.iter_bytes():
            received += len(chunk)
            if received > 1_000_000:
                break

    assert received > clip["file_size"]


def test_slow_trickle(sandbox, clip):
    sandbox.rule("media", "trickle", bytes=100, seconds=0.1)
    received = b""
    began = time.monotonic()

    with nobody.stream("GET", clip["url"]) as answer:
        assert int(answer.headers["content-length"]) == clip["file_size"]
        for chunk in answer.iter_bytes():
            received += chunk
            if (spent := time.monotonic() - began) > 0.35:
                break

    assert 100 <= len(received) <= 100 * (spent / 0.1 + 2)


def test_a_rule_for_one_prompt_leaves_the_others_alone(fal, sandbox, clip):
    sandbox.rule("media", "not_mp4", prompt="other")

    assert nobody.get(clip["url"]).content[4:8] == b"ftyp"
