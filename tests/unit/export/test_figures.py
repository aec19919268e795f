"""Figures of the lens as pictures and previews: every number is there, nothing sticks out, no text breaks out."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from ecco_widgets.errors import InvalidInput
from ecco_widgets.export import (
    Caption,
    Heatmap,
    RankLines,
    TokenTable,
    heatmap_preview,
    nats_scale,
    rank_scale,
    table_preview,
    to_heatmap,
    to_rank_lines,
    to_token_table,
)
from ecco_widgets.export.drawing import fitted
from ecco_widgets.export.glyphs import text_width
from ecco_widgets.export.sequential import cell_colors
from tests.unit.export.rows import ATTACKS

SVG = "{http://www.w3.org/2000/svg}"
WORDS = [" the", " Denmark", "\n", ".", " Czechoslovakia", "  ", ""]


def table_of(k: int, layers: int, words: list[str] = WORDS) -> TokenTable:
    texts = [[words[(i * 3 + j) % len(words)] for j in range(k)] for i in range(layers)]
    probabilities = np.sort(np.random.default_rng(0).dirichlet(np.ones(k), size=layers))[:, ::-1]
    return TokenTable(
        caption=Caption("What each layer would have said", " ".join(words[:2]), "demo"),
        rows=[f"layer {n}" for n in range(layers)],
        texts=texts,
        probabilities=probabilities,
        actual=np.array([[text == words[1] for text in row] for row in texts]),
        series=np.array([[0 if text == words[0] else -1 for text in row] for row in texts]),
        tail=[(10 ** (layers - n), 0.1) for n in range(layers)],
        tail_name=words[1],
    )


def map_of(columns: int, layers: int, words: list[str] = WORDS, **fields: Any) -> Heatmap:
    ranks = np.random.default_rng(0).integers(1, 5_000, (layers, columns))
    return Heatmap(
        caption=Caption("When it decided", " ".join(words[:2]), "demo"),
        rows=[f"layer {n}" for n in range(layers)],
        columns=[words[n % len(words)] for n in range(columns)],
        values=ranks,
        scale=rank_scale(ranks, 8_192),
        **fields,
    )


def lines_of(tokens: int, layers: int, words: list[str] = WORDS) -> RankLines:
    ranks = np.random.default_rng(0).integers(1, 20_000, (layers, tokens))
    names = [words[n % len(words)] for n in range(tokens)]
    return RankLines(
        Caption("Which it preferred", words[0]), [f"layer {n}" for n in range(layers)], names, ranks, 10_000
    )


def every_picture(words: list[str], theme: str, width: float) -> list[str]:
    size = {"theme": theme, "width": width}
    return [
        to_token_table(table_of(4, 3, words), **size),
        to_token_table(table_of(len(words), 1, words), **size),
        to_token_table(table_of(50, 2, words), **size),
        to_heatmap(map_of(3, 6, words, chosen=1, notes=words[:3]), **size),
        to_heatmap(map_of(2, 6, words, series=[0, 1]), **size),
        to_heatmap(map_of(60, 13, words, chosen=59), **size),
        to_heatmap(map_of(300, 24, words), **size),
        to_rank_lines(lines_of(len(words), 6, words), **size),
        to_rank_lines(lines_of(1, 1, words), **size),
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [240, 720])
@pytest.mark.parametrize("words", [WORDS, ATTACKS], ids=["words", "attacks"])
def test_pictures_are_well_formed_and_nothing_sticks_out(words: list[str], theme: str, width: int):
    for svg in every_picture(words, theme, width):
        svg.encode("utf-8")
        root = ET.fromstring(svg)
        assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
            *("svg", "title", "rect", "g", "text", "path", "circle", "defs", "linearGradient", "stop")
        }
        assert not [name for element in root.iter() for name in element.attrib if name.startswith("on")]
        height = float(root.attrib["height"])
        for element in root.iter(f"{SVG}rect"):
            if element.attrib["width"] != "100%":
                assert float(element.attrib["x"]) >= -0.1
                assert float(element.attrib["x"]) + float(element.attrib["width"]) <= width + 1.1
                assert float(element.attrib["y"]) + float(element.attrib["height"]) <= height
        for element in root.iter(f"{SVG}text"):
            start = float(element.attrib.get("x", 0))
            if "textLength" in element.attrib:
                assert start + float(element.attrib["textLength"]) <= width + 0.1
            assert float(element.attrib.get("y", 0)) <= height


def test_a_table_has_a_cell_for_each_token_with_its_probability():
    table = table_of(4, 3)
    root = ET.fromstring(to_token_table(table))
    cells = {(g.attrib["data-layer"], int(g.attrib["data-place"])): g for g in root.iter(f"{SVG}g")}
    assert set(cells) == {(name, place) for name in table.rows for place in range(4)}
    for row, name in enumerate(table.rows):
        for place in range(4):
            cell = cells[name, place]
            face, bar = (next(cell.iterfind(f"{SVG}rect[@class='{kind}']")) for kind in ("cell", "bar"))
            share = float(bar.attrib["width"]) / float(face.attrib["width"])
            assert share == pytest.approx(table.probabilities[row, place], abs=0.01)
            assert (cell.find(f"{SVG}rect[@class='watched']") is not None) == (table.series[row, place] >= 0)
            assert f"rank {place + 1}" in (cell.findtext(f"{SVG}title") or "")


def test_a_table_without_room_for_all_tokens_draws_the_best_and_says_so():
    svg = to_token_table(table_of(50, 2), width=480)
    drawn = {int(place) for place in re.findall(r'data-place="(\d+)"', svg)}
    assert drawn == set(range(len(drawn)))
    assert f"the best {len(drawn)} of 50 are drawn" in svg


def test_a_single_layer_is_drawn_as_a_list():
    root = ET.fromstring(to_token_table(table_of(7, 1)))
    tops = [float(rect.attrib["y"]) for rect in root.iter(f"{SVG}rect") if rect.get("class") == "cell"]
    assert len(set(tops)) == 7


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("columns", [3, 14, 60])
def test_a_heat_map_has_each_number_on_its_colour(columns: int, theme: str):
    heatmap = map_of(columns, 6)
    root = ET.fromstring(to_heatmap(heatmap, theme=theme))
    cells = {
        (int(c.attrib["data-row"]), int(c.attrib["data-column"])): c
        for c in root.iter(f"{SVG}rect")
        if "data-row" in c.attrib
    }
    assert set(cells) == {(row, column) for row in range(6) for column in range(columns)}
    texts = [text.text for text in root.iter(f"{SVG}text")]
    for (row, column), cell in cells.items():
        strength = float(heatmap.scale.strengths[row, column])
        assert cell.attrib["fill"] == cell_colors("violet", strength, theme)[0]
        assert heatmap.scale.texts[row][column] in texts


def test_the_token_that_a_layer_prefers_is_bold():
    ranks = np.array([[19, 121], [12, 1]])
    heatmap = Heatmap(
        Caption("T", "n"), ["layer 0", "layer 1"], [" is", " are"], ranks, rank_scale(ranks, 99), series=[0, 1]
    )
    texts = ET.fromstring(to_heatmap(heatmap)).iter(f"{SVG}text")
    bold = {text.text for text in texts if text.get("font-weight") == "bold"}
    assert {"19", "1"} <= bold
    assert not {"121", "12"} & bold


def test_layer_zero_is_at_the_top_as_the_rows_say():
    root = ET.fromstring(to_heatmap(map_of(3, 6)))
    tops = {int(c.attrib["data-row"]): float(c.attrib["y"]) for c in root.iter(f"{SVG}rect") if "data-row" in c.attrib}
    assert sorted(tops, key=tops.__getitem__) == list(range(6))


def test_the_chosen_column_is_outlined_in_its_band():
    root = ET.fromstring(to_heatmap(map_of(60, 6, chosen=58)))
    outline = next(rect for rect in root.iter(f"{SVG}rect") if rect.get("class") == "chosen")
    cell = next(
        rect for rect in root.iter(f"{SVG}rect") if rect.get("data-column") == "58" and rect.get("data-row") == "0"
    )
    assert float(outline.attrib["x"]) == pytest.approx(float(cell.attrib["x"]) - 1)
    assert float(outline.attrib["y"]) == pytest.approx(float(cell.attrib["y"]) - 1)


def test_a_line_goes_through_its_ranks_best_on_top():
    lines = RankLines(
        Caption("t", "n"),
        ["layer 0", "layer 1", "layer 2"],
        [" a", " b"],
        np.array([[100, 1], [10, 1], [1, 99_999]]),
        10_000,
    )
    root = ET.fromstring(to_rank_lines(lines))
    groups = {int(g.attrib["data-series"]): g for g in root.iter(f"{SVG}g")}
    rising = [float(circle.attrib["cy"]) for circle in groups[0].iter(f"{SVG}circle")]
    assert rising[0] - rising[1] == pytest.approx(rising[1] - rising[2], abs=0.02)  # equal ratios are equal steps
    falling = [float(circle.attrib["cy"]) for circle in groups[1].iter(f"{SVG}circle")]
    assert falling[0] == rising[2]
    assert falling[2] > rising[0]
    assert "100, 10, 1" in (groups[0].findtext(f"{SVG}title") or "")


@pytest.mark.parametrize("measure", ["log_probability", "entropy", "kl"])
def test_scales_of_nats_span_from_nothing_to_a_guess(measure: str):
    sign = -1 if measure == "log_probability" else 1
    values = sign * np.array([[0.0, 2.5, 9.0], [np.nan, np.inf, 100.0]])
    scale = nats_scale(measure, values, 8_192)
    assert scale.strengths[0, 0] == (1 if measure == "log_probability" else 0)
    assert np.isnan(scale.strengths[1, 0])
    assert scale.texts[1][0] == "–"
    assert all(-1e-9 <= strength <= 1 + 1e-9 for strength, _ in scale.ticks)


def test_summaries_say_what_the_picture_says():
    assert table_of(2, 2).summary().startswith('What each layer would have said ( the  Denmark). layer 0: " the" ')
    ranks = np.array([[3, 1_200]])
    heatmap = Heatmap(Caption("When", "here"), ["layer 0"], [" a", "\n"], ranks, rank_scale(ranks, 8_192))
    assert heatmap.summary() == 'When (here). layer 0: " a" 3, "↵" 1.2k.'


class _Strict(HTMLParser):
    """Tags and attributes of a preview."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.cells = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.cells += tag == "td"
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize("words", [WORDS, ATTACKS], ids=["words", "attacks"])
def test_previews_are_tables_without_anything_that_acts(words: list[str]):
    for preview in (
        table_preview(table_of(10, 6, words), note="note"),
        heatmap_preview(map_of(5, 6, words, chosen=2), note="note"),
        heatmap_preview(map_of(2, 6, words, series=[0, 1])),
    ):
        parser = _Strict()
        parser.feed(preview)
        assert parser.tags <= {"div", "b", "span", "table", "tr", "th", "td", "small"}
        assert parser.attributes <= {"style", "title"}


