"""Submit, status, stream, result and cancel, in fal's words."""

import json
import time
from uuid import UUID

import pytest

from tests.sandbox.conftest import APP, ENDPOINT, nobody


def test_submit_answers_as_fal_does(fal):
    response = fal.submit()

    body = response.json()
    base = f"{fal.url}/queue/{APP}/requests/{body['request_id']}"
    assert response.status_code == 200
    assert body == {
        "status": "IN_QUEUE",
        "request_id": body["request_id"],
        "response_url": base,
        "status_url": f"{base}/status",
        "cancel_url": f"{base}/cancel",
        "logs": None,
        "metrics": {},
        "queue_position": 0,
    }
    assert response.headers["x-fal-request-id"] == body["request_id"]
    assert UUID(body["request_id"]).version == 7


def test_a_request_goes_from_the_line_through_inference_to_a_clip(fal, sandbox):
    sandbox.control(queue_seconds=1.0, inference_seconds=1.5)
    request_id = fal.submitted()

    waiting = fal.status(request_id)
    running = fal.until(request_id, "IN_PROGRESS")
    early = fal.result(request_id)
    done = fal.until(request_id)

    assert (waiting.status_code, waiting.json()["status"]) == (202, "IN_QUEUE")
    assert waiting.json()["logs"] is None
    assert "queue_position" not in running
    assert (early.status_code, early.json()) == (400, {"detail": "Request is still in progress"})
    assert fal.status(request_id).status_code == 200
    assert 1.2 <= done["metrics"]["inference_time"] < 30  # rendering may take longer than asked
    result = fal.result(request_id)
    assert result.status_code == 200
    assert result.headers["x-fal-billable-units"] == "0.375"
    assert set(result.json()) == {"video", "prompt", "seed"}


def test_the_result_names_a_clip_that_can_be_fetched(fal):
    _, result = fal.finished()
    video = result.json()["video"]

    clip = nobody.get(video["url"])

    assert (clip.status_code, clip.headers["content-type"]) == (200, "video/mp4")
    assert len(clip.content) == video["file_size"]
    assert clip.content[4:8] == b"ftyp"
    assert video["file_name"] == video["url"].rpartition("/")[2]
    assert video["content_type"] == "video/mp4"


def test_logs_come_only_when_asked_for_and_count_the_steps(fal, sandbox):
    sandbox.control(inference_seconds=3.0)
    request_id = fal.submitted(first_pass_num_inference_steps=4, second_pass_num_inference_steps=6)
    fal.until(request_id, "IN_PROGRESS")
    time.sleep(0.8)

    logs = fal.status(request_id, logs=1).json()["logs"]

    assert fal.status(request_id).json()["logs"] is None
    assert fal.status(request_id, logs="false").json()["logs"] is None
    messages = [line["message"] for line in logs]
    assert "step 1/5" in messages
    assert "step 5/5" not in messages
    assert set(logs[0]) == {"timestamp", "level", "source", "message"}
    assert logs[0]["timestamp"].endswith("Z")
    fal.until(request_id)
    assert "step 5/5" in [line["message"] for line in fal.status(request_id, logs="true").json()["logs"]]


@pytest.mark.parametrize("base", [APP, ENDPOINT])
def test_every_spelling_of_a_request_works(fal, base):
    request_id, _ = fal.finished()
    one = fal.request(request_id, base=base)

    assert fal.http.get(f"{one}/status").json()["status"] == "COMPLETED"
    assert fal.http.get(one).json() == fal.http.get(f"{one}/response").json()
    assert fal.http.put(f"{one}/cancel").json() == {"status": "ALREADY_COMPLETED"}
    assert "data: " in fal.http.get(f"{one}/status/stream").text


def test_positions_count_those_ahead(fal, sandbox):
    sandbox.control(queue_seconds=30)
    first, second, third = (fal.submitted() for _ in range(3))

    assert [fal.status(one).json()["queue_position"] for one in (first, second, third)] == [0, 1, 2]
    fal.cancel(first)
    assert [fal.status(one).json()["queue_position"] for one in (second, third)] == [0, 1]


def test_low_priority_waits_behind_everybody(fal, sandbox):
    sandbox.control(queue_seconds=30)
    low = fal.submitted(headers={"X-Fal-Queue-Priority": "low"})
    normal = fal.submitted()

    assert fal.status(low).json()["queue_position"] == 1
    assert fal.status(normal).json()["queue_position"] == 0


def test_no_more_run_at_once_than_the_account_may(fal, sandbox):
    sandbox.control(concurrency=2, inference_seconds=1.2)
    requests = [fal.submitted() for _ in range(5)]
    fal.until(requests[0], "IN_PROGRESS")

    states = [one["status"] for one in sandbox.requests()]

    assert states == ["IN_PROGRESS", "IN_PROGRESS", "IN_QUEUE", "IN_QUEUE", "IN_QUEUE"]
    assert [fal.until(one)["status"] for one in requests] == ["COMPLETED"] * 5


