"""Parts of files over HTTP (RFC 9110, section 14): what a browser needs to seek in a clip."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

SINGLE: Final = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE | re.ASCII)
CHUNK: Final = 256 * 1024


class Unsatisfiable(Exception):
    """A well-formed range that lies outside the file: 416."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes `start` to `end` of a file, both counted."""

    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start + 1


def parse(header: str, size: int) -> ByteRange | None:
    """The range asked of a file of `size` bytes, or None to send all of it.

    Several ranges, other units and nonsense mean the whole file, as the standard allows.
    """
    match = SINGLE.fullmatch(header.strip())
    first, last = match.groups() if match else ("", "")
    if not first and not last:
        return None
    if not first:
        start, end = max(0, size - int(last)), size - 1
    else:
        start, end = int(first), min(int(last), size - 1) if last else size - 1
        if last and int(last) < start:
            return None
    if start >= size:
        raise Unsatisfiable
    return ByteRange(start, end)


class Slice:
    """Reads one part of an open file in chunks, and closes the file with the response."""

    def __init__(self, file: IO[bytes], part: ByteRange) -> None:
        self._file = file
        self._left = part.length
        file.seek(part.start)

    def __iter__(self) -> Iterator[bytes]:
        while self._left > 0:
            chunk = self._file.read(min(CHUNK, self._left))
            if not chunk:
                return
            self._left -= len(chunk)
            yield chunk

    def close(self) -> None:
        self._file.close()
