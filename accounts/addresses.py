"""Which e-mail addresses an account may have."""

from django.core.exceptions import ValidationError

LOOKS_LIKE = (
    "Use an address of plain letters and digits: something in this one only looks like them. "
    "Write an international domain in its xn-- form."
)


def refuse_look_alikes(address: str) -> str:
    """The address, if it is ASCII. Raises ValidationError otherwise.

    A Cyrillic letter in a Latin word cannot be told from the real one by eye, and databases and mail servers
    disagree about which letters are the same; in the xn-- form of a domain the difference shows.
    """
    if not address.isascii():
        raise ValidationError(LOOKS_LIKE, code="look_alike")
    return address
