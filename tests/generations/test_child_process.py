"""The wall around decoders: whatever happens inside, the parent gets an answer or DecodingFailed."""

import io
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import psutil
import pytest

from generations import child_process
from generations.child_process import Answer, DecoderUnavailable, DecodingFailed, Limits, decode, prepare
from tests.support import pictures

RUNAWAY = "tests.support.runaway"
PRODUCER = "tests.support.producer"
CLIP = "generations.decoders.video"
PICTURE = "generations.decoders.picture"
ROOT = Path(__file__).resolve().parents[2]
# What another process of ours does, with its own starter; its first argument is the root of this checkout.
PROGRAM_HEAD = """
import os, sys, tempfile, time
sys.path.insert(0, sys.argv[1])
from generations.child_process import decode
def run(deed):
    with tempfile.TemporaryFile() as file:
        return decode("tests.support.runaway", file, {"deed": deed}).facts
"""


@pytest.fixture
def source() -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile() as file:
        file.write(b"the file")
        file.flush()
        yield file


def run(source: IO[bytes], deed: str, **limits: float) -> Answer:
    return decode(RUNAWAY, source, {"deed": deed}, Limits(**limits))


@pytest.mark.parametrize(
    ("deed", "limits", "reason"),
    [
        ("spin", {"cpu_seconds": 1}, "ended by signal"),
        ("sleep", {"wall_seconds": 0.5}, "not done after"),
        ("hoard", {"memory": 500_000_000}, "MemoryError"),
        ("crash", {}, "ended by signal 11"),
    ],
)
def test_a_runaway_is_stopped_and_blamed_on_the_file(source, deed, limits, reason):
    with pytest.raises(DecodingFailed, match=reason):
        run(source, deed, **limits)


def test_an_answer_larger_than_the_limit_is_refused(source):
    with pytest.raises(DecodingFailed, match="answer"):
        run(source, "flood", output=1_000_000)


def test_what_a_library_prints_does_not_reach_the_answer(source):
    assert run(source, "chatter").blobs == [b"the file"]


def test_the_child_sees_no_secrets_and_no_foreign_files(source, monkeypatch):
    monkeypatch.setenv("FAL_KEY", "canary")

    with tempfile.TemporaryFile():
        seen = run(source, "look").facts

    assert seen["variables"] == []
    assert seen["folder"] == "/"
    # Input, standard output and errors (both lead nowhere), the answers, and the listing itself.
    assert seen["files"] == [0, 1, 2, 3, 4]
    assert not {"django", "psycopg", "httpx"} & set(seen["modules"])


def test_a_product_too_large_for_an_answer_goes_into_a_file(source):
    with tempfile.TemporaryFile() as product:
        product.write(b"of an earlier try that was killed")
        product.flush()

        answer = decode(PRODUCER, source, {}, product=product)

        product.seek(0)
        assert product.read() == b"product of the file"
    assert answer.blobs == [b"the file"]


def test_an_order_may_be_long(source):
    with tempfile.TemporaryFile() as product:
        ballast = "x\n" * 2_000_000
        answer = decode(PRODUCER, source, {"ballast": ballast}, product=product)

    assert answer.facts == {"ballast": len(ballast)}


def test_a_full_disk_is_no_fault_of_the_file(source):
    with tempfile.TemporaryFile() as product:
        with pytest.raises(DecoderUnavailable):
            decode(PRODUCER, source, {"is_full": True}, product=product)

        assert decode(PRODUCER, source, {}, product=product).blobs == [b"the file"]


def test_a_decoder_that_cannot_be_loaded_is_our_fault_and_not_the_file_s(source):
    with pytest.raises(DecoderUnavailable, match="could not start"):
        decode("generations.decoders.missing", source, {})


def test_many_threads_each_get_their_own_answer():
    answers: dict[int, bytes] = {}

    def work(number: int) -> None:
        with tempfile.TemporaryFile() as file:
            file.write(b"%d" % number)
            file.flush()
            answers[number] = run(file, "none").blobs[0]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == {number: b"%d" % number for number in range(8)}


def test_the_source_must_be_a_real_file():
    with pytest.raises(io.UnsupportedOperation):
        decode(RUNAWAY, io.BytesIO(b"x"), {"deed": "none"})


def starters(decoder: str = RUNAWAY, parent: int | None = None) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(parent).children():
        with suppress(psutil.NoSuchProcess):  # gone since it was listed
            if child.status() != psutil.STATUS_ZOMBIE and decoder in child.cmdline():
                found.append(child)
    return found


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def no_starters() -> None:
    child_process._starters.end()
    assert not starters()


