"""Refuses passwords that are known from breaches, without asking anybody: a search in a file of this machine.

The file is what "Have I Been Pwned" gives away, ordered by hash: lines of an upper-case SHA-1 sum, a colon and how
often it was seen. Without it only Django's list of 20,000 common passwords is left.
"""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.core.exceptions import ValidationError

SUM_LENGTH = 40
LONGEST_LINE = 64


class BreachedPasswordValidator:
    def validate(self, password: str, user: object = None) -> None:
        """Raise ValidationError for a password in the file that BREACHED_PASSWORDS_FILE names."""
        if is_breached(password, Path(settings.BREACHED_PASSWORDS_FILE)):
            raise ValidationError(
                "This password is known from a data breach. Choose another one.", code="breached"
            )

    def get_help_text(self) -> str:
        return "Your password must not be known from a data breach."


def is_breached(password: str, path: Path) -> bool:
    """Bisect the file: some 35 short reads among a billion lines."""
    # SHA-1 is how the list is written; nothing is protected by it.
    wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
    with path.open("rb") as lines:
        low, high = 0, os.fstat(lines.fileno()).st_size
        while low < high:
            middle = (low + high) // 2
            start, found = _line_at(lines, middle)
            if found == wanted:
                return True
            if found < wanted:
                low = lines.tell()
            else:
                high = start
    return False


def _line_at(lines: BinaryIO, place: int) -> tuple[int, bytes]:
    """The sum of the line that the byte `place` belongs to, and where that line begins."""
    before = max(0, place - LONGEST_LINE)
    lines.seek(before)
    start = before + lines.read(place - before).rfind(b"\n") + 1 if place else 0
    lines.seek(start)
    return start, lines.readline()[:SUM_LENGTH].upper()
