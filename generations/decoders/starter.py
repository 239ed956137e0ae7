"""The process that children are forked from: it has loaded one decoder, and never touches a file itself.

It serves `generations.child_process` over a socket, its standard input: an order and its open files come in,
how the child ended goes out. It stays single-threaded, so that forking it is safe, and what a child leaves
behind in memory is gone with the child.
"""

import gc
import json
import os
import select
import signal
import socket
import sys
import time
from importlib import import_module
from types import ModuleType
from typing import Any, Final

from generations.decoders import confine

CHUNK: Final = 65_536
FILES_MOST: Final = 3


def start() -> None:
    """Serve orders until nobody is left to send any, or none came for some seconds (the last argument)."""
    name, idle = sys.argv[-2:]
    for number in (signal.SIGINT, signal.SIGTERM):  # our parent decides, and finishes its work first
        signal.signal(number, signal.SIG_IGN)
    decoder = import_module(name)
    gc.freeze()  # a child that collects would copy every page
    channel = socket.socket(fileno=0)
    ended = _wake_when_children_end()
    while select.select([channel], [], [], float(idle))[0]:
        message, files = _receive(channel)
        if not message:
            break
        order = json.loads(message)
        child = _fork(decoder, order, files)
        channel.sendall(json.dumps(_watch(child, channel, ended, order["seconds"])).encode())


def _receive(channel: socket.socket) -> tuple[bytes, list[int]]:
    """One line of JSON and the files that came with it; nothing when our parent is gone."""
    message, files, _, _ = socket.recv_fds(channel, CHUNK, FILES_MOST)
    while message and not message.endswith(b"\n"):
        more = channel.recv(CHUNK)
        if not more:
            return b"", files
        message += more
    return message, files


def _wake_when_children_end() -> socket.socket:
    """A socket that becomes readable when a child ends: portable, unlike pidfd."""
    ended, wake = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.detach())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return ended


def _fork(decoder: ModuleType, order: dict[str, Any], files: list[int]) -> int:
    starter = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            confine.run(decoder, order, files, starter)
        finally:
            os._exit(1)
    for file in files:
        os.close(file)
    return child


def _watch(child: int, channel: socket.socket, ended: socket.socket, seconds: float) -> dict[str, Any]:
    """How `child` ended: by itself, or killed because it was late or because nobody waits for it."""
    deadline = time.monotonic() + seconds
    while True:
        ready, _, _ = select.select([channel, ended], [], [], max(0.0, deadline - time.monotonic()))
        if ended in ready:
            ended.recv(100)
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return {"late": False, "code": os.waitstatus_to_exitcode(status)}
        if not ready or channel in ready:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return {"late": True, "code": -signal.SIGKILL}
