"""All work on clips under one name, so that one starter with PyAV loaded serves it. Runs confined: see confine.py."""

from collections.abc import Callable, Mapping
from typing import IO, Any, Final

from generations.decoders import clip, preview

WORK: Final[Mapping[str, Callable[..., tuple[dict[str, Any], list[bytes]]]]] = {
    "inspect": clip.decode,
    "preview": preview.decode,
}


def decode(file: IO[bytes], *, work: str, **options: Any) -> tuple[dict[str, Any], list[bytes]]:
    """What the named piece of work answers."""
    return WORK[work](file, **options)
