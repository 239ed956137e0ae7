"""How many more jobs each of fal's keys may have, and which key the next job goes out with."""

from datetime import datetime

from django.db.models import Count

from generations import fal_gateway
from generations.models import Generation
from generations.services import breaker
from generations.states import IN_FLIGHT


def free_places(*, now: datetime) -> dict[str, int]:
    """By key, the jobs that may be sent now; of a key that rests only its probe, when that is due."""
    return _free_places(breaker.resting_keys(now=now))


def choose_key(*, now: datetime) -> tuple[str | None, bool]:
    """The key for the next job, and whether that is its probe: one that is due, else the key with most room.

    None when there is no room. Call it under the dispatcher's lock, which keeps the answer true.
    """
    resting = breaker.resting_keys(now=now)
    free = {name: places for name, places in _free_places(resting).items() if places}
    if not free:
        return None, False
    name = max(free, key=lambda name: (name in resting, free[name]))
    return name, name in resting


def _free_places(resting: dict[str, bool]) -> dict[str, int]:
    at_fal = Generation.objects.filter(status__in=IN_FLIGHT).values_list("fal_key")
    used = dict(at_fal.annotate(jobs=Count("pk")).order_by())
    free = {}
    for name, window in fal_gateway.key_windows().items():
        most = int(resting[name]) if name in resting else window
        free[name] = max(min(window - used.get(name, 0), most), 0)
    return free
