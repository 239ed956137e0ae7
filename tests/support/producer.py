"""A decoder that writes a product beside its answer, for generations.child_process."""

import errno
from typing import IO, Any


def decode(
    file: IO[bytes], *, target: IO[bytes], ballast: str = "", is_full: bool = False
) -> tuple[dict[str, Any], list[bytes]]:
    if is_full:
        raise OSError(errno.ENOSPC, "No space left on device")
    content = file.read()
    target.write(b"product of " + content)
    return {"ballast": len(ballast)}, [content]
