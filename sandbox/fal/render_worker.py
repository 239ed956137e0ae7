"""A render process: one JSON order a line on stdin, one JSON answer a line on stdout, ends with its stdin."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from sandbox.fal.render import Unusable, render


def answer(order: dict[str, Any]) -> dict[str, Any]:
    """Render one order; the clip appears under its name only when it is whole."""
    target = Path(order["target"])
    part = target.with_name(f"{target.stem}.{os.getpid()}.part")
    try:
        render(order, part)
    except Unusable as unusable:
        return {"error": unusable.kind, "ctx": unusable.ctx}
    except Exception as error:  # any encoder trouble is reported, not fatal
        part.unlink(missing_ok=True)
        return {"failed": f"{type(error).__name__}: {error}"[:300]}
    part.replace(target)
    return {"bytes": target.stat().st_size}


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(5)  # the server's event loop goes first
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
