"""A thousand open pages on one live process while fifty clips a second change: memory, connections, delay.

Fifty teams of one person each with twenty pages; every change is heard by the twenty pages of its team. The delay
counts from just before the commit until the page has the event. Run by `python -m benchmarks.live_pages`.
"""

import asyncio
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PEOPLE = 50
PAGES_EACH = 20
CHANGES_A_SECOND = 50
SECONDS = 20
GOAL_MS = 1000


@dataclass
class Run:
    """Where it happens, and what was seen."""

    port: int
    address: str
    clips: list[str]
    family: list[Any]
    changed_at: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    delays: list[float] = field(default_factory=list)
    seen: dict[str, float] = field(default_factory=dict)

    def memory(self) -> float:
        """MB that belong to the live process alone."""
        return sum(each.memory_full_info().uss for each in self.family) / 2**20


def main() -> None:
    from benchmarks._surroundings import prepared_database

    with tempfile.TemporaryDirectory(prefix="bench") as folder, prepared_database(Path(folder)) as address:
        run = _measure(address)
    delays = sorted(run.delays)
    p50, p95, most = (
        1000 * delays[min(int(len(delays) * share), len(delays) - 1)] for share in (0.5, 0.95, 1)
    )
    seen, changes = run.seen, SECONDS * CHANGES_A_SECOND
    missing = changes * PAGES_EACH - len(delays)
    print(
        f"live pages: {PEOPLE * PAGES_EACH} streams opened in {seen['opening']:.1f} s; {seen['listeners']:.0f} "
        f"listening connection, {seen['connections']:.0f} of the process in all; memory {seen['idle']:.0f} MB idle, "
        f"{seen['full']:.0f} MB with all; {changes} changes at {CHANGES_A_SECOND} a second, {len(delays)} events, "
        f"{missing} missing, delay p50 {p50:.0f} ms, p95 {p95:.0f} ms, most {most:.0f} ms (goal: p95 under "
        f"{GOAL_MS} ms); {100 * seen['cpu'] / SECONDS:.0f} % of a core",
        flush=True,
    )
    if seen["listeners"] != 1 or missing or p95 > GOAL_MS:
        sys.exit("A goal was missed.")


def _measure(address: str) -> Run:
    import psutil
    from django.db import connection

    from ltxplatform.management.commands.demo import live_command
    from tests.support.product import free_port
    from tests.support.programs import started

    pages, clips = _people_and_clips()
    port = free_port()
    with started(*map(str, live_command(port)), DATABASE_URL=address) as process:
        process.wait_for(lambda: _is_up(port), 30)
        family = [psutil.Process(process.child.pid), *process.descendants()]
        connection.close()  # what is counted later belongs to the live process
        run = Run(port, address, clips, family)
        run.seen["idle"] = run.memory()
        asyncio.run(_watch(run, pages))
    return run


def _people_and_clips() -> tuple[list[tuple[str, str]], list[str]]:
    """The address and cookie of every person, and a clip for each."""
    from django.conf import settings
    from django.test import Client

    from tests.contracts.world import picture_of
    from tests.support import factories

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    pages, clips = [], []
    for _ in range(PEOPLE):
        team = factories.make_team()
        factories.give_credits(team)
        client = Client()
        client.force_login(factories.owner_of(team))
        cookie = f"{settings.SESSION_COOKIE_NAME}={client.session.session_key}"
        pages.append((f"/live/t/{team.slug}/", cookie))
        clips.append(str(factories.make_generation(team, image=picture_of(team)).pk))
    return pages, clips


def _is_up(port: int) -> bool:
    import httpx

    try:
        return "ok" in httpx.get(f"http://127.0.0.1:{port}/live/health", trust_env=False).text
    except httpx.HTTPError:
        return False


async def _watch(run: Run, pages: list[tuple[str, str]]) -> None:
    began = time.monotonic()
    opening = [_open(run, *page) for page in pages for _ in range(PAGES_EACH)]
    readers = [asyncio.create_task(_read(run, stream)) for stream in await asyncio.gather(*opening)]
    run.seen["opening"] = time.monotonic() - began
    cpu = _cpu(run)
    await asyncio.to_thread(_change, run)
    await asyncio.sleep(1)
    run.seen["cpu"] = _cpu(run) - cpu
    run.seen["full"] = run.memory()
    for reader in readers:
        reader.cancel()


async def _open(run: Run, path: str, cookie: str) -> asyncio.StreamReader:
    reader, writer = await asyncio.open_connection("127.0.0.1", run.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 200 " in head.splitlines()[0], head
    reader.writer = writer  # type: ignore[attr-defined]  # kept open for as long as it is read
    return reader


async def _read(run: Run, reader: asyncio.StreamReader) -> None:
    """Note when each clip is named; the lines of chunks in between mean nothing here."""
    kind = b""
    heard: dict[str, int] = defaultdict(int)
    while line := await reader.readline():
        if line.startswith(b"event: "):
            kind = line[7:].strip()
        elif line.startswith(b"data: ") and kind == b"clips":
            now = time.monotonic()
            for clip in line[6:].decode().split():
                run.delays.append(now - run.changed_at[clip][heard[clip]])
                heard[clip] += 1


def _change(run: Run) -> None:
    """One clip after the other, evenly over the seconds; then look who is connected."""
    import psycopg

    with psycopg.connect(run.address, autocommit=True) as connection:
        began = time.monotonic()
        for number in range(SECONDS * CHANGES_A_SECOND):
            time.sleep(max(began + number / CHANGES_A_SECOND - time.monotonic(), 0))
            clip = run.clips[number % len(run.clips)]
            run.changed_at[clip].append(time.monotonic())
            sql = "UPDATE generations_generation SET progress = %s WHERE id = %s"
            connection.execute(sql, [number % 90 + 1, clip])
        run.seen["listeners"], run.seen["connections"] = connection.execute(
            "SELECT count(*) FILTER (WHERE application_name = 'ltxplatform live'), count(*) - 1 "
            "FROM pg_stat_activity WHERE datname = current_database()",
        ).fetchone()


def _cpu(run: Run) -> float:
    return sum(sum(each.cpu_times()[:2]) for each in run.family)


if __name__ == "__main__":
    main()
