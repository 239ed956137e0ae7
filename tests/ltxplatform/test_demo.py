"""`manage.py demo` as a person meets it: starts, says where, survives a kill, refuses politely, stops."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import httpx
import psutil
import pytest

from ltxplatform import embedded_postgres, processes
from tests.support.product import free_port
from tests.support.programs import ROOT, Running, all_ended, manage

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def environment(server_folders: Callable[[], Path]) -> dict[str, str]:
    """A demo of its own: data, ports, and no database but the embedded one."""
    return {
        "DATA_DIR": str(server_folders()),
        "PORT": str(free_port()),
        "LIVE_URL": f"http://127.0.0.1:{free_port()}",
        "SANDBOX_URL": f"http://127.0.0.1:{free_port()}",
        "DATABASE_URL": "",
    }


@pytest.fixture(scope="module")
def demo(environment: dict[str, str]) -> Iterator[Running]:
    with manage("demo", **environment) as running:
        running.wait_for(lambda: "ltxplatform is ready" in running.output, seconds=90)
        yield running


def page(environment: dict[str, str], path: str = "/") -> str:
    with urlopen(f"http://127.0.0.1:{environment['PORT']}{path}", timeout=10) as answer:
        return answer.read().decode()


def child(demo: Running, words: str) -> psutil.Process | None:
    for found in psutil.Process(demo.child.pid).children():
        with suppress(psutil.Error):
            if words in " ".join(found.cmdline()):
                return found
    return None


def refused(environment: dict[str, str], **changes: str) -> str:
    """What a demo that must not start says."""
    result = subprocess.run(
        [sys.executable, "manage.py", "demo"],
        cwd=ROOT,
        env=os.environ | environment | changes,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    return result.stderr.strip()


def test_it_serves_pages_and_names_the_logins(demo: Running, environment: dict[str, str]) -> None:
    assert "<html" in page(environment)
    assert '"ok"' in page(environment, "/ready")
    assert f"http://127.0.0.1:{environment['PORT']}/" in demo.output
    assert "demo@example.com" in demo.output


def test_an_unknown_address_shows_our_own_page(demo: Running, environment: dict[str, str]) -> None:
    with pytest.raises(HTTPError) as missing:
        page(environment, "/no-such-page/")

    body = missing.value.read().decode()
    assert missing.value.code == 404
    assert "There is nothing here" in body
    assert "urlpatterns" not in body


@pytest.mark.parametrize(
    ("name", "is_let_in"), [("127.0.0.1", True), ("localhost", True), ("elsewhere", False)]
)
def test_pages_under_both_names_of_this_machine_may_listen(
    name: str, is_let_in: bool, demo: Running, environment: dict[str, str]
) -> None:
    """Passkeys need `localhost`. Who is not signed in hears nothing, and is told so under the right origin alone."""
    assert processes.wait_until(lambda: live_listens(environment), seconds=40)
    origin = f"http://{name}:{environment['PORT']}"

    answer = httpx.get(f"{environment['LIVE_URL']}/live/t/demo/", headers={"Origin": origin}, trust_env=False)

    assert answer.status_code == (401 if is_let_in else 403)
    assert answer.headers.get("Access-Control-Allow-Origin") == (origin if is_let_in else None)


def test_a_second_demo_of_the_checkout_is_refused(demo: Running, environment: dict[str, str]) -> None:
    said = refused(environment, PORT=str(free_port()))

    assert said.startswith("CommandError: A demo of this checkout runs already at http://127.0.0.1:")
    assert "stop it with Ctrl-C first" in said


def test_a_taken_port_is_named_with_the_way_out(demo: Running, environment, tmp_path: Path) -> None:
    port = int(environment["PORT"])

    said = refused(environment, DATA_DIR=str(tmp_path))

    assert said == f"CommandError: Port {port} is in use. Choose another: PORT={port + 2} make demo"


def test_a_taken_port_of_the_live_process_is_named_too(demo: Running, environment, tmp_path: Path) -> None:
    said = refused(environment, DATA_DIR=str(tmp_path), PORT=str(free_port()))

    assert re.search(
        r"Port \d+ is in use, and live updates need it\. Choose another: LIVE_URL=http://127", said
    )


def test_a_taken_sandbox_port_is_named_too(demo: Running, environment, tmp_path: Path) -> None:
    own = {"PORT": str(free_port()), "LIVE_URL": f"http://127.0.0.1:{free_port()}"}

    said = refused(environment, DATA_DIR=str(tmp_path), **own)

    assert re.search(
        r"Port \d+ is in use, and the stand-ins for fal and Stripe need it\. Choose another: SANDBOX_URL=http://",
        said,
    )


@pytest.mark.parametrize("words", ["ltxplatform.wsgi", "runworkers", "ltxplatform.asgi"])
def test_a_killed_part_is_started_again(words: str, demo: Running, environment: dict[str, str]) -> None:
    killed = child(demo, words)
    family = [killed, *killed.children(recursive=True)]
    killed.kill()

    demo.wait_for(lambda: (now := child(demo, words)) is not None and now.pid != killed.pid)
    assert all_ended(*family)
    assert processes.wait_until(lambda: answers(environment), seconds=40)


def test_a_killed_database_is_started_again(demo: Running, environment: dict[str, str]) -> None:
    data = Path(environment["DATA_DIR"]) / "postgres"
    killed = child(demo, str(data))
    killed.kill()

    demo.wait_for(lambda: (now := child(demo, str(data))) is not None and now.pid != killed.pid)
    demo.wait_for(lambda: embedded_postgres.address(data) is not None)
    assert processes.wait_until(lambda: answers(environment, "/ready"), seconds=40)
    assert processes.wait_until(lambda: live_listens(environment), seconds=40)


def test_a_database_that_cannot_come_up_is_tried_again(demo: Running, environment: dict[str, str]) -> None:
    data = Path(environment["DATA_DIR"]) / "postgres"
    aside = data.with_name("aside")
    data.rename(aside)
    data.mkdir()
    (data / "unknown").touch()
    demo.wait_for(lambda: "is not a finished database folder" in demo.output)
    assert demo.child.poll() is None

    shutil.rmtree(data)
    aside.rename(data)

    assert processes.wait_until(lambda: answers(environment, "/ready"), seconds=40)


def live_listens(environment: dict[str, str]) -> bool:
    with suppress(OSError), urlopen(f"{environment['LIVE_URL']}/live/health", timeout=10) as answer:
        return '"ok"' in answer.read().decode()
    return False


def answers(environment: dict[str, str], path: str = "/health") -> bool:
    try:
        return '"ok"' in page(environment, path)
    except OSError:
        return False


def test_ctrl_c_stops_everything_within_seconds(demo: Running, environment: dict[str, str]) -> None:
    family = demo.descendants()
    asked_at = time.monotonic()

    demo.child.send_signal(signal.SIGINT)

    assert demo.ended() == 0, demo.output
    assert time.monotonic() - asked_at < 20
    assert all_ended(*family)
    assert processes.port_is_free(int(environment["PORT"]))
