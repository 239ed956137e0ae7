"""Two hundred jobs at fal at once with two workers a queue: how long until all are clips.

Nine frames at 480p each, every one with a seed of its own (so that the stand-in renders each), and twenty seconds of
inference. Run by `python -m benchmarks.jobs_in_flight`.
"""

import os
import tempfile
import time
from pathlib import Path

JOBS = 200
INFERENCE_SECONDS = 20
GIVE_UP_SECONDS = 180
GOAL_SECONDS = 60


def main() -> None:
    from benchmarks._surroundings import prepared_database

    with tempfile.TemporaryDirectory(prefix="bench") as folder, prepared_database(Path(folder)) as address:
        _measure(address, Path(os.environ["MEDIA_ROOT"]))


def _measure(address: str, media: Path) -> None:
    from tests.support import factories
    from tests.support.product import product
    from tests.support.sandbox_process import sandbox_server

    team = factories.make_team()
    factories.give_credits(team, 100_000_000)
    image = factories.make_image(team)
    with (
        sandbox_server(inference_seconds=INFERENCE_SECONDS) as fal,
        product(database=address, fal=fal, media=media, FAL_MAX_IN_FLIGHT=str(JOBS)),
    ):
        started = time.monotonic()
        for seed in range(JOBS):
            factories.make_generation(team, image=image, seed=seed)
        submitted = time.monotonic() - started
        together, seconds = _wait(started)
        requests = len(fal.requests())
    print(
        f"jobs in flight: {JOBS} jobs of {INFERENCE_SECONDS} s of inference took {seconds:.1f} s (goal: under "
        f"{GOAL_SECONDS} s), submitted within {submitted:.1f} s, {together} at fal together, {requests} requests",
        flush=True,
    )


def _wait(started: float) -> tuple[int, float]:
    """The most jobs seen at fal together, and seconds until the last was a clip."""
    from generations.models import Generation

    together = 0
    while time.monotonic() - started < GIVE_UP_SECONDS:
        together = max(together, Generation.objects.filter(status="processing").count())
        if Generation.objects.filter(status="succeeded").count() == JOBS:
            return together, time.monotonic() - started
        time.sleep(0.2)
    raise RuntimeError(f"not all of {JOBS} jobs were clips after {GIVE_UP_SECONDS} s")


if __name__ == "__main__":
    main()
