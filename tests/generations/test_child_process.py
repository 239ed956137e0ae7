"""The wall around decoders: whatever happens inside, the parent gets an answer or DecodingFailed."""

import io
import tempfile
import threading
from collections.abc import Iterator
from typing import IO

import pytest

from generations.child_process import Answer, DecodingFailed, Limits, decode

RUNAWAY = "tests.support.runaway"


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
    # Input, output, errors, the private answers, and the listing itself.
    assert len(seen["files"]) <= 5
    assert not {"django", "psycopg", "httpx"} & set(seen["modules"])


def test_a_decoder_that_cannot_be_loaded_is_our_fault_and_not_the_file_s(source):
    with pytest.raises(RuntimeError, match="could not start"):
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
