"""What the platform adds after fal is done: from the stand-in's COMPLETED to a clip that plays on its page.

Fifty clips through the product's own processes, first with webhooks, then by polling alone. A watcher for each clip
asks the clip's page as the page itself would (at the pace of its own hx-trigger) and, once the video is there, asks
for its first bytes. Run by `python -m benchmarks.delivery_overhead`.
"""

import re
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles

import httpx

JOBS = 50
INFERENCE_SECONDS = 1.0
# A new clip this often: two cores render the previews, too.
PACE_SECONDS = 0.8
GIVE_UP_SECONDS = 60
GOALS = {"webhooks": 1.0, "polling": 3.0}

TRIGGER = re.compile(r'id="status"[^>]*hx-trigger="every (\d+)(ms|s)"')
VIDEO = re.compile(r'<(?:video|source)[^>]* src="(/media/[^"]+)"')


def main() -> None:
    from benchmarks._surroundings import prepared_database

    with tempfile.TemporaryDirectory(prefix="bench") as folder, prepared_database(Path(folder)) as address:
        for way in GOALS:
            _report(way, sorted(_measure(way, address, Path(folder))))


def _measure(way: str, address: str, folder: Path) -> list[float]:
    """Seconds of overhead for each clip."""
    from django.conf import settings
    from django.test import Client

    from tests.support import factories
    from tests.support.product import product
    from tests.support.sandbox_process import sandbox_server

    team = factories.make_team()
    factories.give_credits(team, 100_000_000)
    browser = Client()
    browser.force_login(factories.owner_of(team))
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME].value
    image = factories.make_image(team)
    playable: dict[str, float] = {}
    with (
        sandbox_server(inference_seconds=INFERENCE_SECONDS) as fal,
        product(
            database=address, fal=fal, media=folder / "media", quiet_webhooks=way == "polling"
        ) as running,
    ):
        watchers = []
        for number in range(JOBS):
            generation = factories.make_generation(team, image=image, seed=number, num_frames=25)
            page = f"{running.url}/t/{team.slug}/clips/{generation.pk}/"
            watcher = threading.Thread(target=_watch, args=(page, cookie, str(generation.pk), playable))
            watcher.start()
            watchers.append(watcher)
            time.sleep(PACE_SECONDS)
        for watcher in watchers:
            watcher.join()
        ended = {
            request["request_id"]: datetime.fromisoformat(request["ended_at"]) for request in fal.requests()
        }
    return [
        playable[job] - ended[request_id].timestamp()
        for job, request_id in _requests()
        if request_id in ended
    ]


def _requests() -> list[tuple[str, str]]:
    from generations.models import Submission

    rows = Submission.objects.exclude(request_id=None).values_list("generation_id", "request_id")
    return [(str(job), request_id) for job, request_id in rows]


def _watch(page: str, cookie: str, job: str, playable: dict[str, float]) -> None:
    """Ask as the open page does until its video answers; then note the time."""
    deadline = time.monotonic() + GIVE_UP_SECONDS
    pace = 1.0
    with httpx.Client(cookies={"session": cookie}, headers={"HX-Request": "true"}, trust_env=False) as client:
        while time.monotonic() < deadline:
            time.sleep(pace)
            answer = client.get(page)
            if found := VIDEO.search(answer.text):
                part = client.get(
                    httpx.URL(page).join(found[1].replace("&amp;", "&")), headers={"Range": "bytes=0-1023"}
                )
                if part.status_code == 206:
                    playable[job] = time.time()
                    return
            if trigger := TRIGGER.search(answer.text):
                pace = int(trigger[1]) / (1000 if trigger[2] == "ms" else 1)
    raise RuntimeError(f"clip {job} never became playable")


def _report(way: str, seconds: list[float]) -> None:
    p95 = quantiles(seconds, n=20)[-1]
    print(
        f"delivery overhead, {way}: median {median(seconds):.2f} s, p95 {p95:.2f} s over {len(seconds)} clips "
        f"(goal: median at most {GOALS[way]:.1f} s)",
        flush=True,
    )


if __name__ == "__main__":
    main()
