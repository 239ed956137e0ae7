"""Runs a decoder in a child process that can do no harm: limited, without secrets, killed when late.

One fresh process for every file, forked from a starter that has loaded the decoder and never touches a
file: see decoders/starter.py. A child costs 2 ms, loading a decoder 90 to 180 ms. A starter is itself started
with `subprocess`, so nothing of ours runs between fork and exec and this is safe beside threads. It keeps 10
(pictures) or 21 MB (clips) and ends with this process, however that ends, or after `IDLE_SECONDS` of rest.
"""

import atexit
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

ROOT: Final = str(Path(__file__).resolve().parents[1])
BOOT: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); from generations.decoders.starter import start; start()"
)
# How many decode at once: each may use `Limits.memory`, so a burst of uploads must not mean one per thread.
AT_ONCE: Final = max(2, os.cpu_count() or 1)
IDLE_SECONDS: Final = 300
# A starter that says nothing this long after the child's time is stuck; loading a decoder is part of it.
PATIENCE: Final = 10
_LONGEST_HEADER: Final = 100_000
_LONGEST_OUTCOME: Final = 1_000


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


class DecoderUnavailable(RuntimeError):
    """The decoding process could not work at all: our machine is at fault, not the file."""


class _StarterGone(Exception):
    """The starter ended, hangs, or talks nonsense."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """`code` is the child's exit code, or minus the signal that ended it."""

    late: bool
    code: int


class _Starter:
    """One starter process and our end of the socket to it. It serves one order at a time."""

    def __init__(self, decoder: str) -> None:
        self.decoder = decoder
        self.channel, theirs = socket.socketpair()
        with theirs:
            # -I: no variables, no user packages, no working directory in the path. The empty environment
            # keeps keys and the database's address out of the starter and so out of its children.
            self.process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", "-c", BOOT, ROOT, decoder, str(IDLE_SECONDS)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
            )

    def run(self, order: dict[str, Any], files: list[int]) -> _Outcome:
        """How the child ended that got `order` and `files`; raises _StarterGone."""
        try:
            self.channel.settimeout(order["seconds"] + PATIENCE)
            message = json.dumps(order).encode() + b"\n"
            sent = socket.send_fds(self.channel, [message], files)
            self.channel.sendall(message[sent:])
            return _Outcome(**json.loads(self.channel.recv(_LONGEST_OUTCOME)))
        except (OSError, ValueError, TypeError) as error:
            raise _StarterGone from error

    def end(self) -> None:
        """At once: a starter keeps nothing, and its child dies with it."""
        self.channel.close()
        self.process.kill()
        self.process.wait()

    def forget(self) -> None:
        """In a process that was forked from ours: the starter is the parent's, let go of it."""
        self.channel.close()
        self.process.returncode = 0  # or subprocess would complain that it never saw the end


class _Starters:
    """The starters of this process: those at work, and those that wait for it."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.slots = threading.BoundedSemaphore(AT_ONCE)
        self.lock = threading.Lock()
        self.idle: list[_Starter] = []
        self.busy: list[_Starter] = []

    @contextmanager
    def lend(self, decoder: str, *, fresh: bool) -> Iterator[_Starter]:
        """An idle starter, or a new one; one that anything goes wrong with is not lent again."""
        with self.lock:
            starter = (None if fresh else self._waiting(decoder)) or _Starter(decoder)
            self.busy.append(starter)
        try:
            yield starter
        except BaseException:
            starter.end()
            raise
        else:
            self.idle.append(starter)
        finally:
            self.busy.remove(starter)

    def _waiting(self, decoder: str) -> _Starter | None:
        self._bury()
        for starter in reversed(self.idle):  # the last one used: the others may reach their end
            if starter.decoder == decoder:
                self.idle.remove(starter)
                return starter
        return None

    def _bury(self) -> None:
        for starter in [starter for starter in self.idle if starter.process.poll() is not None]:
            self.idle.remove(starter)
            starter.end()

    def end(self) -> None:
        with self.lock:
            while self.idle:
                self.idle.pop().end()

    def start_over(self) -> None:
        """After a fork: the starters are the parent's, and threads that hold the locks are not here."""
        for starter in self.idle + self.busy:
            starter.forget()
        self.reset()


_starters: Final = _Starters()
atexit.register(_starters.end)
os.register_at_fork(after_in_child=_starters.start_over)


def decode(
    decoder: str,
    source: IO[bytes],
    options: dict[str, Any],
    limits: Limits = LIMITS,
    *,
    product: IO[bytes] | None = None,
) -> Answer:
    """Run `decoder` (a module with `decode(file, **options)`) over the real file `source`.

    With `product`, a real and empty file, the decoder gets it as `target` and writes there what is too large for an
    answer. Raises DecodingFailed when the file is at fault, DecoderUnavailable when the child could not work at all.
    """
    order = {
        "options": options,
        "seconds": limits.wall_seconds,
        "limits": {"memory": limits.memory, "cpu_seconds": limits.cpu_seconds, "output": limits.output},
    }
    with _starters.slots, tempfile.TemporaryFile() as answers:
        _check(_run(decoder, order, [source, answers, *([product] if product else [])]), limits)
        answers.seek(0)
        return _read(answers)


def prepare(decoder: str) -> None:
    """Begin to load `decoder`, for a file that will come soon; does not wait for it."""
    with _starters.lend(decoder, fresh=False):
        pass


def _run(decoder: str, order: dict[str, Any], files: list[IO[bytes]]) -> _Outcome:
    """`files` are what is read, then those that are written."""
    source, *written = files
    for fresh in (False, True):  # a starter may be killed, or end at this very moment because it was idle
        source.seek(0)
        for file in written:
            file.seek(0)
            file.truncate()
        with suppress(_StarterGone), _starters.lend(decoder, fresh=fresh) as starter:
            return starter.run(order, [file.fileno() for file in files])
    raise DecoderUnavailable("The decoding process could not start: its starter ended twice.")


def _check(outcome: _Outcome, limits: Limits) -> None:
    if outcome.late:
        raise DecodingFailed(f"not done after {limits.wall_seconds} s")
    if outcome.code < 0:
        raise DecodingFailed(f"ended by signal {-outcome.code}")
    if outcome.code > 0:
        raise DecoderUnavailable(f"The decoding process could not do its work (exit code {outcome.code}).")


def _read(answers: IO[bytes]) -> Answer:
    header = json.loads(answers.readline(_LONGEST_HEADER))
    facts: dict[str, Any] = header["facts"]
    if "refused" in facts:
        raise DecodingFailed(facts["refused"], code=facts["refused"])
    if "failed" in facts:
        raise DecodingFailed(facts["failed"])
    return Answer(facts=facts, blobs=[answers.read(size) for size in header["sizes"]])