@contextmanager
def program(text: str, *arguments: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-W", "error", "-c", PROGRAM_HEAD + text, ROOT, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.usefixtures("no_starters")
def test_every_file_gets_a_fresh_process_of_the_same_starter(source):
    first, second = run(source, "remember").facts, run(source, "remember").facts

    assert (first["met"], second["met"]) == (1, 1)
    assert first["process"] != second["process"]
    assert first["parent"] == second["parent"] == starters()[0].pid


@pytest.mark.parametrize("decoder", [CLIP, PICTURE])
def test_a_starter_has_one_thread_and_so_may_be_forked(decoder):
    for _ in range(2):
        with tempfile.TemporaryFile() as file, pytest.raises(DecodingFailed):
            decode(decoder, file, {})

    assert {starter.num_threads() for starter in starters(decoder)} == {1}


@pytest.mark.usefixtures("no_starters")
def test_a_starter_killed_while_idle_is_replaced(source):
    run(source, "none")
    killed = starters()[0]
    killed.kill()

    assert run(source, "none").blobs == [b"the file"]
    assert starters() != [killed]


@pytest.mark.usefixtures("no_starters")
@pytest.mark.parametrize(("kills", "error"), [(1, DecodingFailed), (2, DecoderUnavailable)])
def test_a_starter_killed_at_work_takes_its_child_along_and_is_replaced_once(source, kills, error):
    raised: list[Exception] = []

    def work() -> None:
        try:
            run(source, "sleep", wall_seconds=2.0)
        except (DecodingFailed, RuntimeError) as failure:
            raised.append(failure)

    thread = threading.Thread(target=work)
    thread.start()
    children = []
    for _ in range(kills):
        until(lambda: [child for starter in starters() for child in starter.children()])
        starter = starters()[0]
        children += starter.children()
        starter.kill()
        until(lambda killed=starter: killed not in starters())
    thread.join()

    assert [type(failure) for failure in raised] == [error]
    assert psutil.wait_procs(children, timeout=10)[1] == []
    assert run(source, "none").blobs == [b"the file"]


@pytest.mark.usefixtures("no_starters")
def test_after_a_late_child_the_same_starter_goes_on(source):
    run(source, "none")
    before = starters()
    with pytest.raises(DecodingFailed, match="not done"):
        run(source, "sleep", wall_seconds=0.2)

    assert before[0].children() == []
    assert run(source, "none").blobs == [b"the file"]
    assert starters() == before


@pytest.mark.usefixtures("no_starters")
def test_an_idle_starter_ends_itself_and_the_next_file_gets_another(source, monkeypatch):
    monkeypatch.setattr(child_process, "IDLE_SECONDS", 0.1)
    run(source, "none")

    until(lambda: not starters())
    assert run(source, "none").blobs == [b"the file"]


@pytest.mark.usefixtures("no_starters")
def test_a_starter_can_be_made_ready_before_the_file_comes(source):
    prepare(RUNAWAY)
    ready = starters()
    prepare(RUNAWAY)

    assert run(source, "remember").facts["parent"] == ready[0].pid
    assert starters() == ready


@pytest.mark.usefixtures("no_starters")
def test_a_starter_that_talks_nonsense_is_replaced(source):
    run(source, "none")
    starter = child_process._starters.idle[0]
    starter.channel.close()
    starter.channel, other = socket.socketpair()
    with other:
        other.sendall(b'{"late": "per')

        assert run(source, "none").blobs == [b"the file"]
    assert starter.process.pid not in [living.pid for living in starters()]


@pytest.mark.usefixtures("no_starters")
def test_a_crowd_is_served_by_as_many_starters_as_may_decode_at_once():
    test_many_threads_each_get_their_own_answer()

    assert 1 <= len(starters()) <= child_process.AT_ONCE


@pytest.mark.usefixtures("no_starters")
def test_decoding_leaves_no_files_open(source):
    run(source, "none")
    ours, theirs = len(os.listdir("/dev/fd")), [starter.num_fds() for starter in starters()]
    for _ in range(50):
        run(source, "none")

    assert len(os.listdir("/dev/fd")) == ours
    assert [starter.num_fds() for starter in starters()] == theirs


@pytest.mark.parametrize("at_work", [False, True])
def test_a_process_that_is_killed_leaves_nobody_behind(at_work):
    rest = "run('sleep')" if at_work else "time.sleep(60)"
    with program(f"run('none'); print(flush=True); {rest}") as process:
        process.stdout.readline()
        if at_work:
            until(lambda: starters(parent=process.pid)[0].children())
        others = psutil.Process(process.pid).children(recursive=True)
        process.kill()

        assert len(others) == (2 if at_work else 1)
        assert psutil.wait_procs(others, timeout=10)[1] == []


def test_an_inspecting_process_that_is_killed_leaves_nobody_behind(tmp_path):
    clip = pictures.clip(tmp_path / "clip.mp4", frames=3)
    text = "from generations.video_inspection import draw_previews; draw_previews(sys.argv[2]); print(flush=True)"
    with program(f"{text}; time.sleep(60)", clip) as process:
        process.stdout.readline()
        others = psutil.Process(process.pid).children(recursive=True)
        process.kill()

        assert len(others) == 1
        assert psutil.wait_procs(others, timeout=10)[1] == []


def test_a_forked_worker_uses_a_starter_of_its_own():
    text = """
before = run("remember")["parent"]
child = os.fork()
mine = run("remember")["parent"]
again = run("remember")["parent"]
assert mine == again and (mine == before) == (child != 0)
if child:
    assert os.waitpid(child, 0)[1] == 0
    assert run("remember")["parent"] == before
    print("well")
"""
    with program(text) as process:
        assert process.communicate(timeout=30)[0] == b"well\n"
        assert process.returncode == 0


def test_a_program_that_ends_ends_its_starters_without_a_word():
    with program("print(run('remember')['parent'])") as process:
        starter = int(process.communicate(timeout=30)[0])

    assert process.returncode == 0
    assert not psutil.pid_exists(starter)
