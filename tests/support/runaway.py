"""A decoder gone bad, for the limits of generations.child_process."""

import os
import signal
import sys
import time
from typing import IO, Any

met: list[str] = []


def decode(file: IO[bytes], *, deed: str) -> tuple[dict[str, Any], list[bytes]]:
    facts: dict[str, Any] = {}
    match deed:
        case "spin":
            while True:
                pass
        case "sleep":
            time.sleep(60)
        case "hoard":
            hoard = [bytearray(50_000_000) for _ in range(40)]
            facts["hoarded"] = len(hoard)
        case "flood":
            return {}, [b"x" * 3_000_000]
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "chatter":
            sys.stdout.write("noise from a library\n")
            sys.stdout.flush()
        case "remember":
            met.append("a file")
            facts = {"met": len(met), "process": os.getpid(), "parent": os.getppid()}
        case "look":
            facts = {
                "variables": sorted(set(os.environ) - {"LC_CTYPE"}),
                "folder": os.getcwd(),
                "files": sorted(int(name) for name in os.listdir("/dev/fd")),
                "path": sys.path,
                "modules": sorted(sys.modules),
            }
    return facts, [file.read()]
