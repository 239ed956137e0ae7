"""An export's archive as one file, whole or in part, read from its pieces."""

import io
from bisect import bisect_right
from typing import IO, Any

from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.utils.text import slugify

from generations.byte_ranges import ByteRange, Slice, Unsatisfiable, parse
from ltxplatform.data_rights.models import DataExport


class Pieces(io.RawIOBase):
    """The pieces of an export, end to end; one of them is open at a time."""

    def __init__(self, export: DataExport) -> None:
        self._parts = list(export.parts.defer("entries"))
        self._offsets = [part.offset for part in self._parts]
        self._place = 0
        self._open: tuple[int, IO[bytes]] | None = None

    def readable(self) -> bool:
        return True

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        self._place = place
        return place

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes of the present piece; empty at the end."""
        number = bisect_right(self._offsets, self._place) - 1
        if number < 0 or self._place >= self._parts[number].offset + self._parts[number].size:
            return b""
        file = self._piece(number)
        file.seek(self._place - self._offsets[number])
        data = file.read(size)
        self._place += len(data)
        return data

    def _piece(self, number: int) -> IO[bytes]:
        if self._open is None or self._open[0] != number:
            self._leave()
            file: Any = default_storage.open(self._parts[number].file)
            self._open = (number, file)
        return self._open[1]

    def _leave(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def close(self) -> None:
        self._leave()
        super().close()


def send_archive(request: HttpRequest, export: DataExport) -> HttpResponseBase:
    """A download that can be broken off and gone on with (RFC 9110, section 14)."""
    etag = f'"{export.pk.hex}"'
    whole = ByteRange(0, export.size - 1)
    part = None
    if request.headers.get("If-Range", etag) == etag:
        try:
            part = parse(request.headers.get("Range", ""), export.size)
        except Unsatisfiable:
            return HttpResponse(status=416, headers={"Content-Range": f"bytes */{export.size}"})
    sent = part or whole
    response: HttpResponseBase = (
        HttpResponse() if request.method == "HEAD" else StreamingHttpResponse(Slice(Pieces(export), sent))  # type: ignore[arg-type]
    )
    if part is not None:
        response.status_code = 206
        response["Content-Range"] = f"bytes {sent.start}-{sent.end}/{export.size}"
    response["Content-Type"] = "application/zip"
    response["Content-Length"] = str(sent.length)
    response["Content-Disposition"] = content_disposition_header(True, file_name(export)) or "attachment"
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-store"
    return response


def file_name(export: DataExport) -> str:
    whose = slugify(export.team.name) if export.team is not None else ""
    return f"{whose or 'export'}-{export.created_at:%Y-%m-%d}.zip"
