"""The layer rules of pyproject.toml catch what they are there to catch."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("ltxplatform", "accounts", "billing", "generations", "sandbox")
LINT = Path(sys.executable).with_name("lint-imports")

# file, line added to it, the contract that must break
VIOLATIONS = [
    ("accounts/planted.py", "import billing", "The apps are layers"),
    ("billing/planted.py", "import generations", "The apps are layers"),
    ("generations/planted.py", "import ltxplatform.env", "The apps are layers"),
    ("sandbox/planted.py", "import accounts", "The sandbox imports no app"),
    ("sandbox/planted_too.py", "import django", "The sandbox imports no app"),
    ("generations/planted_sandbox.py", "import sandbox", "No app imports the sandbox"),
    ("generations/planted_ledger.py", "import billing.ledger", "Only billing writes money"),
    ("generations/services/planted.py", "import generations.views", "Inside an app, calls go downwards"),
    ("generations/models.py", "import generations.tasks", "Inside an app, calls go downwards"),
    ("accounts/models.py", "import accounts.services", "Inside an app, calls go downwards"),
    ("generations/views.py", "import httpx", "Only gateways speak HTTP"),
    ("billing/services/planted.py", "import stripe", "Only billing's gateway speaks to Stripe"),
]


def lint(folder: Path) -> str:
    result = subprocess.run(
        [LINT, "--no-cache"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout + result.stderr


def broken(report: str) -> set[str]:
    return set(re.findall(r"^(.+) BROKEN", report, flags=re.MULTILINE))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages and their rules."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "static")
        )
    return folder


def test_planted_violations_break_every_contract(checkout: Path) -> None:
    """One run for all plants: a run takes seconds, and each contract names its own violation."""
    before = lint(checkout)
    assert broken(before) == set(), before

    for path, line, _ in VIOLATIONS:
        with (checkout / path).open("a") as module:
            module.write(f"\n{line}\n")
    report = lint(checkout)

    assert broken(report) == {contract for _, _, contract in VIOLATIONS}
    for path, line, _ in VIOLATIONS:
        importer = path.removesuffix(".py").replace("/", ".")
        assert f"{importer} -> {line.removeprefix('import ')}" in report, report
