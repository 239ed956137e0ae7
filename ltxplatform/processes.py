"""Start and end child processes so that none outlives the command that started it."""

import ctypes
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from math import inf
from pathlib import Path
from typing import IO, Any, Protocol, TypeVar

import psutil

PR_SET_PDEATHSIG = 1  # Linux: the kernel sends this signal when our parent ends, even by kill -9
PR_SET_NAME = 15  # Linux: what ps and top show, at most 15 bytes
STOPPING = (signal.SIGTERM, signal.SIGINT)


class Child(Protocol):
    """What ending a child takes: a started program's Popen has it, and so has a Fork."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int, /) -> None: ...


AnyChild = TypeVar("AnyChild", bound=Child)


def start(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    output: IO[Any] | int | None = None,
    account: Mapping[str, Any] | None = None,
    when_parent_dies: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, with stdout and stderr going to `output`.

    Call it from a thread that lives as long as the child should: Linux ties `when_parent_dies` to the
    thread that forked. `account` holds subprocess's user, group and extra_groups.
    """
    return subprocess.Popen(  # noqa: S603 - every caller passes its own fixed command
        [str(part) for part in command],
        env=dict(env) if env is not None else None,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        start_new_session=True,
        preexec_fn=_parent_death_signal(when_parent_dies),
        **(account or {}),
    )


def _parent_death_signal(number: signal.Signals) -> Callable[[], None] | None:
    """What the child runs before exec; after setuid, which would clear the setting."""
    if not sys.platform.startswith("linux"):
        return None
    # Loaded here, not in the child: between fork and exec only plain calls are safe.
    libc = ctypes.CDLL(None, use_errno=True)
    return partial(_set_parent_death_signal, libc, int(number), os.getpid())


def _set_parent_death_signal(libc: ctypes.CDLL, number: int, parent: int) -> None:
    libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:  # it died before the setting took hold
        os.kill(os.getpid(), number)


class Fork:
    """A copy of this process that runs `work(*arguments)` in a session of its own, and ends.

    It is asked to end by SIGTERM when this process dies. Only for processes of a single thread, and with all
    connections closed: a copy has no other threads, and would share the sockets.
    """

    def __init__(self, work: Callable[..., object], *arguments: object, name: str) -> None:
        started, told = os.pipe()
        libc = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None
        # A signal to stop must reach the work, not this process's handlers in the copy.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        try:
            self._process = multiprocessing.get_context("fork").Process(
                target=_in_own_session, args=(libc, os.getpid(), name, (started, told), work, arguments)
            )
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(told)
            os.read(started, 1)  # until the session is there, for its members are found by it
            os.close(started)
        assert self._process.pid is not None  # noqa: S101 - for the type checker
        self.pid = self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        # multiprocessing's own waiting lasts until all descendants have ended.
        if not wait_until(lambda: self.poll() is not None, seconds=inf if timeout is None else timeout):
            raise subprocess.TimeoutExpired(str(self._process), timeout or 0)
        return self.poll() or 0

    def send_signal(self, sig: int, /) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)


def _in_own_session(
    libc: ctypes.CDLL | None,
    parent: int,
    name: str,
    pipe: tuple[int, int],
    work: Callable[..., object],
    arguments: tuple[object, ...],
) -> None:
    os.setsid()
    for number in STOPPING:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    if libc is not None:
        libc.prctl(PR_SET_NAME, name.encode(), 0, 0, 0)
        _set_parent_death_signal(libc, signal.SIGTERM, parent)
    for end in pipe:
        os.close(end)
    work(*arguments)


def stop(child: Child, *, number: signal.Signals = signal.SIGTERM, grace: float = 10) -> bool:
    """Ask one child to end as `stop_all` does. Returns whether it ended within `grace` seconds."""
    return stop_all({child: grace}, number=number) == []


def stop_all(
    children: Mapping[AnyChild, float], *, number: signal.Signals = signal.SIGTERM
) -> list[AnyChild]:
    """Ask all at once to end, give each its seconds of grace, then kill what is left of their groups.

    Only the main process is asked: a task cluster whose helpers get the signal too never finishes.
    Returns the children that had to be killed.
    """
    asked_at = time.monotonic()
    killed = []
    for child in children:
        with suppress(ProcessLookupError):
            child.send_signal(number)
    for child, grace in children.items():
        try:
            child.wait(max(0, asked_at + grace - time.monotonic()))
        except subprocess.TimeoutExpired:
            killed.append(child)
        kill_group(child)  # also the helpers that outlived their main process
    return killed


def kill_group(child: Child) -> None:
    """SIGKILL every process of the child's session, also when the main process is gone already."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    for orphan in session_members(child.pid):
        with suppress(psutil.Error):
            orphan.kill()
    child.wait()


def session_members(leader: int) -> list[psutil.Process]:
    """The living processes whose session was started by `leader`."""
    members = []
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, PermissionError, psutil.Error):
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                members.append(process)
    return members


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def wait_until(condition: Callable[[], bool], *, seconds: float, every: float = 0.05) -> bool:
    """Whether `condition` came true within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(every)
    return True
