"""E-mail addresses out of what people paste, and what is wrong with the others."""

import re
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

# Between entries; a space parts addresses only where no name stands before them.
_PARTS = re.compile(r"[\r\n,;\t|]+")
_BRACKETS = re.compile(r"[<>]")
# A name in an e-mail's head may hold commas: "Lovelace, Ada" <ada@example.com>.
_QUOTED_NAME = re.compile(r'"[^"\r\n]*"(?=\s*<)')
_AROUND = "\"'()[]<>.:"


@dataclass(frozen=True, slots=True)
class Written:
    """One entry: `address` in lower case, or the sentence that says what is wrong with it."""

    text: str
    address: str = ""
    wrong: str = ""


def read_addresses(text: str) -> list[Written]:
    """Every entry of a pasted list, in order: plain, with names around, from a table or an e-mail's head."""
    parts = _PARTS.split(_QUOTED_NAME.sub(" ", text))
    return [read_address(entry) for part in parts for entry in _entries(part)]


def read_address(text: str) -> Written:
    """Only ASCII counts as an address: letters of other scripts look like ours and belong to somebody else."""
    entry = text.strip().removeprefix("mailto:").strip(_AROUND)
    if not entry.isascii():
        return Written(
            text,
            wrong="has characters beyond plain Latin ones, which can be mistaken for others. Type it again.",
        )
    # After the check: some foreign letters become plain ones in lower case.
    address = entry.lower()
    try:
        validate_email(address)
    except ValidationError:
        return Written(text, wrong="is not an e-mail address.")
    if len(address) > 254:
        return Written(text, wrong="is too long for an e-mail address.")
    return Written(text, address)


def _entries(part: str) -> list[str]:
    words = _BRACKETS.sub(" ", part).split()
    return [word for word in words if "@" in word] or ([part.strip()] if words else [])
