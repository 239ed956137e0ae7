"""The process: start, refusals, log, a quick end, and requests that survive its death."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from ltxplatform.processes import wait_until
from sandbox.fal.renders import trim
from sandbox.server import CannotStart, listen
from tests.sandbox.conftest import Fal
from tests.support.sandbox_process import CHECKOUT, sandbox_server


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.com"])  # noqa: S104
def test_it_listens_on_loopback_only(host):
    with pytest.raises(CannotStart, match=host.replace(".", r"\.")):
        listen(host, 0)


def test_a_taken_port_is_one_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "sandbox", "--port", str(port), "--data", str(tmp_path)]
        done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=20, check=False)

    assert done.returncode == 1
    assert done.stderr == f"Port {port} on 127.0.0.1 cannot be used: Address already in use.\n"


def test_it_ends_within_a_second_with_streams_open():
    with sandbox_server(inference_seconds=30) as sandbox, Fal(sandbox.url) as fal:
        request_id = fal.submitted()
        with fal.http.stream("GET", fal.request(request_id, "/status/stream")) as response:
            next(response.iter_lines())
            children = psutil.Process(sandbox.process.pid).children()
            began = time.monotonic()
            status = sandbox.stop(signal.SIGTERM)
            spent = time.monotonic() - began

    assert status == 0
    assert spent < 2  # one second, and one more on a busy machine
    assert not [child for child in children if child.is_running()]


def test_requests_survive_a_kill_and_finish(receiver):
    with sandbox_server(queue_seconds=0.4, inference_seconds=0.4) as sandbox, Fal(sandbox.url) as fal:
        receiver.answers = [503]
        finished, result = fal.finished(query={"fal_webhook": f"{receiver.url}/hook"})
        receiver.wait(1)
        running = fal.submitted(prompt="running")
        fal.until(running, "IN_PROGRESS")
        waiting = [fal.submitted(prompt="waiting", seed=seed) for seed in (1, 2)]
        jwks = fal.http.get(f"{sandbox.url}/rest/.well-known/jwks.json").json()

        sandbox.kill()
        sandbox.start()

        assert fal.result(finished).json() == result.json()
        for request_id in (running, *waiting):
            fal.until(request_id)
            assert fal.result(request_id).status_code == 200
        assert [one["request_id"] for one in sandbox.requests()] == [finished, running, *waiting]
        assert sandbox.summary()["rendered"] <= 1  # seed 2 at most: seed 1 was kept
        assert len(receiver.wait(2)) == 2  # the unacknowledged webhook came again
        assert fal.http.get(f"{sandbox.url}/rest/.well-known/jwks.json").json() == jwks


def test_the_log_has_one_line_a_request_and_no_secrets(sandbox):
    with Fal(sandbox.url, key="visible:hidden-secret") as fal:
        request_id, _ = fal.finished(query={"fal_webhook": "http://127.0.0.1:9/hidden-token"})

    last = f"/requests/{request_id} 200"
    assert wait_until(lambda: last in sandbox.log(), seconds=10)  # written just after the reply
    log = sandbox.log()
    assert "POST /queue/fal-ai/ltxv-13b-098-distilled/image-to-video 200" in log
    assert "hidden" not in log


def test_a_lost_renderer_is_replaced(fal, sandbox):
    fal.finished(seed=1001)
    for child in psutil.Process(sandbox.process.pid).children():
        child.kill()

    outcomes = [fal.finished(seed=seed)[1].status_code for seed in (1002, 1003)]

    assert outcomes == [200, 200]


def test_the_same_clip_is_rendered_once(fal, sandbox):
    before = sandbox.summary()["rendered"]

    for request_id in [fal.submitted(seed=2001) for _ in range(5)]:
        fal.until(request_id)

    assert sandbox.summary()["rendered"] == before + 1


def test_the_clips_unused_longest_make_room(tmp_path: Path):
    clips = tmp_path / "clips"
    clips.mkdir()
    for age, name in enumerate("abcde"):
        path = clips / name
        path.write_bytes(b"x" * 100)
        os.utime(path, (1000 - age, 1000 - age))

    trim(clips, 250)

    assert sorted(path.name for path in clips.iterdir()) == ["a", "b"]
