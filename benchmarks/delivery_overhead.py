"""What the platform adds after fal is done: from the stand-in's COMPLETED to a clip that plays on its page.

Fifty clips through the product's own processes, first with webhooks, then by polling alone. A watcher for each clip
does what its open page does: it listens to the live process, asks the page when the clip is named and, once the video
is there, asks for its first bytes. Run by `python -m benchmarks.delivery_overhead`.
"""

import re
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from tests.support.streams import Stream

JOBS = 50
INFERENCE_SECONDS = 1.0
# A new clip this often: two cores render the previews, too.
PACE_SECONDS = 0.8
GIVE_UP_SECONDS = 60
GOALS = {"webhooks": 1.0, "polling": 3.0}

# As in news.js: a burst of news is answered by one request.
BURST_SECONDS = 0.2
VIDEO = re.compile(r'<(?:video|source)[^>]* src="(/media/[^"]+)"')


def main() -> None:
    from benchmarks._surroundings import prepared_database

    with tempfile.TemporaryDirectory(prefix="bench") as folder, prepared_database(Path(folder)) as address:
        for way in GOALS:
            playable, saved = _measure(way, address, Path(folder))
            _report(f"{way}, until its page plays it", playable, GOALS[way])
            _report(f"{way}, until its row is ready", saved)


def _measure(way: str, address: str, folder: Path) -> tuple[list[float], list[float]]:
    """Seconds of overhead for each clip: until it plays, and until it was saved."""
    from django.conf import settings
    from django.test import Client

    from tests.support import factories
    from tests.support.product import USUAL, product
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
            database=address,
            fal=fal,
            media=folder / "media",
            quiet_webhooks=way == "polling",
            names=(*USUAL, "live"),
        ) as running,
    ):
        watchers = []
        for number in range(JOBS):
            generation = factories.make_generation(team, image=image, seed=number, num_frames=25)
            page = f"{running.url}/t/{team.slug}/clips/{generation.pk}/"
            news = f"{running.live_url}/live/t/{team.slug}/"
            watcher = threading.Thread(target=_watch, args=(page, news, cookie, str(generation.pk), playable))
            watcher.start()
            watchers.append(watcher)
            time.sleep(PACE_SECONDS)
        for watcher in watchers:
            watcher.join()
        ended = {
            request["request_id"]: datetime.fromisoformat(request["ended_at"]) for request in fal.requests()
        }
    made = [(ended[request_id], job, ready) for job, request_id, ready in _requests() if request_id in ended]
    return (
        [playable[job] - end.timestamp() for end, job, _ in made],
        [(ready - end).total_seconds() for end, _, ready in made],
    )


def _requests() -> list[tuple[str, str, datetime]]:
    from generations.models import Submission

    rows = Submission.objects.exclude(request_id=None)
    values = rows.values_list("generation_id", "request_id", "generation__ended_at")
    return [(str(job), request_id, ready) for job, request_id, ready in values]


def _watch(page: str, news: str, cookie: str, job: str, playable: dict[str, float]) -> None:
    """Ask whenever the stream names the clip until its video answers; then note the time."""
    from tests.support.streams import opened

    deadline = time.monotonic() + GIVE_UP_SECONDS
    heard = 0
    with (
        opened(news, Cookie=f"session={cookie}") as stream,
        httpx.Client(cookies={"session": cookie}, headers={"HX-Request": "true"}, trust_env=False) as client,
    ):
        while time.monotonic() < deadline:
            answer = client.get(page)
            if found := VIDEO.search(answer.text):
                part = client.get(
                    httpx.URL(page).join(found[1].replace("&amp;", "&")), headers={"Range": "bytes=0-1023"}
                )
                if part.status_code == 206:
                    playable[job] = time.time()
                    return
            time.sleep(BURST_SECONDS)
            heard = _next_news(stream, job, heard, deadline)
    raise RuntimeError(f"clip {job} never became playable")


def _next_news(stream: "Stream", job: str, heard: int, deadline: float) -> int:
    """Wait until the stream has named the clip again; returns how often it was named."""
    while time.monotonic() < deadline:
        named = sum(job in event.data for event in list(stream.events))
        if named > heard:
            return named
        time.sleep(0.01)
    return heard


def _report(what: str, seconds: list[float], goal: float | None = None) -> None:
    p95 = quantiles(seconds, n=20)[-1]
    wish = f" (goal: median at most {goal:.1f} s)" if goal else ""
    print(
        f"delivery overhead, {what}: median {median(seconds):.2f} s, p95 {p95:.2f} s over {len(seconds)} clips{wish}",
        flush=True,
    )


if __name__ == "__main__":
    main()
