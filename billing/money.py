"""Integer micro-dollars as people read and write them. No floats: every step is exact."""

import re
from typing import Final

MICROS: Final = 1_000_000
NOTHING: Final = "\u2013"  # an en dash, where there is no amount
MINUS: Final = "\u2212"
_MICROS_PER_TENTHOUSANDTH: Final = 100
_MICROS_PER_CENT: Final = 10_000
# ASCII digits only; commas between whole thousands.
_DOLLARS: Final = re.compile(
    r"\$?(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,9})(?:\.(?P<decimals>[0-9]{1,6}))?"
)


def format_cost(amount: int | None) -> str:
    """µ$ as a cost: up to four decimals, rounded up, at least two shown. 100_834 -> "$0.1009"."""
    if amount is None:
        return NOTHING
    steps = -(-abs(amount) // _MICROS_PER_TENTHOUSANDTH)
    return _dollars(steps, 4, negative=amount < 0)


def format_balance(amount: int | None) -> str:
    """µ$ as a balance: cents, rounded down, so that nobody reads more than there is. 8_999_999 -> "$8.99"."""
    if amount is None:
        return NOTHING
    cents = amount // _MICROS_PER_CENT
    return _dollars(abs(cents), 2, negative=cents < 0)


def format_exact(amount: int | None) -> str:
    """µ$ to the last digit, at least two decimals shown. 100_834 -> "$0.100834"."""
    return NOTHING if amount is None else _dollars(abs(amount), 6, negative=amount < 0)


def format_line(amount: int | None) -> str:
    """µ$ for columns of a book: always six decimals, so that they stand under each other. 75_000 -> "$0.075000"."""
    if amount is None:
        return NOTHING
    whole, part = divmod(abs(amount), MICROS)
    return f"{MINUS if amount < 0 else ''}${whole:,}.{part:06d}"


def as_decimal_string(amount: int) -> str:
    """µ$ as JSON carries it: dollars with six decimals and nothing around them. 100_834 -> "0.100834"."""
    whole, part = divmod(abs(amount), MICROS)
    return f"{'-' if amount < 0 else ''}{whole}.{part:06d}"


def parse_dollars(text: str) -> int:
    """Dollars as people or JSON write them, as µ$: "10", "$1,000.50", "0.100834".

    Raises ValueError for anything else, so also below zero and for parts of a µ$.
    """
    found = _DOLLARS.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not an amount of dollars such as 10 or 2.50.")
    whole, decimals = found["whole"].replace(",", ""), found["decimals"] or ""
    return int(whole) * MICROS + int(decimals.ljust(6, "0"))


def _dollars(units: int, places: int, *, negative: bool) -> str:
    whole, part = divmod(units, 10**places)
    decimals = f"{part:0{places}d}".rstrip("0").ljust(2, "0")
    return f"{MINUS if negative else ''}${whole:,}.{decimals}"
