"""What a batch was asked for, as one raw input for each of its clips, and those inputs checked."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from accounts.errors import FieldErrors, RowErrors
from generations import parameter_rules
from generations.parameters import BY_NAME, IMAGE_REQUIRED, SEED_MAX, ClipParams

PICTURE_COLUMNS: Final = ("image", "image_url")
ADDRESSES_MOST: Final = 20
# More rows than any batch may have are not even read.
ROWS_READ_MOST: Final = 5_000
DELIMITERS: Final = ",;\t"
SEED_RANGE: Final = re.compile(r"(\d{1,10})\s*-\s*(\d{1,10})")
WEB_ADDRESS: Final = re.compile(r"https?://\S{1,2040}", re.IGNORECASE)
SEEDS_WANTED: Final = f"Seeds are whole numbers from 0 to {SEED_MAX}, such as 1, 2, 10-14."

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BatchInput:
    """One clip's checked input; `picture` is an upload's id or a web address."""

    picture: UUID | str
    params: ClipParams


def seed_rows(shared: Row, seeds: Iterable[int]) -> list[Row]:
    """One input, several seeds."""
    return [{**shared, "seed": seed} for seed in seeds]


def matrix_rows(shared: Row, prompts: Sequence[str], images: Sequence[str]) -> list[Row]:
    """Every prompt with every picture, picture by picture."""
    return [{**shared, "image": image, "prompt": prompt} for image in images for prompt in prompts]


def merged_rows(shared: Row, rows: Iterable[Row]) -> list[Row]:
    """Each row on top of what all share; a row's own picture replaces the shared one, whichever way it is named."""
    without_picture = {name: value for name, value in shared.items() if name not in PICTURE_COLUMNS}
    return [
        {**(without_picture if any(row.get(name) for name in PICTURE_COLUMNS) else shared), **row}
        for row in rows
    ]


def seeds_of(raw: object) -> list[int]:
    """Seeds from a list of numbers, or from text such as "1, 2, 10-14"; each counts once. Raises ValueError."""
    found: list[int] = []
    parts = raw.replace(",", " ").replace(";", " ") if isinstance(raw, str) else raw
    if isinstance(parts, str):
        parts = re.sub(r"\s*-\s*", "-", parts).split()
    if not isinstance(parts, Sequence):
        raise ValueError(SEEDS_WANTED)  # noqa: TRY004  # wrong input, whatever its type
    for part in parts:
        found += _seeds_in(part)
    if not found or any(not 0 <= seed <= SEED_MAX for seed in found):
        raise ValueError(SEEDS_WANTED)
    return list(dict.fromkeys(found))


def consecutive_seeds(start: int, count: int) -> list[int]:
    return list(range(start, start + min(count, ROWS_READ_MOST)))


def csv_rows(text: str) -> list[Row]:
    """The rows of a table whose first line names parameters, `image` or `image_url`; empty cells are left out.

    Columns may be separated by commas, semicolons or tabs. Raises FieldErrors for a table that cannot be read.
    """
    lines = text.removeprefix("\ufeff")
    head = lines.partition("\n")[0]
    delimiter = max(DELIMITERS, key=head.count)
    try:
        # strict: a quote that is never closed would swallow the rest of the table
        table = list(csv.reader(io.StringIO(lines, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        raise FieldErrors(
            {"csv": ["This is not a table that can be read. Check the quotation marks."]}
        ) from None
    filled = [cells for cells in table if any(cell.strip() for cell in cells)]
    names = [name.strip().lower() for name in filled[0]] if filled else []
    _check_names(names)
    too_long = [number for number, cells in enumerate(filled[1:]) if len(cells) > len(names)]
    if too_long:
        raise RowErrors(
            [(number, "", "This row has more cells than the first line has names.") for number in too_long]
        )
    return [
        {name: cell.strip() for name, cell in zip(names, cells, strict=False) if cell.strip()}
        for cells in filled[1 : ROWS_READ_MOST + 1]
    ]


def clean_rows(rows: Sequence[Row]) -> list[BatchInput]:
    """Every row checked; raises RowErrors with what is wrong in all of them, cell by cell."""
    errors: list[tuple[int, str, str]] = []
    inputs: list[BatchInput] = []
    for number, row in enumerate(rows):
        picture, wrong = _picture_in(row)
        try:
            params = parameter_rules.clean({name: row[name] for name in row if name not in PICTURE_COLUMNS})
        except FieldErrors as error:
            wrong += [(name, sentence) for name, said in error.errors.items() for sentence in said]
        if wrong or picture is None:
            errors += [(number, name, sentence) for name, sentence in wrong]
        else:
            inputs.append(BatchInput(picture, params))
    if errors:
        raise RowErrors(errors)
    if len({each.picture for each in inputs if isinstance(each.picture, str)}) > ADDRESSES_MOST:
        raise FieldErrors(
            {"": [f"A batch fetches at most {ADDRESSES_MOST} pictures; upload the others first."]}
        )
    return inputs


def _picture_in(row: Row) -> tuple[UUID | str | None, list[tuple[str, str]]]:
    image, address = row.get("image"), row.get("image_url")
    if image and address:
        return None, [("image_url", "Send either image or image_url, not both.")]
    if address:
        if isinstance(address, str) and WEB_ADDRESS.fullmatch(address):
            return address, []
        return None, [("image_url", "This must be an address that begins with https://.")]
    if not image:
        return None, [("image", IMAGE_REQUIRED)]
    try:
        return UUID(str(image)), []
    except ValueError:
        return None, [("image", "This is not the id of a picture.")]


def _seeds_in(part: object) -> list[int]:
    if isinstance(part, int) and not isinstance(part, bool):
        return [part]
    if not isinstance(part, str):
        raise ValueError(SEEDS_WANTED)  # noqa: TRY004  # wrong input, whatever its type
    if part.isascii() and part.isdigit() and len(part) <= 10:
        return [int(part)]
    ends = SEED_RANGE.fullmatch(part)
    if ends is None:
        raise ValueError(SEEDS_WANTED)
    first, last = int(ends[1]), int(ends[2])
    if last < first or last - first >= ROWS_READ_MOST:
        raise ValueError(SEEDS_WANTED)
    return list(range(first, last + 1))


def _check_names(names: Sequence[str]) -> None:
    known = {*BY_NAME, *PICTURE_COLUMNS}
    unknown = [name for name in names if name not in known]
    if not names:
        sentence = "The table is empty. Its first line names the columns, such as image, prompt, seed."
    elif unknown:
        sentence = f"There is no column {', '.join(map(repr, unknown))}. Columns: {', '.join(sorted(known))}."
    elif len(set(names)) < len(names):
        sentence = "A column is in the first line twice."
    else:
        return
    raise FieldErrors({"csv": [sentence]})
