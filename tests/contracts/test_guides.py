"""What the guides promise is what the code does."""

import re

import pytest

from billing.money import format_cost
from billing.services import quote
from generations.parameters import LORAS_MAX, PARAMETERS, QUALITY_PRESETS, Parameter
from scripts import permissions
from tests.support.programs import ROOT

USERS = (ROOT / "docs" / "users.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in USERS.splitlines()
    if line.startswith("|")
]
CONTROLS = {row[4].strip("`"): row for row in ROWS if len(row) == 5 and row[4].startswith("`")}
PRICES = {row[1].strip("*").replace(",", ""): row for row in ROWS if len(row) == 4 and "$" in row[2]}
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda parameter: parameter.name)
def test_every_control_is_explained_with_its_range(parameter: Parameter) -> None:
    label, values, default, advice, _ = CONTROLS[parameter.name]

    assert label == parameter.label
    assert advice
    if parameter.maximum is not None:
        low, high = re.findall(r"[\d,]+", values)[:2]
        assert (int(low.replace(",", "")), int(high.replace(",", ""))) == (
            parameter.minimum,
            parameter.maximum,
        )
        expected = "random" if parameter.default is None else f"{parameter.default}"
        assert default == expected
    if parameter.kind == "choice":
        assert set(values.split(", ")) == {value for value, _ in parameter.choices}
    if parameter.kind == "boolean":
        assert default == ("on" if parameter.default else "off")


def test_no_control_is_invented() -> None:
    assert CONTROLS.keys() - {"image"} == {parameter.name for parameter in PARAMETERS}
    assert CONTROLS["loras"][1] == f"up to {LORAS_MAX}"


def test_the_step_presets_are_those_of_the_code() -> None:
    for name, (first, second) in QUALITY_PRESETS.items():
        assert f"*{name}* {first} and {second}" in USERS


@pytest.mark.django_db
@pytest.mark.parametrize("frames", PRICES)
def test_every_price_in_the_table_is_what_would_be_held(frames: str) -> None:
    _, _, normal, detail = (cell.strip("*") for cell in PRICES[frames])

    assert normal == format_cost(quote(num_frames=int(frames), detail_pass=False).amount)
    assert detail == format_cost(quote(num_frames=int(frames), detail_pass=True).amount)


@pytest.mark.parametrize("guide", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md")), ids=str)
def test_every_link_between_the_guides_leads_somewhere(guide) -> None:
    targets = [target for target in LINK.findall(guide.read_text()) if "://" not in target]

    assert [target for target in targets if not (guide.parent / target).exists()] == []


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = (folder / "README.md").read_text()

    assert [path.name for path in folder.glob("0*.md") if f"({path.name})" not in listed] == []


def test_the_page_of_permissions_is_that_of_the_tables() -> None:
    assert (ROOT / "docs" / "permissions.md").read_text() == permissions.page(), (
        "python -m scripts.permissions"
    )
