"""Pictures and front end have the same colours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ecco_widgets.export.palettes import LEVELS, THEMES, colors_of, hexadecimal, level_of
from ecco_widgets.export.sequential import DARK_INK, LIGHT_INK, SERIES, STEPS, STOPS, series_color, worst_rank

JS = Path(__file__).parents[3] / "js" / "src"
PALETTES = (JS / "charts" / "palettes.ts").read_text("utf-8")
SEQUENTIAL = (JS / "charts" / "sequential.ts").read_text("utf-8")
TOKENS = (JS / "styles" / "tokens.css").read_text("utf-8")


def in_typescript(theme: str) -> dict[str, list[tuple[int, ...]]]:
    variants = re.search(r"VARIANTS[^=]*= \{(.*?)\n\};", PALETTES, re.DOTALL)
    assert variants
    block = re.search(rf"\n  {theme}: \{{(.*?)\n  \}},", variants[1], re.DOTALL)
    assert block
    fields = re.findall(r"(\w+): (\[.*?\]),\n(?=    \w|$|\s*$)", block[1] + "\n", re.DOTALL)
    return {
        name: [tuple(map(int, rgb)) for rgb in re.findall(r"\[(\d+), (\d+), (\d+)\]", value)] for name, value in fields
    }


def in_css(theme: str) -> dict[str, str]:
    selector = '.ew-root[data-theme="dark"] {' if theme == "dark" else ".ew-root {"
    block = TOKENS.split(selector)[1].split("}")[0]
    # The last colour named is what holds where no host says otherwise.
    return {name: re.findall("#[0-9a-f]{6}", value)[-1] for name, value in re.findall(r"--ew-([\w-]+):(.*#.*);", block)}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_ramps_are_those_of_the_front_end(theme: str):
    palette, expected = THEMES[theme], in_typescript(theme)
    assert {"page", "ink", "otherInk", "positive", "negative"} <= set(expected)
    assert [palette.page] == expected["page"]
    assert [palette.ink] == expected["ink"]
    assert [palette.other_ink] == expected["otherInk"]
    assert list(palette.positive) == expected["positive"]
    assert list(palette.negative) == expected["negative"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_other_colours_are_those_of_the_style_sheet(theme: str):
    palette, expected = THEMES[theme], in_css(theme)
    names = ("soft", "line", "accent", "accent_soft", "generated", "bar", "bar_negative", "chip")
    assert {name: getattr(palette, name) for name in names} == {
        name: expected[name.replace("_", "-")] for name in names
    }
    assert hexadecimal(palette.page) == expected["bg"]
    assert hexadecimal(palette.ink) == expected["ink"]


def test_there_are_as_many_levels_as_in_the_front_end():
    assert f"export const LEVELS = {LEVELS};" in PALETTES


def test_the_strongest_level_is_the_end_of_the_ramp():
    for theme, palette in THEMES.items():
        assert colors_of(LEVELS, theme)[0] == hexadecimal(palette.positive[-1])
        assert colors_of(-LEVELS, theme)[0] == hexadecimal(palette.negative[-1])


@pytest.mark.parametrize(
    ("value", "domain", "level"),
    [
        (0.0, 1.0, 0),
        (float("nan"), 1.0, 0),
        (0.5, 0.0, 0),
        (1e-9, 1.0, 1),
        (-1e-9, 1.0, -1),
        (2.0, 1.0, 63),
        (-1, 1, -63),
    ],
)
def test_levels_follow_the_size_relative_to_the_domain(value: float, domain: float, level: int):
    assert level_of(value, domain) == level


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_ramps_of_cells_are_those_of_the_front_end(theme: str):
    stops = re.search(r"STOPS[^=]*= \{(.*?)\n\};", SEQUENTIAL, re.DOTALL)
    assert stops
    block = re.search(rf"\n  {theme}: \{{(.*?)\n  \}},", stops[1], re.DOTALL)
    assert block
    for name, ramp in STOPS[theme].items():
        found = re.search(rf"{name}: \[(.*?)\n    \],", block[1], re.DOTALL)
        assert found
        assert list(ramp) == [tuple(map(int, rgb)) for rgb in re.findall(r"\[(\d+), (\d+), (\d+)\]", found[1])]
    for ink, name in ((DARK_INK, "DARK_INK"), (LIGHT_INK, "LIGHT_INK")):
        assert f"const {name}: Rgb = [{', '.join(map(str, ink))}];" in SEQUENTIAL
    assert f"export const STEPS = {STEPS};" in SEQUENTIAL


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_of_series_are_those_of_the_style_sheet(theme: str):
    expected = in_css(theme)
    assert list(SERIES[theme]) == [expected[f"series-{n}"] for n in range(len(SERIES[theme]))]
    assert f"export const SERIES = {len(SERIES[theme])};" in (JS / "charts" / "series.ts").read_text("utf-8")
    assert series_color(len(SERIES[theme]) + 1, theme) == SERIES[theme][1]


def test_scales_of_ranks_end_where_the_front_end_ends_them():
    assert "export const WORST_RANK = 10_000;" in (JS / "charts" / "intervals.ts").read_text("utf-8")
    assert (worst_rank(6_144), worst_rank(50_257), worst_rank(1)) == (6_144, 10_000, 2)
