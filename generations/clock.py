"""Time as an argument: work that spans network calls asks again instead of carrying a stale instant."""

from collections.abc import Callable
from datetime import datetime

Clock = Callable[[], datetime]
