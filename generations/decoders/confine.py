"""The child's side of `generations.child_process`: takes limits, runs one decoder, writes one answer.

The file to decode is standard input, the answer is standard output; both are files, so the child needs no
path, and the kernel bounds what it writes. An answer is one line of JSON and then the blobs it counts.
"""

import json
import os
import resource
import sys
from importlib import import_module
from typing import IO, Any

HEADER_ROOM = 100_000  # bytes of the line of JSON, at most


class Refused(Exception):
    """The file breaks a rule: `code` says which."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def start() -> None:
    """Decode what stands in standard input; the order comes as JSON in the last argument."""
    order: dict[str, Any] = json.loads(sys.argv[-1])
    answers = _private_output()
    take_limits(**order["limits"])
    decoder = import_module(order["decoder"])
    try:
        facts, blobs = decoder.decode(sys.stdin.buffer, **order["options"])
        if sum(map(len, blobs)) + HEADER_ROOM > order["limits"]["output"]:
            facts, blobs = {"failed": "the answer is larger than allowed"}, []
    except Refused as refusal:
        facts, blobs = {"refused": refusal.code}, []
    except Exception as error:  # whatever a decoder trips over, the file is what tripped it
        facts, blobs = {"failed": f"{type(error).__name__}: {error}"[:300]}, []
    answers.write(json.dumps({"facts": facts, "sizes": [len(blob) for blob in blobs]}).encode() + b"\n")
    for blob in blobs:
        answers.write(blob)
    answers.close()
    # Skips the interpreter's and the libraries' clean-up: nothing is left to save.
    os._exit(0)


def take_limits(*, memory: int, cpu_seconds: int, output: int) -> None:
    """Bound this process for good: `memory` (address space) and `output` (each file) in bytes."""
    # macOS does not enforce an address space limit and refuses to set one.
    if sys.platform != "darwin":
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    # The hard limit is a second later: at the soft one the kernel ends the process, and says why.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (output, output))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _private_output() -> IO[bytes]:
    """Standard output for answers alone: what a library prints there goes to standard error instead."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers
