"""Hundreds of requests at once in one process."""

import time


def test_many_in_flight_cost_little(fal, sandbox):
    rendered = sandbox.summary()["rendered"]
    sandbox.control(concurrency=1000, inference_seconds=2.0, fixed_seed=1)
    body = {
        "prompt": "many",
        "image_url": fal.input()["image_url"],
        "num_frames": 9,
        "resolution": "480p",
        "frame_rate": 30,
    }
    url = f"{fal.url}/queue/fal-ai/ltxv-13b-098-distilled/image-to-video"

    made = [fal.http.post(url, json=body).json()["request_id"] for _ in range(200)]
    began = time.monotonic()
    for request_id in made[::5]:
        assert fal.status(request_id).status_code in (200, 202)
    spent = time.monotonic() - began
    deadline = time.monotonic() + 10
    while sandbox.summary()["states"] != {"COMPLETED": 200} and time.monotonic() < deadline:
        time.sleep(0.1)

    assert sandbox.summary()["states"] == {"COMPLETED": 200}
    assert sandbox.summary()["rendered"] == rendered + 1
    assert spent < 5
    assert len({one["request_id"] for one in sandbox.requests()}) == 200
