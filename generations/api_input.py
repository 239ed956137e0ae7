"""Reads what API clients send into what services take."""

import base64
import binascii
import io
import re
import uuid
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from accounts.actors import Actor
from accounts.errors import FieldErrors
from accounts.models import Project
from accounts.rest import JSON_MAX_BYTES, StrictJSONParser, TooLarge
from accounts.services import project_for_work, usual_project
from generations.models import Image
from generations.parameter_rules import clean
from generations.parameters import IMAGE_REQUIRED, ClipParams
from generations.services import LAST, FrameChoice, store_image
from generations.video_inspection import MAX_FRAMES

IDEMPOTENCY_KEY: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")
# Written the way browsers write them: one line, nothing before the scheme.
WEB_ADDRESS: Final = re.compile(r"https?://\S{1,2040}", re.IGNORECASE)
DATA_URI: Final = re.compile(r"data:image/[a-z0-9.+-]+;base64,", re.IGNORECASE)
SECONDS: Final = re.compile(r"[0-9]{1,9}")
START_DEADLINE_MIN_SECONDS: Final = 60
PICTURE_FIELDS: Final = ("image", "image_url")
FRAME_FIELDS: Final = ("frame", "at")
FRAME_AT_MOST: Final = 10_000  # seconds
# Room for a multipart body's boundaries and headers.
MULTIPART_MARGIN: Final = 100_000


class GenerationJSONParser(StrictJSONParser):
    """Room for a picture as a data URI: base64 makes four bytes of three."""

    @property
    def max_bytes(self) -> int:  # type: ignore[override]
        return JSON_MAX_BYTES + settings.UPLOAD_MAX_BYTES * 4 // 3


class BoundedMultiPartParser(MultiPartParser):
    """Refuses a body that announces itself as too large before any of it is read."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        length = int((parser_context or {})["request"].META.get("CONTENT_LENGTH") or 0)
        if length > settings.UPLOAD_MAX_BYTES + MULTIPART_MARGIN:
            raise TooLarge(f"A picture has at most {settings.UPLOAD_MAX_BYTES:,} bytes.")
        return super().parse(stream, media_type, parser_context)


def idempotency_key_of(request: Request) -> str:
    """The client's key, or one that nobody has used. Raises ParseError for one that cannot be kept."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return str(uuid.uuid4())
    if not IDEMPOTENCY_KEY.fullmatch(key):
        raise ParseError("Idempotency-Key takes 1 to 255 printable ASCII characters.")
    return key


def start_within_of(request: Request) -> int | None:
    """Seconds after which a clip that was not sent expires, from `Cancel-After`; None for the usual time.

    Raises ParseError for anything but whole seconds within bounds.
    """
    text = request.headers.get("Cancel-After")
    if text is None:
        return None
    most = settings.START_DEADLINE_MAX_SECONDS
    if not SECONDS.fullmatch(text) or not START_DEADLINE_MIN_SECONDS <= int(text) <= most:
        raise ParseError(f"Cancel-After takes whole seconds, from {START_DEADLINE_MIN_SECONDS} to {most}.")
    return int(text)


def read_generation(actor: Actor, body: dict[str, Any]) -> tuple[UUID | str, ClipParams]:
    """The picture's id, or its web address, and the checked parameters; a data URI is stored on the way.

    Raises FieldErrors with all fields that need another value, and ImageRefused.
    """
    errors: dict[str, list[str]] = {}
    params = None
    try:
        params = clean({name: value for name, value in body.items() if name not in PICTURE_FIELDS})
    except FieldErrors as error:
        errors.update(error.errors)
    errors.update(_picture_errors(actor, body))
    if errors or params is None:
        raise FieldErrors(errors)
    if body.get("image") is not None:
        return UUID(body["image"]), params
    address: str = body["image_url"]
    return (_store_data_uri(actor, address).pk if DATA_URI.match(address) else address), params


