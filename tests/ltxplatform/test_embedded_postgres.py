"""The embedded server: starting, sharing, surviving kill -9, and saying what is wrong with a folder."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from ltxplatform import embedded_postgres
from ltxplatform.embedded_postgres import EmbeddedPostgresError, running

pytestmark = pytest.mark.processes


@pytest.fixture
def folder(server_folders: Callable[[], Path]) -> Path:
    return server_folders() / "data"


@pytest.fixture(scope="module")
def finished(server_folders: Callable[[], Path]) -> Path:
    """A data folder in which a server ran and stopped."""
    data = server_folders() / "data"
    with running(data, durable=False):
        pass
    return data


@pytest.fixture
def used(finished: Path, folder: Path) -> Path:
    """A private copy of `finished`."""
    subprocess.run(["cp", "-a", str(finished), str(folder)], check=True)
    return folder


def postmaster(data: Path) -> psutil.Process:
    return psutil.Process(int((data / "postmaster.pid").read_text().splitlines()[0]))


def rows(address: str) -> int:
    with psycopg.connect(address) as connection:
        return connection.execute("SELECT count(*) FROM kept").fetchone()[0]


def write_row(address: str) -> None:
    with psycopg.connect(address) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (id int)")
        connection.execute("INSERT INTO kept VALUES (1)")


def test_rows_survive_a_restart(folder: Path) -> None:
    assert embedded_postgres.address(folder) is None
    with running(folder) as address:
        write_row(address)
        assert embedded_postgres.address(folder) == address
        assert address == embedded_postgres.expected_address(folder)
    assert embedded_postgres.address(folder) is None

    with running(folder) as address:
        assert rows(address) == 1


def test_it_starts_after_kill_9_of_everything(used: Path) -> None:
    # Another process starts it, so that nothing here tidies up after the kill.
    code = f"""
import sys, time
from pathlib import Path
from ltxplatform.embedded_postgres import running
with running(Path({str(used)!r})) as address:
    print(address, flush=True)
    time.sleep(600)
"""
    starter = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with starter:
        write_row(starter.stdout.readline().strip())
        server = postmaster(used)
        for process in (*server.children(), server, psutil.Process(starter.pid)):
            with suppress(psutil.NoSuchProcess):
                process.kill()
    assert (used / "postmaster.pid").exists()

    with running(used) as address:
        assert rows(address) == 1


def test_the_server_ends_with_its_starter(used: Path) -> None:
    code = (
        f"import os, signal; from pathlib import Path; from ltxplatform.embedded_postgres import running\n"
        f"with running(Path({str(used)!r})): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)

    with suppress(FileNotFoundError, psutil.NoSuchProcess):
        postmaster(used).wait(5)
    assert embedded_postgres.address(used) is None


def test_a_stale_pid_file_naming_another_program_is_no_obstacle(used: Path) -> None:
    (used / "postmaster.pid").write_text(f"{os.getpid()}\n{used}\n1\n5432\n{used}\n\n 1 1\nready   \n")
    assert embedded_postgres.address(used) is None

    with running(used, durable=False) as address:
        psycopg.connect(address).close()


def test_a_running_server_is_shared_and_left_running(used: Path) -> None:
    with running(used, durable=False) as first:
        with running(used) as second:
            assert second == first
        psycopg.connect(first).close()


def test_an_interrupted_initialisation_is_redone(folder: Path) -> None:
    unfinished = folder.parent / "data.new-abc"
    (unfinished / "base").mkdir(parents=True)

    with running(folder, durable=False) as address:
        psycopg.connect(address).close()
    assert not unfinished.exists()


def test_a_half_initialised_folder_is_refused_and_kept(folder: Path) -> None:
    folder.mkdir()
    (folder / "PG_VERSION").write_text("18\n")

    with pytest.raises(EmbeddedPostgresError, match=r"not a finished database folder\. Move it away"):
        running(folder).__enter__()
    assert (folder / "PG_VERSION").exists()


def test_another_major_version_is_refused(used: Path) -> None:
    (used / "PG_VERSION").write_text("16\n")

    with pytest.raises(EmbeddedPostgresError, match=r"made by PostgreSQL 16, and this is 18\. Export it"):
        running(used).__enter__()


def test_a_start_that_another_process_holds_up_is_reported(folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(embedded_postgres, "START_SECONDS", 0.2)

    with (
        embedded_postgres._start_lock(folder),
        pytest.raises(EmbeddedPostgresError, match="Another process has been starting"),
    ):
        running(folder).__enter__()


def test_a_file_in_the_way_is_reported(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")

    with pytest.raises(EmbeddedPostgresError, match="cannot hold a database"):
        running(tmp_path / "taken" / "data").__enter__()


def test_a_folder_of_another_user_is_reported(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    tmp_path.chmod(0o500)

    with pytest.raises(EmbeddedPostgresError, match="may not write"):
        running(tmp_path / "data").__enter__()


def test_a_full_disk_is_reported(folder: Path) -> None:
    small = folder.parent
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(small)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("needs the right to mount a small file system")
    try:
        with pytest.raises(EmbeddedPostgresError, match=r"disk that holds .* is full\. Free some space"):
            running(folder).__enter__()
        assert not list(small.glob("data*/*"))
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_long_path_gets_a_short_socket_folder(folder: Path) -> None:
    data = folder / ("long" * 25) / "data"

    with running(data, durable=False) as address:
        psycopg.connect(address).close()
        socket_dir = Path(address.partition("?host=")[2])
        assert str(data) not in address
        assert socket_dir.stat().st_mode & 0o777 == 0o700
    shutil.rmtree(socket_dir)
