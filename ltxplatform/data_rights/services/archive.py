"""A ZIP archive that is written piece by piece and read as one file.

Each piece is a run of whole entries whose place in the archive is known, so pieces are made by different workers and
kept as files of their own; the last one carries the directory of all. Nothing is appended to a stored file, which no
object storage allows, and nothing is in memory but one entry's chunk.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from typing import IO, Any, Final, Self

CHUNK: Final = 256 * 1024
# What a row keeps of an entry, in this order.
KEPT: Final = (
    "filename",
    "date_time",
    "CRC",
    "compress_size",
    "file_size",
    "header_offset",
    "flag_bits",
    "compress_type",
    "external_attr",
)
MODE: Final = 0o644 << 16


class _Shifted(io.RawIOBase):
    """A file that believes it begins at `start` of a larger one."""

    def __init__(self, file: IO[bytes], start: int) -> None:
        self._file, self._start = file, start

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._file.write(data)

    def tell(self) -> int:
        return self._file.tell() + self._start

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(place - self._start if whence == io.SEEK_SET else place, whence) + self._start


class Piece:
    """Writes entries into `file`, which will lie at `start` bytes of the archive."""

    def __init__(self, file: IO[bytes], *, start: int, date: tuple[int, int, int, int, int, int]) -> None:
        self._date = date
        self._zip = zipfile.ZipFile(_Shifted(file, start), "w")
        self._file = file
        self._hashes: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        # Left as it is: closed, it would write a directory of its own behind the entries.
        self._zip.fp = None

    def add(self, name: str, content: IO[bytes], *, compress: bool) -> None:
        """Copy one file into the archive."""
        info = zipfile.ZipInfo(name, self._date)
        info.external_attr = MODE
        info.compress_type = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
        digest = hashlib.sha256()
        with self._zip.open(info, "w") as entry:
            while chunk := content.read(CHUNK):
                digest.update(chunk)
                entry.write(chunk)
        self._hashes[name] = digest.hexdigest()

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._file.tell()

    def entries(self) -> list[list[Any]]:
        """What has to be remembered of what was added: KEPT, and the content's SHA-256."""
        return [
            [*(getattr(info, name) for name in KEPT), self._hashes[info.filename]]
            for info in self._zip.infolist()
        ]

    def close_archive(self, earlier: Iterable[list[Any]]) -> None:
        """Write the directory of everything behind what was added here."""
        self._zip.filelist[:0] = [_info(entry) for entry in earlier]
        self._zip.close()


def manifest(about: dict[str, Any], entries: Iterable[list[Any]]) -> Iterator[bytes]:
    """`manifest.json`: what this is, then every file with its size and SHA-256, in lines."""
    yield json.dumps(about, indent=2)[:-2].encode() + b',\n  "files": ['
    comma = b"\n    "
    for entry in entries:
        facts = {"name": entry[0], "size": entry[KEPT.index("file_size")], "sha256": entry[len(KEPT)]}
        yield comma + json.dumps(facts).encode()
        comma = b",\n    "
    yield b"\n  ]\n}\n"


class Chunks(io.RawIOBase):
    """Bytes from an iterator, to read."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """The next piece of whatever length; empty at the end."""
        return next((chunk for chunk in self._chunks if chunk), b"")


def _info(entry: list[Any]) -> zipfile.ZipInfo:
    kept = dict(zip(KEPT, entry, strict=False))
    info = zipfile.ZipInfo(kept["filename"], tuple(kept["date_time"]))
    for name in KEPT[2:]:
        setattr(info, name, kept[name])
    return info
