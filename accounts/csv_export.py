"""Tables as CSV, sent while they are read."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from django.http import StreamingHttpResponse

# A spreadsheet takes a cell that begins like this for a formula, and formulas can send the table elsewhere.
# White space before the sign, of any script, does not stop every program; a break alone is enough for some.
_FORMULA: Final = re.compile(r"[\t\r\n]|[\s\ufeff\u200b]*[=+\-@|%\uff1d\uff0b\uff0d\uff20]")


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def csv_lines(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The table line by line, its cells made harmless as `csv_response` says."""
    writer = csv.writer(_Echo())
    yield writer.writerow(head)
    for row in rows:
        yield writer.writerow([_cell(value) for value in row])


def csv_response(name: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> StreamingHttpResponse:
    """A download named `name`; text that looks like a formula gets an apostrophe before it, numbers stay numbers."""
    response = StreamingHttpResponse(csv_lines(head, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response


def _cell(value: object) -> object:
    """Numbers are ours, and given as `Amount` or int; everything else may come from people."""
    if value is None:
        return ""
    if isinstance(value, (int, Amount)):
        return str(value)
    text = str(value).replace("\x00", "")
    return f"'{text}" if _FORMULA.match(text) else text


class Amount(str):
    """A decimal number as text: it may begin with a minus."""

    __slots__ = ()
