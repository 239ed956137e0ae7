"""Uploads in both clients' ways, and their parts."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.fal.engine import Engine
from sandbox.fal.keys import key_of, refuse_when_locked, token_is_good, upload_token
from sandbox.fal.replies import Refused, base_url, read_json, reply, strike
from sandbox.fal.store import StoredFile

TOKEN_SECONDS = 3_600
MAX_UPLOAD_BYTES = 500_000_000


def _new_file(request: Request, *, name: str, content_type: str) -> StoredFile:
    return StoredFile(
        id=secrets.token_hex(16),
        name=Path(name or "upload.bin").name,
        content_type=content_type or "application/octet-stream",
        size=-1,  # until its bytes arrive
        expires_at=_expiry(request),
    )


def _expiry(request: Request) -> float | None:
    """From either lifecycle header; None for ever."""
    for header in ("x-fal-object-lifecycle", "x-fal-object-lifecycle-preference"):
        try:
            return time.time() + float(json.loads(request.headers[header])["expiration_duration_seconds"])
        except (KeyError, TypeError, ValueError):
            continue
    return None


def _file_url(request: Request, file: StoredFile) -> str:
    return f"{base_url(request)}/cdn/files/b/{file.id}/{quote(file.name)}"


async def _strike(request: Request) -> None:
    engine: Engine = request.app.state.engine
    broken = await strike(engine.knobs.strike("upload"))
    if broken is not None:
        raise Refused(broken)


async def _receive(request: Request, target: Path) -> str:
    """Write the body to a file and return its hash. Raises Refused when it is too large."""
    digest = hashlib.sha256()
    size = 0
    part = target.with_name(target.name + ".part")
    with part.open("wb") as out:
        async for chunk in request.stream():
            size += len(chunk)
            if size > MAX_UPLOAD_BYTES:
                raise Refused(reply({"detail": "File is too large"}, 413))
            digest.update(chunk)
            out.write(chunk)
    part.replace(target)
    return digest.hexdigest()


def _arrived(engine: Engine, file: StoredFile) -> None:
    size = (engine.store.files / file.id).stat().st_size
    engine.store.add_file(StoredFile(file.id, file.name, file.content_type, size, file.expires_at))


def _known_file(request: Request) -> StoredFile:
    engine: Engine = request.app.state.engine
    file = engine.store.file(request.path_params["file_id"])
    if file is None:
        raise Refused(reply({"detail": "Not found"}, 404))
    return file


# -- the JavaScript client, and the Python client's second choice


async def initiate(request: Request) -> Response:
    """An address to PUT the bytes to, good without a key, and the address they will have."""
    engine: Engine = request.app.state.engine
    key_of(request)
    await _strike(request)
    refuse_when_locked(engine)
    body = await read_json(request, limit=100_000)
    if not isinstance(body, dict):
        return reply({"detail": "Invalid body"}, 422)
    file = _new_file(
        request, name=str(body.get("file_name", "")), content_type=str(body.get("content_type", ""))
    )
    engine.store.add_file(file)
    signature = secrets.token_hex(8)
    url = f"{base_url(request)}/cdn/upload/{file.id}"
    if request.url.path.endswith("multipart"):
        url = f"{base_url(request)}/cdn/upload/{file.id}/multipart/{secrets.token_hex(8)}"
    return reply({"upload_url": f"{url}?signature={signature}", "file_url": _file_url(request, file)})


async def put_whole(request: Request) -> Response:
    engine: Engine = request.app.state.engine
    await _strike(request)
    file = _known_file(request)
    await _receive(request, engine.store.files / file.id)
    _arrived(engine, file)
    return Response(status_code=200)


# -- the Python client


async def token(request: Request) -> Response:
    engine: Engine = request.app.state.engine
    key = key_of(request)
    await _strike(request)
    expires_at = int(time.time()) + TOKEN_SECONDS
    return reply(
        {
            "token": upload_token(engine, key, expires_at),
            "token_type": "Bearer",
            "base_url": f"{base_url(request)}/cdn",
            "expires_at": datetime.fromtimestamp(expires_at, UTC).isoformat(),
        }
    )


def _require_token(request: Request) -> None:
    engine: Engine = request.app.state.engine
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token_is_good(engine, text, time.time()):
        raise Refused(reply({"detail": "Invalid or expired token"}, 401))


async def upload(request: Request) -> Response:
    """The whole file in one request."""
    engine: Engine = request.app.state.engine
    _require_token(request)
    await _strike(request)
    file = _from_headers(request)
    await _receive(request, engine.store.files / file.id)
    _arrived(engine, file)
    return reply({"access_url": _file_url(request, file)})


def _from_headers(request: Request) -> StoredFile:
    name = request.headers.get("x-fal-file-name", "upload.bin")
    return _new_file(request, name=name, content_type=request.headers.get("content-type", ""))


async def multipart_begin(request: Request) -> Response:
    engine: Engine = request.app.state.engine
    _require_token(request)
    await _strike(request)
    file = _from_headers(request)
    engine.store.add_file(file)
    return reply({"access_url": _file_url(request, file), "uploadId": secrets.token_hex(8)})


# -- parts, for both


def _part_path(engine: Engine, file: StoredFile, number: int) -> Path:
    return engine.store.files / f"{file.id}.{number:05d}"


async def put_part(request: Request) -> Response:
    engine: Engine = request.app.state.engine
    if "name" in request.path_params:
        _require_token(request)
    await _strike(request)
    file = _known_file(request)
    number = request.path_params["number"]
    etag = f'"{await _receive(request, _part_path(engine, file, number))}"'
    return JSONResponse({"partNumber": number, "etag": etag}, headers={"etag": etag})


async def complete(request: Request) -> Response:
    """Join the parts in the order of their numbers, however the list is sorted."""
    engine: Engine = request.app.state.engine
    if "name" in request.path_params:
        _require_token(request)
    await _strike(request)
    file = _known_file(request)
    body = await read_json(request, limit=1_000_000)
    try:
        numbers = sorted(int(part["partNumber"]) for part in body["parts"])
        paths = [_part_path(engine, file, number) for number in numbers]
        with (engine.store.files / file.id).open("wb") as out:
            for path in paths:
                out.write(path.read_bytes())
                path.unlink()
    except (KeyError, TypeError, ValueError, FileNotFoundError):
        return reply({"detail": "Invalid parts"}, 400)
    _arrived(engine, file)
    return reply({"url": _file_url(request, file)})


def routes() -> list[Route]:
    rest = "/rest/storage"
    one = "/cdn/upload/{file_id}"
    named = "/cdn/files/b/{file_id}/{name}/multipart/{upload_id}"
    return [
        Route(f"{rest}/auth/token", token, methods=["POST"]),
        Route(f"{rest}/upload/initiate", initiate, methods=["POST"]),
        Route(f"{rest}/upload/initiate-multipart", initiate, methods=["POST"]),
        Route(one, put_whole, methods=["PUT"]),
        Route(f"{one}/multipart/{{upload_id}}/complete", complete, methods=["POST"]),
        Route(f"{one}/multipart/{{upload_id}}/{{number:int}}", put_part, methods=["PUT"]),
        Route("/cdn/files/upload", upload, methods=["POST"]),
        Route("/cdn/files/upload/multipart", multipart_begin, methods=["POST"]),
        Route(f"{named}/complete", complete, methods=["POST"]),
        Route(f"{named}/{{number:int}}", put_part, methods=["PUT"]),
    ]
