"""Renders clips in processes of their own, once per distinct clip, and keeps them on disk."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.fal.images import ImageRefused

log = logging.getLogger("sandbox.fal")

CHECKOUT = Path(__file__).resolve().parents[2]
TRIM_EVERY = 20  # clips between two looks at the size of the directories
RENDER_VERSION = 2  # part of every clip's name: raise it when the picture changes

# What the picture depends on; the prompt and the steps do not show.
VISIBLE = (
    "resolution",
    "aspect_ratio",
    "num_frames",
    "frame_rate",
    "reverse_video",
    "enable_detail_pass",
    "temporal_adain_factor",
    "tone_map_compression_ratio",
    "constant_rate_factor",
    "loras",
)


class RenderFailed(Exception):
    """The renderer died or could not encode; a fault of the stand-in itself."""


@dataclass(slots=True)
class Job:
    """One clip to render; nobody waits for it any more when `waiters` is 0."""

    name: str
    order: dict[str, Any]
    future: asyncio.Future[int]
    waiters: int = 0


@dataclass(slots=True)
class Renders:
    """A queue of jobs, a few worker processes, and a directory of clips bounded in bytes."""

    directory: Path
    images: Path
    workers: int
    cache_bytes: int
    rendered: int = 0
    _jobs: dict[str, Job] = field(default_factory=dict)
    _queue: asyncio.Queue[Job] = field(default_factory=asyncio.Queue)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _processes: set[Process] = field(default_factory=set)

    async def render(self, *, image: str, values: dict[str, Any], seed: int) -> tuple[str, int]:
        """The clip's file name and size in bytes. Raises ImageRefused or RenderFailed."""
        order = {name: values[name] for name in VISIBLE} | {"seed": seed}
        text = json.dumps([RENDER_VERSION, image, order], sort_keys=True)
        name = hashlib.sha256(text.encode()).hexdigest()[:40] + ".mp4"
        path = self.directory / name
        with contextlib.suppress(FileNotFoundError):
            os.utime(path)
            return name, path.stat().st_size
        job = self._jobs.get(name)
        if job is None:
            order |= {"image": str(self.images / image), "target": str(path)}
            job = Job(name, order, asyncio.get_running_loop().create_future())
            self._jobs[name] = job
            self._queue.put_nowait(job)
            self._start()
        job.waiters += 1
        try:
            return name, await asyncio.shield(job.future)
        finally:
            job.waiters -= 1

    def _start(self) -> None:
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._work()) for _ in range(self.workers)]

    async def _work(self) -> None:
        process: Process | None = None
        while True:
            job = await self._queue.get()
            if job.waiters == 0:
                del self._jobs[job.name]
                continue
            answer: dict[str, Any] = {"failed": "the render process died twice"}
            for _ in range(2):
                try:
                    process = process or await self._spawn()
                    answer = await self._ask(process, job.order)
                    break
                except (OSError, ValueError) as error:
                    log.warning("a render process died: %s", type(error).__name__)
                    await self._discard(process)
                    process = None
            self._settle(job, answer)
            if self.rendered % TRIM_EVERY == 0:
                self._trim()

    async def _spawn(self) -> Process:
        command = [sys.executable, "-m", "sandbox.fal.render_worker"]
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, cwd=CHECKOUT, start_new_session=True
        )
        self._processes.add(process)
        return process

    def _settle(self, job: Job, answer: dict[str, Any]) -> None:
        """The worker's answer becomes the job's outcome."""
        del self._jobs[job.name]
        if "bytes" in answer:
            self.rendered += 1
            job.future.set_result(answer["bytes"])
            return
        refused = "error" in answer
        job.future.set_exception(
            ImageRefused(answer["error"], ctx=answer.get("ctx"))
            if refused
            else RenderFailed(answer["failed"])
        )
        job.future.exception()  # retrieved: perhaps nobody waits any more

    async def _ask(self, process: Process, order: dict[str, Any]) -> dict[str, Any]:
        if process.stdin is None or process.stdout is None:
            raise OSError("no pipes")
        process.stdin.write(json.dumps(order).encode() + b"\n")
        await process.stdin.drain()
        line = await process.stdout.readline()
        if not line:
            raise OSError("no answer")
        return dict(json.loads(line))

    async def _discard(self, process: Process | None) -> None:
        if process is None:
            return
        self._processes.discard(process)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    def _trim(self) -> None:
        """Delete the clips and pictures unused longest until both directories fit."""
        for directory in (self.directory, self.images):
            trim(directory, self.cache_bytes)

    def forget_waiting(self) -> None:
        """Drop the jobs not yet begun."""
        while not self._queue.empty():
            job = self._queue.get_nowait()
            del self._jobs[job.name]
            job.future.cancel()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for process in list(self._processes):
            await self._discard(process)


def trim(directory: Path, limit: int) -> None:
    """Keep the newest files of a directory within `limit` bytes."""
    files = []
    for entry in os.scandir(directory):
        with contextlib.suppress(FileNotFoundError):
            status = entry.stat()
            files.append((status.st_mtime, status.st_size, entry.path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= limit:
            return
        Path(path).unlink(missing_ok=True)
        total -= size
