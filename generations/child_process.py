"""Runs a decoder in a child process that can do no harm: limited, without secrets, killed when late.

One fresh process for every file. Starting it costs 90 ms for pictures and 150 ms for clips, which buys a
clean state each time and no long-lived process to watch. Safe under threads: nothing of ours runs between
fork and exec; the child takes its limits itself, before it imports a decoder.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

ROOT: Final = str(Path(__file__).resolve().parents[1])
BOOT: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); from generations.decoders.confine import start; start()"
)
# Each may use `Limits.memory`, so a burst of uploads must not start one for every thread.
_SLOTS: Final = threading.BoundedSemaphore(max(2, os.cpu_count() or 1))
_LONGEST_HEADER: Final = 100_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes of address space, seconds of processor time, seconds by the clock, bytes of answer."""

    memory: int = 1_000_000_000
    cpu_seconds: int = 10
    wall_seconds: float = 30.0
    output: int = 100_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    facts: dict[str, Any]
    blobs: list[bytes]


class DecodingFailed(Exception):
    """The file could not be decoded within the limits; `code` is the decoder's, or empty for damage."""

    def __init__(self, reason: str, *, code: str = "") -> None:
        super().__init__(reason)
        self.code = code


LIMITS: Final = Limits()


def decode(decoder: str, source: IO[bytes], options: dict[str, Any], limits: Limits = LIMITS) -> Answer:
    """Run `decoder` (a module with `decode(file, **options)`) over the real file `source`.

    Raises DecodingFailed when the file is at fault, RuntimeError when the child could not work at all.
    """
    order = {
        "decoder": decoder,
        "options": options,
        "limits": {"memory": limits.memory, "cpu_seconds": limits.cpu_seconds, "output": limits.output},
    }
    source.seek(0)
    with _SLOTS, tempfile.TemporaryFile() as answers:
        _run(json.dumps(order), source, answers, limits.wall_seconds)
        answers.seek(0)
        return _read(answers)


def _run(order: str, source: IO[bytes], answers: IO[bytes], seconds: float) -> None:
    try:
        # -I: no variables, no user packages, no working directory in the path. The empty environment
        # keeps keys and the database's address out of the child.
        ended = subprocess.run(  # noqa: S603
            [sys.executable, "-I", "-c", BOOT, ROOT, order],
            stdin=source,
            stdout=answers,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise DecodingFailed(f"not done after {seconds} s") from late
    if ended.returncode < 0:
        raise DecodingFailed(f"ended by signal {-ended.returncode}")
    if ended.returncode > 0:
        raise RuntimeError(f"The decoding process could not start (exit code {ended.returncode}).")


def _read(answers: IO[bytes]) -> Answer:
    header = json.loads(answers.readline(_LONGEST_HEADER))
    facts: dict[str, Any] = header["facts"]
    if "refused" in facts:
        raise DecodingFailed(facts["refused"], code=facts["refused"])
    if "failed" in facts:
        raise DecodingFailed(facts["failed"])
    return Answer(facts=facts, blobs=[answers.read(size) for size in header["sizes"]])
