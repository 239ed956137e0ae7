"""The colours of both themes, computed from the style sheet: every pair that carries meaning meets WCAG 2.2 AA."""

import re

import pytest

from tests.support.programs import ROOT

TOKENS = (ROOT / "ltxplatform/static/css/tokens.css").read_text()
PAIR = re.compile(r"--([a-z-]+):\s*light-dark\((#[0-9a-f]{6}),\s*(#[0-9a-f]{6})\)")
COLOURS = {name: {"light": light, "dark": dark} for name, light, dark in PAIR.findall(TOKENS)}

GROUNDS = ("surface", "raised", "sunken")
TEXTS = ("text", "muted", "faint", "accent", "accent-strong", "good", "warn", "bad", "info")
PAIRS = [(text, ground) for text in TEXTS for ground in GROUNDS]
PAIRS += [(tone, f"{tone}-tint") for tone in ("accent", "good", "warn", "bad", "info")]
PAIRS += [("text", f"{tone}-tint") for tone in ("accent", "good", "warn", "bad", "info")]
PAIRS += [("on-accent", "accent"), ("on-accent", "accent-strong"), ("on-bad", "bad"), ("surface", "text")]
# The edges of controls need three to one (1.4.11); so does the focus ring.
EDGES = [(edge, ground) for edge in ("edge", "accent", "bad") for ground in GROUNDS]


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    dark, bright = sorted((luminance(first), luminance(second)))
    return (bright + 0.05) / (dark + 0.05)


def test_the_measure_itself() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_can_be_read(text: str, ground: str, theme: str) -> None:
    assert contrast(COLOURS[text][theme], COLOURS[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("edge", "ground"), EDGES)
def test_controls_can_be_seen(edge: str, ground: str, theme: str) -> None:
    assert contrast(COLOURS[edge][theme], COLOURS[ground][theme]) >= 3


def test_every_colour_has_both_themes() -> None:
    for declaration in re.findall(r"--[a-z-]+:[^;]*(?:#[0-9a-f]{3,8}|rgb\()[^;]*;", TOKENS):
        assert "light-dark(" in declaration


def test_only_tokens_name_colours() -> None:
    """A colour written anywhere else would be right in one theme only."""
    sheets = [
        path
        for path in (ROOT / "ltxplatform/static/css").rglob("*.css")
        if path.name not in {"tokens.css", "api_docs.css"}
    ]
    found = {path.name: re.findall(r"#[0-9a-fA-F]{3,8}\b|rgb\(", path.read_text()) for path in sheets}
    assert {name: colours for name, colours in found.items() if colours} == {}