def test_previews_of_large_figures_stay_small_and_say_so():
    wide = heatmap_preview(map_of(200, 24, chosen=150))
    parser = _Strict()
    parser.feed(wide)
    assert parser.cells <= 480
    assert "20 of 200 tokens." in wide
    deep = table_preview(table_of(50, 48))
    assert "The best 10 of 50 tokens." in deep


def test_figures_without_numbers_say_so():
    nothing = np.zeros((0, 0))
    empty = TokenTable(Caption("T", "n"), [], [], nothing, nothing.astype(bool), nothing.astype(int))
    assert empty.summary() == "T: not computed yet."
    assert "Not computed yet." in table_preview(empty)
    ET.fromstring(to_token_table(empty))
    ranks = np.zeros((0, 0), int)
    none = Heatmap(Caption("T", "n"), [], [], ranks, rank_scale(ranks, 100))
    ET.fromstring(to_heatmap(none))
    assert "Not computed yet." in heatmap_preview(none)


@pytest.mark.parametrize(
    "draw",
    [
        lambda **k: to_token_table(table_of(2, 2), **k),
        lambda **k: to_heatmap(map_of(2, 2), **k),
        lambda **k: to_rank_lines(lines_of(2, 2), **k),
    ],
)
def test_unknown_themes_and_widths_are_refused(draw: Any):
    with pytest.raises(InvalidInput, match="theme must be 'light' or 'dark', got 'blue'"):
        draw(theme="blue")
    with pytest.raises(InvalidInput, match=r"width must be 240\.\.4000 pixels, got 10"):
        draw(width=10)


@pytest.mark.parametrize("text", [*WORDS, *ATTACKS])
def test_tokens_are_fitted_into_their_place(text: str):
    content, width = fitted(text, 50, 12)
    assert width <= 50
    assert content
    assert text_width(content, 12) <= 50 * 1.2 + 0.1
