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

from ltxplatform import embedded_postgres
from tests.mutants.catalog import MUTANTS, InFile, InFunction, Mutant

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".local", ".mypy_cache", ".ruff_cache", "__pycache__", "media"
)
SECONDS = 300
ONE_FAILED = 1
MIGRATION = """
from django.db import migrations

CHANGES = {changes!r}


def change(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for name, old, new in CHANGES:
            cursor.execute("SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = %s", [name])
            (definition,) = cursor.fetchone()
            if old not in definition:
                raise ValueError(f"{{name}} does not contain {{old}}")
            cursor.execute(definition.replace(old, new, 1))


class Migration(migrations.Migration):
    dependencies = {leaves!r}

    operations = [migrations.RunPython(change, migrations.RunPython.noop)]
"""


def main(words: list[str]) -> None:
    chosen = [mutant for mutant in MUTANTS if all(word in mutant.name for word in words)]
    with tempfile.TemporaryDirectory(prefix="mutants") as folder:
        place = Path(folder)
        place.chmod(0o755)
        with embedded_postgres.running(place / "postgres", durable=False) as address:
            sound = copy_to(place / "sound")
            ended = run(sound, sorted({mutant.test for mutant in chosen}), address)
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
            break_functions(copy, functions)
        ended = run(copy, [mutant.test], address)
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


def break_functions(copy: Path, changes: list[InFunction]) -> None:
    """By one more migration, after all others of billing."""
    command = [sys.executable, "-c", LEAVES]
    named = subprocess.run(command, cwd=copy, env=environment(""), check=True, capture_output=True, text=True)
    leaves = [("billing", name) for name in named.stdout.split()]
    written = [(change.name, change.old, change.new) for change in changes]
    migration = MIGRATION.format(changes=written, leaves=leaves)
    (copy / "billing" / "migrations" / "9999_mutant.py").write_text(migration)


LEAVES = """
import django
django.setup()
from django.db.migrations.loader import MigrationLoader
print(*(name for _, name in MigrationLoader(None).graph.leaf_nodes("billing")))
"""


def run(copy: Path, tests: list[str], address: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--tb=line", "-n0", *tests]
    return subprocess.run(
        command,
        cwd=copy,
        env=environment(address),
        check=False,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def environment(address: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name != "TEST_TEMPLATE_DATABASE"}
    return {
        **inherited,
        "DJANGO_SETTINGS_MODULE": "ltxplatform.settings",
        "DATABASE_URL": address or "postgresql://nobody@/none",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


if __name__ == "__main__":
    main(sys.argv[1:])