def read_quote_id(body: dict[str, Any]) -> UUID | None:
    """The quote that the body names, taken out of it. Raises FieldErrors for what is no id."""
    quote_id = body.pop("quote", None)
    try:
        return None if quote_id is None else UUID(quote_id)
    except (ValueError, AttributeError, TypeError):
        raise FieldErrors({"quote": ["quote is the id of a quote, as POST /quotes gives it."]}) from None


def read_project(actor: Actor, body: dict[str, Any]) -> Project | None:
    """The project that the body names, taken out of it; the usual one of the key when it says nothing, none for null.

    Raises FieldErrors for what is no id, and for a project that is archived or another team's.
    """
    if "project" not in body:
        return usual_project(actor)
    project_id = body.pop("project")
    if project_id is None:
        return None
    try:
        wanted = UUID(project_id)
    except (ValueError, AttributeError, TypeError):
        raise FieldErrors(
            {"project": ["project is the id of a project, as GET /projects gives it."]}
        ) from None
    return project_for_work(actor, wanted)


def read_address(body: dict[str, Any]) -> str:
    """The web address of a picture to upload. Raises FieldErrors."""
    address = body.get("url")
    if not isinstance(address, str) or not WEB_ADDRESS.fullmatch(address):
        raise FieldErrors({"url": ["Send the picture's address, beginning with https://."]})
    return address


def read_frame(body: dict[str, Any]) -> tuple[FrameChoice, dict[str, Any]]:
    """Which frame a clip is continued from, and what else the body says. Raises FieldErrors."""
    rest = {name: value for name, value in body.items() if name not in FRAME_FIELDS}
    frame, at = body.get("frame"), body.get("at")
    if frame is not None and at is not None:
        raise FieldErrors({"at": ["Send either frame or at, not both."]})
    if at is not None:
        if isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at <= FRAME_AT_MOST:
            raise FieldErrors({"at": [f"at is a moment of the clip in seconds, from 0 to {FRAME_AT_MOST}."]})
        return FrameChoice(at_ms=round(at * 1000)), rest
    if frame is None or frame == "last":
        return LAST, rest
    if isinstance(frame, bool) or not isinstance(frame, int) or not 0 <= frame < MAX_FRAMES:
        raise FieldErrors({"frame": ['frame is "last", or the number of a frame; the first is 0.']})
    return FrameChoice(number=frame), rest


def read_quote(body: dict[str, Any]) -> ClipParams:
    """The parameters that a price is asked for: any of them may be absent, the picture is not looked at."""
    aside = {*PICTURE_FIELDS, "project"}
    given = {name: value for name, value in body.items() if name not in aside}
    return clean({"prompt": "A price needs no prompt", **given})


def _picture_errors(actor: Actor, body: dict[str, Any]) -> dict[str, list[str]]:
    image, address = body.get("image"), body.get("image_url")
    if image is not None and address is not None:
        return {"image_url": ["Send either image or image_url, not both."]}
    if image is not None:
        return (
            {} if _is_upload(actor, image) else {"image": ["There is no picture with this id in this team."]}
        )
    if address is None:
        return {"image": [IMAGE_REQUIRED]}
    if not isinstance(address, str) or not (DATA_URI.match(address) or WEB_ADDRESS.fullmatch(address)):
        return {
            "image_url": ["Send the picture's https:// address, or the picture as a data URI with base64."]
        }
    return {}


def _is_upload(actor: Actor, image: Any) -> bool:
    try:
        image_id = UUID(image)
    except (ValueError, AttributeError, TypeError):
        return False
    return Image.objects.for_team(actor.team).filter(pk=image_id).exists()


def _store_data_uri(actor: Actor, address: str) -> Image:
    head, _, content = address.partition(",")
    try:
        picture = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise FieldErrors({"image_url": ["This data URI is not valid base64."]}) from None
    extension = head.removesuffix(";base64").rpartition("/")[2].lower()
    return store_image(actor=actor, upload=io.BytesIO(picture), name=f"picture.{extension}")