def test_the_stream_sends_each_change_and_ends(fal, sandbox):
    sandbox.control(queue_seconds=1.0, inference_seconds=0.2)
    request_id = fal.submitted()

    with fal.http.stream("GET", fal.request(request_id, "/status/stream"), params={"logs": 1}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = [json.loads(line[6:]) for line in response.iter_lines() if line.startswith("data: ")]

    states = [event["status"] for event in events]
    assert list(dict.fromkeys(states)) == ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
    assert states.count("COMPLETED") == 1


def test_cancelling_in_line(fal, sandbox):
    sandbox.control(queue_seconds=30)
    request_id = fal.submitted()

    answer = fal.cancel(request_id)

    assert (answer.status_code, answer.json()) == (200, {"status": "OK"})
    status = fal.status(request_id).json()
    assert (status["status"], status["error_type"]) == ("COMPLETED", "client_cancelled")
    result = fal.result(request_id)
    assert (result.status_code, result.json()["error_type"]) == (499, "client_cancelled")
    assert "x-fal-billable-units" not in result.headers


def test_cancelling_in_progress_stops_soon(fal, sandbox):
    sandbox.control(inference_seconds=30, cancel_seconds=0.1)
    request_id = fal.submitted()
    fal.until(request_id, "IN_PROGRESS")

    answer = fal.cancel(request_id)

    assert (answer.status_code, answer.json()) == (202, {"status": "CANCELLATION_REQUESTED"})
    assert fal.until(request_id, seconds=3)["error_type"] == "client_cancelled"


def test_a_cancellation_can_come_too_late_to_stop_it(fal, sandbox):
    sandbox.control(inference_seconds=1.5, cancel_lets_finish=True)
    request_id = fal.submitted()
    fal.until(request_id, "IN_PROGRESS")

    assert fal.cancel(request_id).status_code == 202
    fal.until(request_id)
    assert fal.result(request_id).headers["x-fal-billable-units"] == "0.375"


def test_cancelling_what_has_ended_or_never_was(fal):
    request_id, _ = fal.finished()

    late, unknown = fal.cancel(request_id), fal.cancel("00000000-0000-7000-8000-000000000000")

    assert (late.status_code, late.json()) == (400, {"status": "ALREADY_COMPLETED"})
    assert (unknown.status_code, unknown.json()) == (404, {"status": "NOT_FOUND"})


def test_a_request_belongs_to_its_key(fal, stranger):
    request_id, _ = fal.finished()

    for answer in (stranger.status(request_id), stranger.result(request_id), stranger.cancel(request_id)):
        assert (answer.status_code, answer.json()) == (404, {"status": "NOT_FOUND"})


def test_a_start_deadline_ends_the_wait(fal, sandbox):
    sandbox.control(queue_seconds=30)
    request_id = fal.submitted(headers={"X-Fal-Request-Timeout": "0.2"})

    fal.until(request_id, seconds=3)

    result = fal.result(request_id)
    assert result.status_code == 504
    assert result.headers["x-fal-request-timeout-type"] == "user"
    assert result.json() == {"detail": "Request timed out", "error_type": "request_timeout"}


def test_a_queue_longer_than_wished_is_refused(fal, sandbox):
    sandbox.control(queue_seconds=30)
    fal.submitted(query={"fal_max_queue_length": 1})

    assert fal.submit(query={"fal_max_queue_length": 1}).status_code == 429
    assert fal.submit(query={"fal_max_queue_length": 2}).status_code == 200


def test_a_bad_input_is_accepted_and_fails_at_the_runner(fal):
    request_id, result = fal.finished(num_frames=2000)

    status = fal.status(request_id).json()
    assert (status["error"], status["error_type"]) == ("Invalid status code: 422", "less_than_equal")
    assert result.status_code == 422
    assert result.json()["detail"][0]["loc"] == ["body", "num_frames"]
    assert result.headers["x-fal-error-type"] == "less_than_equal"
    assert result.headers["x-fal-retryable"] == "false"


def test_a_bad_input_can_be_refused_at_once(fal, sandbox):
    sandbox.control(validate_at="submit")

    assert fal.submit(num_frames=2000).status_code == 422
    assert sandbox.requests() == []


def test_a_body_that_is_no_json(fal):
    response = fal.http.post(f"{fal.url}/queue/{ENDPOINT}", content=b"{nonsense")

    assert response.status_code == 422
    assert response.json()["detail"][0]["type"] == "json_invalid"


def test_used_values_come_back(fal):
    _, plain = fal.finished(prompt="a lighthouse", seed=0)
    _, expanded = fal.finished(prompt="a lighthouse", seed=0, expand_prompt=True)
    _, drawn = fal.finished(seed=None)

    assert (plain.json()["prompt"], plain.json()["seed"]) == ("a lighthouse", 0)
    assert expanded.json()["prompt"].startswith("a lighthouse The camera")
    assert isinstance(drawn.json()["seed"], int)


def test_units_double_with_the_detail_pass(fal):
    _, result = fal.finished(enable_detail_pass=True)

    assert result.headers["x-fal-billable-units"] == "0.75"


def test_other_apps_and_paths_are_not_there(fal):
    for path in ("/queue/fal-ai/flux", "/run/fal-ai/flux", "/rest/tokens/", "/elsewhere"):
        response = fal.http.post(f"{fal.url}{path}", json={})
        assert response.status_code == 404
        assert "not found" in response.json()["detail"]
        assert "x-fal-request-id" in response.headers
