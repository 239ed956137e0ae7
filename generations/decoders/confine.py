"""The child's side of `generations.child_process`: takes limits, runs one decoder, writes one answer.

The file to decode is standard input, the answer is file 3, the product (where one is wanted) is file 4, and nothing
else is open: the child needs no path, and the kernel bounds what it writes. An answer is one line of JSON and then
the blobs it counts.
"""

import ctypes
import errno
import json
import os
import resource
import signal
import sys
from types import ModuleType
from typing import Any, Final, NoReturn

HEADER_ROOM: Final = 100_000  # bytes of the line of JSON, at most
ANSWERS: Final = 3
PRODUCT: Final = 4
HIGHEST_FILE: Final = 256  # far above what a starter ever holds
DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
PR_SET_PDEATHSIG: Final = 1  # Linux: the kernel sends this signal when our parent ends, even by kill -9
# Loaded by the starter: after a fork there should be little left to do.
LIBC: Final = ctypes.CDLL(None) if sys.platform.startswith("linux") else None


class Refused(Exception):
    """The file breaks a rule: `code` says which."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def run(decoder: ModuleType, order: dict[str, Any], files: list[int], starter: int) -> NoReturn:
    """In a child just forked from `starter`: decode the first of the open `files` into the second (and third)."""
    die_with(starter)
    names = (0, ANSWERS, PRODUCT)[: len(files)]
    for file, name in zip(files, names, strict=True):
        os.dup2(file, name)
    os.closerange(names[-1] + 1, HIGHEST_FILE)
    take_limits(**order["limits"])
    options = order["options"]
    if PRODUCT in names:
        options["target"] = open(PRODUCT, "w+b")  # noqa: SIM115 - open until this process ends
    facts, blobs = decode(decoder, options, room=order["limits"]["output"] - HEADER_ROOM)
    if PRODUCT in names:
        options["target"].flush()
    with open(ANSWERS, "wb") as output:
        output.write(json.dumps({"facts": facts, "sizes": [len(blob) for blob in blobs]}).encode() + b"\n")
        for blob in blobs:
            output.write(blob)
    # Skips the interpreter's and the libraries' clean-up: nothing is left to save.
    os._exit(0)


def decode(decoder: ModuleType, options: dict[str, Any], *, room: int) -> tuple[dict[str, Any], list[bytes]]:
    """The decoder's answer about standard input, of at most `room` bytes, or what went wrong."""
    try:
        with open(0, "rb", closefd=False) as file:
            facts, blobs = decoder.decode(file, **options)
    except Refused as refusal:
        return {"refused": refusal.code}, []
    except OSError as error:
        if error.errno in DISK_FULL:  # no fault of the file: ending without an answer says so
            raise
        return {"failed": f"{type(error).__name__}: {error}"[:300]}, []
    except Exception as error:  # whatever a decoder trips over, the file is what tripped it
        return {"failed": f"{type(error).__name__}: {error}"[:300]}, []
    if sum(map(len, blobs)) > room:
        return {"failed": "the answer is larger than allowed"}, []
    return facts, blobs


def die_with(starter: int) -> None:
    """Leave nobody behind who is not watched. Elsewhere than on Linux only the limits see to that."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != starter:  # it died before the setting took hold
            os._exit(1)


def take_limits(*, memory: int, cpu_seconds: int, output: int) -> None:
    """Bound this process for good: `memory` (address space) and `output` (each file) in bytes."""
    # macOS does not enforce an address space limit and refuses to set one.
    if sys.platform != "darwin":
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    # The hard limit is a second later: at the soft one the kernel ends the process, and says why.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (output, output))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
