"""Every service, task module and command has tests of its own, or says where else it is tested."""

from pathlib import Path

import pytest

from tests.support.programs import ROOT

APPS = ("accounts", "billing", "generations", "ltxplatform")
TESTS = ROOT / "tests"

# Module -> the test file that holds it to its behaviour, where that file has another name.
TESTED_IN: dict[str, str] = {}


def modules_to_test() -> list[Path]:
    found: list[Path] = []
    for app in APPS:
        folder = ROOT / app
        found += folder.rglob("management/commands/*.py")
        found += (path for name in ("services", "tasks") for path in folder.rglob(f"{name}.py"))
        found += folder.rglob("services/*.py")
    return [path.relative_to(ROOT) for path in sorted(found) if path.name != "__init__.py"]


@pytest.mark.parametrize("module", modules_to_test(), ids=str)
def test_a_module_has_tests(module: Path) -> None:
    elsewhere = TESTED_IN.get(str(module))
    if elsewhere is not None:
        assert (TESTS / elsewhere).is_file()
        return
    names = {f"test_{module.stem}.py", f"test_{module.stem}_command.py"}
    assert any(path.name in names for path in TESTS.rglob("test_*.py")), f"no test module for {module}"


def test_exemptions_name_modules_that_exist() -> None:
    assert {Path(name) for name in TESTED_IN} <= set(modules_to_test())
