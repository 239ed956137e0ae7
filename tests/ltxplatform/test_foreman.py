"""The foreman keeps its programs running, whatever keeps one from starting for a while."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ltxplatform import processes
from ltxplatform.foreman import Foreman, Program

SCRIPT = "#!/bin/sh\necho here\nsleep 60\n"


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    script = tmp_path / "work"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    foreman = Foreman()
    program = Program("work", [script], pause=0.05)
    foreman.add(program)
    yield program
    foreman.stop_all()


def test_a_program_that_cannot_be_started_is_tried_again(program: Program, capfd) -> None:
    script = Path(program.command[0])
    script.rename(script.with_name("away"))
    program.child.kill()

    said = ""
    while "No such file" not in said:
        program.watch()
        said += capfd.readouterr().out
    assert "ended (-9), starting again in 0.05 s" in said
    assert program.child is None

    script.with_name("away").rename(script)
    assert processes.wait_until(lambda: runs_when_watched(program), seconds=20)


def runs_when_watched(program: Program) -> bool:
    program.watch()
    return program.child is not None and program.child.poll() is None
