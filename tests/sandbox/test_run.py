"""The synchronous way."""

import json
import time

import httpx
import pytest

from tests.sandbox.conftest import ENDPOINT


def test_run_answers_with_the_clip(fal):
    response = fal.http.post(f"{fal.url}/run/{ENDPOINT}", json=fal.input(seed=5))

    assert response.status_code == 200
    assert response.json()["seed"] == 5
    assert response.headers["x-fal-billable-units"] == "0.375"
    assert fal.result(response.headers["x-fal-request-id"]).json() == response.json()


def test_run_refuses_a_bad_input(fal, sandbox):
    response = fal.http.post(f"{fal.url}/run/{ENDPOINT}", json=fal.input(frame_rate=0))

    assert response.status_code == 422
    assert response.json()["detail"][0]["ctx"] == {"ge": 1}
    assert sandbox.requests() == []


def test_run_does_not_wait_in_line(fal, sandbox):
    sandbox.control(concurrency=0)

    response = fal.http.post(f"{fal.url}/run/{ENDPOINT}", json=fal.input())

    assert response.status_code == 429
    assert response.headers["x-fal-error-type"] == "concurrent_requests_limit"


def test_a_caller_who_leaves_cancels(fal, sandbox):
    sandbox.control(inference_seconds=30, cancel_seconds=0)

    with pytest.raises(httpx.ReadTimeout):
        fal.http.post(f"{fal.url}/run/{ENDPOINT}", json=fal.input(), timeout=1.0)

    deadline = time.monotonic() + 3
    while not sandbox.requests()[0]["cancelled"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_stream_carries_the_result(fal):
    response = fal.http.post(f"{fal.url}/run/{ENDPOINT}/stream", json=fal.input())

    (event,) = [line[6:] for line in response.text.splitlines() if line.startswith("data: ")]
    assert json.loads(event)["video"]["content_type"] == "video/mp4"
