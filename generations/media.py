"""Serves pictures and clips behind signed addresses, whole or in part, from any storage."""

import hashlib
import logging
import time
from typing import IO, Final, cast

from django.contrib.auth.decorators import login_not_required
from django.core.files.storage import Storage
from django.db.models.fields.files import FieldFile
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    StreamingHttpResponse,
)
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from generations.byte_ranges import ByteRange, Slice, Unsatisfiable, parse
from generations.media_links import (
    MODELS,
    Link,
    LinkExpired,
    LinkForged,
    is_deleted,
    media_url,
    opened,
    shown_name,
)
from generations.models import Generation, Image

__all__ = ["media_url", "serve_media"]

logger = logging.getLogger(__name__)

CONTENT_TYPES: Final = {".jpg": "image/jpeg", ".mp4": "video/mp4"}
# No script, form, frame or request of its own, should a file ever pass for a page. Without allow-same-origin
# and media-src a browser refuses to play a clip that is opened by itself, outside a page of ours.
POLICY: Final = "sandbox allow-same-origin; default-src 'none'; media-src 'self'"
DELETED: Final = {
    "type": "urn:ltxplatform:problem:media_expired",
    "title": "The files were deleted by the team's retention rule",
    "status": 410,
    "code": "media_expired",
    "detail": "This clip's files were deleted by its team's retention rule. Its recipe is kept.",
}
EXPIRED: Final = "This link has expired. Reload the page it came from.\n"


@login_not_required
@require_safe
def serve_media(request: HttpRequest, token: str, name: str) -> HttpResponseBase:
    """Send the file a signed address names. The signature is the right: no session is asked for.

    `name` is for people; the row decides. 404 for a forged address; 410 for an expired one, and for files that the
    team's rule has deleted.
    """
    try:
        link = opened(token)
    except LinkForged:
        raise Http404 from None
    except LinkExpired:
        return HttpResponse(EXPIRED, status=410, content_type="text/plain; charset=utf-8")
    row = MODELS[link.kind].objects.filter(pk=link.pk).first()
    file: FieldFile | None = getattr(row, link.field) if row is not None else None
    if row is None or not file:
        raise Http404
    if is_deleted(row):
        return JsonResponse(DELETED, status=410, content_type="application/problem+json")
    try:
        response = _answer(request, row, file, link)
    except FileNotFoundError:
        logger.error("%s %s has lost its %s", link.kind, link.pk, link.field)  # noqa: TRY400
        raise Http404 from None
    return _with_headers(response, row, file, link)


def _answer(request: HttpRequest, row: Generation | Image, file: FieldFile, link: Link) -> HttpResponseBase:
    etag = _etag(row, file, link.field)
    unchanged = get_conditional_response(request, etag=etag)
    if unchanged is not None:
        unchanged["ETag"] = etag
        return unchanged
    size = file.size
    try:
        part = _wanted_part(request, etag, size)
    except Unsatisfiable:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    sent = part or ByteRange(0, size - 1)
    if request.method == "HEAD":
        response: HttpResponseBase = HttpResponse()
    else:
        response = StreamingHttpResponse(Slice(_open(file), sent))
    response["Content-Length"] = str(sent.length)
    response["ETag"] = etag
    if part is not None:
        response.status_code = 206
        response["Content-Range"] = f"bytes {part.start}-{part.end}/{size}"
    return response


def _wanted_part(request: HttpRequest, etag: str, size: int) -> ByteRange | None:
    """None for the whole file: nothing asked, not a GET, or the file is not the one the asker began with."""
    if request.method != "GET" or request.headers.get("If-Range", etag) != etag:
        return None
    return parse(request.headers.get("Range", ""), size)


def _open(file: FieldFile) -> IO[bytes]:
    storage: Storage = file.storage
    return cast(IO[bytes], storage.open(file.name or "", "rb"))


def _etag(row: Generation | Image, file: FieldFile, field: str) -> str:
    """The content's hash where the row has it; else the name's: a name is random and never reused."""
    known = {"file": getattr(row, "sha256", ""), "video": getattr(row, "video_sha256", "")}.get(field, "")
    return f'"{known or hashlib.sha256((file.name or "").encode()).hexdigest()}"'


def _with_headers(
    response: HttpResponseBase, row: Generation | Image, file: FieldFile, link: Link
) -> HttpResponseBase:
    saved_as = shown_name(row, link.field)
    suffix = f".{saved_as.rpartition('.')[2]}"
    disposition = content_disposition_header(link.download, saved_as)
    if response.status_code in {200, 206}:
        response["Content-Type"] = CONTENT_TYPES.get(suffix, "application/octet-stream")
        response["Content-Disposition"] = disposition or "attachment"
    response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = f"private, max-age={max(0, link.expires - int(time.time()))}"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = POLICY
    return response
