"""Pictures by address: fetched once, then treated like an upload."""

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from urllib.parse import unquote, urlsplit
from uuid import UUID

import structlog
from django.conf import settings

from accounts.actors import Actor
from accounts.errors import DomainError
from accounts.models import Project
from generations import url_fetcher
from generations.models import Image
from generations.parameters import ClipParams
from generations.services.images import store_image
from generations.services.submission import (
    SubmitResult,
    hash_of,
    replay_of,
    submit_generation,
    with_project,
    with_quote,
)

logger = structlog.get_logger(__name__)

NOT_FETCHED = (
    "No picture could be fetched from this address. It must begin with https:// and open without signing in."
)


class PictureNotFetched(DomainError):
    """The same sentence whatever the reason: who asks must not learn what else answers in our network."""

    code = "picture_not_fetched"


def import_picture(*, actor: Actor, address: str) -> Image:
    """Fetch a picture and keep it for the actor's team, within 20 s and the time that decoding takes.

    Raises PictureNotFetched and ImageRefused, and RuntimeError inside a transaction.
    """
    (outcome,) = import_pictures(actor=actor, addresses=[address])
    if isinstance(outcome, DomainError):
        raise outcome
    return outcome


def submit_with_address(
    *,
    actor: Actor,
    address: str,
    params: ClipParams,
    idempotency_key: str,
    start_within: int | None = None,
    quote_id: UUID | None = None,
    project: Project | None = None,
) -> SubmitResult:
    """`submit_generation` with a picture by address; a repeated key fetches nothing.

    Raises what `import_picture` and `submit_generation` raise.
    """
    request_hash = hash_of([address, params.as_json()])
    known_as = with_project(with_quote(request_hash, quote_id), actor, project)
    earlier = replay_of(actor, idempotency_key, known_as)
    if earlier is not None:
        return earlier
    image = import_picture(actor=actor, address=address)
    return submit_generation(
        actor=actor,
        image_id=image.pk,
        params=params,
        idempotency_key=idempotency_key,
        request_hash=known_as,
        start_within=start_within,
        quote_id=quote_id,
        project=project,
    )


def import_pictures(*, actor: Actor, addresses: Sequence[str]) -> list[Image | DomainError]:
    """Fetch several at once, all within 20 s; each place holds the picture or why there is none."""
    with ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in addresses]
        failures = url_fetcher.fetch(addresses, files, most=settings.UPLOAD_MAX_BYTES)
        outcomes: list[Image | DomainError] = []
        for address, file, failure in zip(addresses, files, failures, strict=True):
            if failure is not None:
                logger.info("picture_not_fetched", reason=str(failure), team=str(actor.team.pk))
                outcomes.append(PictureNotFetched(NOT_FETCHED))
                continue
            file.seek(0)
            try:
                outcomes.append(store_image(actor=actor, upload=file, name=_name_in(address)))
            except DomainError as refused:
                outcomes.append(refused)
        return outcomes


def _name_in(address: str) -> str:
    return unquote(urlsplit(address).path.rpartition("/")[2])
