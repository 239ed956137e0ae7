"""Expected times in words that promise no more than is known."""

from typing import Final

from generations.services.eta import Eta

# Up to so many seconds, times are rounded to so many.
STEPS: Final = ((10, 1), (60, 5), (600, 10), (3600, 60))
LONG_STEP: Final = 300


def range_words(eta: Eta | None) -> str:
    """ "40 s to 1 min 10 s", "about 40 s" where both ends round to the same; "" for none and for an overdue one."""
    if eta is None or eta.is_overdue:
        return ""
    low, high = _rounded(eta.low), _rounded(eta.high)
    return f"about {_words(low)}" if low == high else f"{_words(low)} to {_words(high)}"


def _rounded(seconds: int) -> int:
    step = next((step for limit, step in STEPS if seconds <= limit), LONG_STEP)
    return max(round(seconds / step) * step, 1)


def _words(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
