"""Every fault a rule can inject, seen from outside."""

import time
from typing import Any

import httpx
import pytest

from sandbox.fal.errors import ACCOUNT_ERRORS, MODEL_ERRORS, REQUEST_ERRORS
from tests.sandbox.conftest import ENDPOINT, data_uri, nobody, picture

EVERY_ERROR = {**MODEL_ERRORS, **REQUEST_ERRORS, **ACCOUNT_ERRORS}


def in_turn(step: str) -> list[dict[str, Any]]:
    """One rule an error; each strikes once, in the order of the tables."""
    return [{"step": step, "fault": "error", "type": kind, "times": 1} for kind in EVERY_ERROR]


@pytest.mark.parametrize("step", ["submit", "status", "result"])
def test_every_error_fal_knows(fal, sandbox, step):
    request_id, _ = fal.finished()
    sandbox.control(rules=in_turn(step))

    for kind, (status, text, *_) in EVERY_ERROR.items():
        match step:
            case "submit":
                answer = fal.submit()
            case "status":
                answer = fal.status(request_id)
            case _:
                answer = fal.result(request_id)
        assert answer.status_code == status
        assert "x-fal-request-id" in answer.headers
        body = answer.json()
        if kind in MODEL_ERRORS:
            (item,) = body["detail"]
            assert (item["type"], item.get("ctx", {})) == (kind, MODEL_ERRORS[kind][2])
            assert set(item) >= {"loc", "msg", "type", "url"}
        elif kind in REQUEST_ERRORS:
            assert body == {"detail": text, "error_type": kind}
            assert answer.headers["x-fal-error-type"] == kind
        else:
            assert body == {"detail": text}
    assert len(sandbox.requests()) == 1


@pytest.mark.parametrize("kind", ["generation_timeout", "content_policy_violation", "runner_disconnected"])
def test_a_request_can_fail_with_any_error(fal, sandbox, kind):
    sandbox.rule("inference", "error", type=kind, prompt="fail")

    request_id, result = fal.finished(prompt="please fail")
    _, fine = fal.finished(prompt="something else")

    status = fal.status(request_id).json()
    assert (status["status"], status["error_type"]) == ("COMPLETED", kind)
    assert result.status_code == EVERY_ERROR[kind][0]
    assert fine.status_code == 200


def test_an_error_can_be_worded(fal, sandbox):
    sandbox.rule("submit", "error", type="image_too_small", msg="Tiny", ctx={"min_height": 1, "min_width": 1})

    (item,) = fal.submit().json()["detail"]

    assert (item["msg"], item["ctx"]) == ("Tiny", {"min_height": 1, "min_width": 1})


def test_a_submit_reply_can_be_lost_after_acceptance(fal, sandbox):
    sandbox.rule("submit", "drop_after", times=1)

    with pytest.raises(httpx.RemoteProtocolError):
        fal.submit(prompt="lost")

    (lost,) = sandbox.requests("lost")
    assert fal.until(lost["request_id"])["status"] == "COMPLETED"
    assert fal.submit().status_code == 200


def test_a_submit_can_be_dropped_before_acceptance(fal, sandbox):
    sandbox.rule("submit", "drop_before", times=1)

    with pytest.raises(httpx.RemoteProtocolError):
        fal.submit()

    assert sandbox.requests() == []


