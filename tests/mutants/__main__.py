"""Breaks a copy of the code in one way after the other and runs the test that must notice: `make mutants`.

First the named tests run on an unbroken copy, where all must pass. Ends with an error when a mutant survives. A word
picks the mutants whose name contains it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from ltxplatform import embedded_postgres
from tests.mutants.catalog import MUTANTS, InFile, InFunction, Mutant
from tests.support import postgres

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".local", ".mypy_cache", ".ruff_cache", "__pycache__", "media"
)
SECONDS = 600
ONE_FAILED = 1
SOUND, BROKEN = "sound_template", "broken_template"


def main(words: list[str]) -> None:
    chosen = [mutant for mutant in MUTANTS if all(word in mutant.name for word in words)]
    with tempfile.TemporaryDirectory(prefix="mutants") as folder:
        place = Path(folder)
        place.chmod(0o755)
        with embedded_postgres.running(place / "postgres", durable=False) as address:
            sound = copy_to(place / "sound")
            ended = run(sound, sorted({mutant.test for mutant in chosen}), address, SOUND)
            if ended.returncode:
                sys.exit(f"The tests fail on unbroken code.\n{ended.stdout[-3000:]}{ended.stderr[-3000:]}")
            survivors = [mutant for mutant in chosen if not is_killed(mutant, place / "broken", address)]
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} mutants were killed.")
    if survivors:
        sys.exit(1)


def is_killed(mutant: Mutant, copy: Path, address: str) -> bool:
    """Whether its test fails on the broken copy, not for another reason than a failing test."""
    began = time.monotonic()
    copy_to(copy)
    try:
        for change in mutant.changes:
            if isinstance(change, InFile):
                break_file(copy, change)
        functions = [change for change in mutant.changes if isinstance(change, InFunction)]
        if functions:
            break_functions(address, functions)
        ended = run(copy, [mutant.test], address, BROKEN if functions else SOUND)
    finally:
        shutil.rmtree(copy)
    killed = ended.returncode == ONE_FAILED and " failed" in ended.stdout
    print(
        f"{'killed  ' if killed else 'SURVIVED'} {mutant.name}: {mutant.test}, {time.monotonic() - began:.0f} s",
        flush=True,
    )
    if not killed:
        print(ended.stdout[-2000:], ended.stderr[-2000:])
    return killed


def copy_to(place: Path) -> Path:
    return Path(shutil.copytree(ROOT, place, ignore=LEFT_OUT))


def break_file(copy: Path, change: InFile) -> None:
    file = copy / change.path
    text = file.read_text()
    if change.old not in text:
        sys.exit(f"{change.path} does not contain: {change.old}")
    file.write_text(text.replace(change.old, change.new, 1))


def break_functions(address: str, changes: list[InFunction]) -> None:
    """In a copy of the migrated database: migrating again for each mutant would take longer than its test."""
    with psycopg.connect(address, autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {BROKEN}")
        server.execute(f"CREATE DATABASE {BROKEN} TEMPLATE {SOUND}")
    with psycopg.connect(address, dbname=BROKEN) as connection:
        for change in changes:
            asked = "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = %s"
            (definition,) = connection.execute(asked, [change.name]).fetchone() or ("",)
            if change.old not in definition:
                sys.exit(f"{change.name} does not contain: {change.old}")
            connection.execute(definition.replace(change.old, change.new, 1))


def run(copy: Path, tests: list[str], address: str, template: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--tb=line", "-n0", *tests]
    return subprocess.run(
        command,
        cwd=copy,
        env=environment(address, template),
        check=False,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def environment(address: str, template: str) -> dict[str, str]:
    """A template that is there is copied; the first run makes the sound one."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "ltxplatform.settings",
        "DATABASE_URL": address,
        postgres.TEMPLATE: template,
        "PYTHONDONTWRITEBYTECODE": "1",
    }


if __name__ == "__main__":
    main(sys.argv[1:])