def test_in_progress_can_fall_back_into_the_line(fal, sandbox):
    # Each state lasts long enough to be seen by somebody who is kept from looking for a while.
    sandbox.control(inference_seconds=1.2, queue_seconds=1)
    sandbox.rule("inference", "requeue", times=1, after_seconds=1)
    request_id = fal.submitted()
    states: list[str] = []
    while not states or states[-1] != "COMPLETED":
        state = fal.status(request_id).json()["status"]
        if not states or state != states[-1]:
            states.append(state)
        time.sleep(0.05)

    assert states == ["IN_QUEUE", "IN_PROGRESS", "IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
    assert sandbox.requests()[0]["requeues"] == 1
    assert fal.result(request_id).status_code == 200


def test_a_request_can_hang_for_ever(fal, sandbox):
    sandbox.rule("inference", "stall")
    request_id = fal.submitted()
    time.sleep(0.3)

    assert fal.status(request_id).json()["status"] == "IN_PROGRESS"
    assert fal.cancel(request_id).status_code == 202
    fal.until(request_id)


def test_speed_by_prompt(fal, sandbox):
    sandbox.rule("submit", "speed", prompt="slow", queue_seconds=20, inference_seconds=20)

    slow, quick = fal.submitted(prompt="slow one"), fal.submitted(prompt="another")

    fal.until(quick)
    assert fal.status(slow).json()["status"] == "IN_QUEUE"


def test_a_result_can_expire(fal, sandbox):
    request_id, _ = fal.finished()
    sandbox.rule("result", "expired", request_id=request_id)

    answer = fal.result(request_id)

    assert (answer.status_code, answer.json()) == (404, {"status": "NOT_FOUND"})
    assert fal.status(request_id).json()["status"] == "COMPLETED"


@pytest.mark.parametrize("fault", ["garbage", "wrong_type", "empty", "huge"])
@pytest.mark.parametrize("step", ["submit", "status", "result"])
def test_answers_that_make_no_sense(fal, sandbox, step, fault):
    request_id, _ = fal.finished()
    sandbox.rule(step, fault, bytes=300_000)

    answer = {"submit": fal.submit, "status": lambda: fal.status(request_id)}.get(
        step, lambda: fal.result(request_id)
    )()

    assert answer.status_code == 200
    if fault == "huge":
        assert len(answer.content) > 250_000
    elif fault == "wrong_type":
        assert answer.json() == [1, "two", None]
    else:
        with pytest.raises(ValueError, match=r"Expecting|utf-8|codec"):
            answer.json()


def test_any_http_answer(fal, sandbox):
    sandbox.rule(
        "submit", "http", status=429, body={"detail": "Slow down"}, headers={"Retry-After": "7"}, times=1
    )
    sandbox.rule("submit", "http", status=502, body="<html>nginx</html>", content_type="text/html")

    limited, broken = fal.submit(), fal.submit()

    assert (limited.status_code, limited.json()) == (429, {"detail": "Slow down"})
    assert limited.headers["retry-after"] == "7"
    assert (broken.status_code, broken.text) == (502, "<html>nginx</html>")


def test_slow_answers(fal, sandbox):
    sandbox.rule("status", "delay", seconds=0.3)
    request_id = fal.submitted()
    began = time.monotonic()

    fal.status(request_id)

    assert time.monotonic() - began >= 0.3


def test_a_rule_counts(fal, sandbox):
    sandbox.rule("submit", "error", type="internal_error", after=1, times=2)

    assert [fal.submit().status_code for _ in range(5)] == [200, 500, 500, 200, 200]
    (rule,) = sandbox.rules()
    assert rule["hits"] == 2


@pytest.mark.parametrize("step", ["run", "upload", "jwks", "list", "billing", "account", "cancel"])
def test_other_steps_can_fail_too(fal, sandbox, step):
    request_id = fal.submitted()
    sandbox.rule(step, "http", status=503)
    calls = {
        "run": lambda: fal.http.post(f"{fal.url}/run/{ENDPOINT}", json=fal.input()),
        "upload": lambda: fal.http.post(f"{fal.url}/rest/storage/upload/initiate", json={}),
        "jwks": lambda: nobody.get(f"{fal.url}/rest/.well-known/jwks.json"),
        "list": lambda: fal.api("models/requests/by-endpoint"),
        "billing": lambda: fal.api("models/billing-events"),
        "account": lambda: fal.api("account/billing"),
        "cancel": lambda: fal.cancel(request_id),
    }

    assert calls[step]().status_code == 503


# -- pictures


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"this is no picture at all", "image_load_error"),
        (picture()[:300], "image_load_error"),
        (picture(20, 20), "image_too_small"),
        (picture(9000, 40, "PNG"), "image_too_large"),
        (picture(64, 64, "PPM"), "unsupported_image_format"),
    ],
)
def test_unusable_pictures(fal, receiver, content, kind):
    receiver.pages["/a.jpg"] = (200, content)

    _, result = fal.finished(image_url=f"{receiver.url}/a.jpg")

    (item,) = result.json()["detail"]
    assert (result.status_code, item["type"]) == (422, kind)
    assert item["loc"] == ["body", "image_url"]
    assert item["input"] == f"{receiver.url}/a.jpg"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/a.jpg", "ftp://127.0.0.1/a.jpg", "nonsense", "http://[", "{receiver}/missing"]
)
def test_pictures_that_cannot_be_fetched(fal, receiver, url):
    _, result = fal.finished(image_url=url.replace("{receiver}", receiver.url))

    assert result.json()["detail"][0]["type"] == "file_download_error"


@pytest.mark.parametrize(
    "uri", ["data:image/png;base64,@@@@", "data:image/png", "data:,hello", data_uri()[:200]]
)
def test_broken_data_uris(fal, uri):
    _, result = fal.finished(image_url=uri)

    assert result.json()["detail"][0]["type"] == "image_load_error"


def test_an_unsafe_prompt_is_refused_only_with_the_checker_on(fal):
    _, refused = fal.finished(prompt="an NSFW-test scene")
    _, passed = fal.finished(prompt="an nsfw-test scene", enable_safety_checker=False)

    assert (refused.status_code, refused.json()["detail"][0]["type"]) == (422, "content_policy_violation")
    assert passed.status_code == 200
