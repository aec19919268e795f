"""Pictures: well-formed whatever the tokens say, each box with its share, nothing over the edge."""

from __future__ import annotations

import itertools
import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from ecco_widgets.errors import InvalidInput
from ecco_widgets.export import TokenShares, to_svg
from ecco_widgets.export.layout import lay_out
from ecco_widgets.export.palettes import colors_of, level_of
from tests.unit.export.rows import ATTACKS, COUNTRIES, shares_of

SVG = "{http://www.w3.org/2000/svg}"


def tokens_in(svg: str) -> dict[int, ET.Element]:
    return {int(g.attrib["data-token"]): g for g in ET.fromstring(svg).iter(f"{SVG}g") if "data-token" in g.attrib}


@pytest.mark.parametrize("detailed", [False, True])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_boxes_carry_the_shares_and_their_colours(detailed: bool, signed: bool, theme: str):
    shares = shares_of(COUNTRIES, signed=signed)
    drawn = tokens_in(to_svg(shares, theme=theme, detailed=detailed))
    assert sorted(drawn) == list(range(len(COUNTRIES)))
    for i, group in drawn.items():
        share = shares.share(i)
        if math.isnan(share):
            assert "data-share" not in group.attrib
            continue
        assert float(group.attrib["data-share"]) == pytest.approx(share, rel=1e-5)
        faces = [rect.attrib["fill"] for rect in group.iter(f"{SVG}rect") if rect.get("class") == "face"]
        assert faces == [colors_of(level_of(share, shares.full), theme)[0]]


@pytest.mark.parametrize("detailed", [False, True])
def test_no_text_breaks_the_document(detailed: bool):
    shares = shares_of([*ATTACKS, " end"], made_by=" ".join(ATTACKS), special=[0], fragments=[(10, 2)])
    svg = to_svg(shares, detailed=detailed)
    svg.encode("utf-8")
    root = ET.fromstring(svg)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        *("svg", "title", "rect", "g", "text", "path", "circle", "defs", "linearGradient", "stop")
    }
    assert not [name for element in root.iter() for name in element.attrib if name.startswith("on")]


def test_the_text_can_be_read_back():
    svg = to_svg(shares_of(["The", " <b>", " &amp;", " end"]))
    texts = ["".join(text.text or "" for text in group.iter(f"{SVG}text")) for group in tokens_in(svg).values()]
    assert texts == ["The", "<b>", "&amp;", "end"]


@pytest.mark.parametrize("width", [240, 333, 720])
@pytest.mark.parametrize("detailed", [False, True])
def test_nothing_sticks_out_and_boxes_do_not_overlap(width: int, detailed: bool):
    texts = [*ATTACKS, *COUNTRIES, " supercalifragilistic" * 4, "\n    ", "x"]
    boxes = lay_out(shares_of(texts), width - 32, detailed=detailed)
    assert {box.token for box in boxes} - {-1} == set(range(len(texts)))
    lines: dict[int, list[tuple[float, float]]] = {}
    for box in boxes:
        assert box.x >= 0
        assert box.x + box.width <= width - 32 + 0.2
        for atom in box.atoms:
            assert atom.x >= 0
            assert atom.x + atom.width <= box.width + 0.2
        lines.setdefault(box.line, []).append((box.x, box.x + box.width))
    for line in lines.values():
        ordered = sorted(line)
        assert all(left[1] <= right[0] + 0.2 for left, right in itertools.pairwise(ordered))


def test_words_stay_whole_and_lines_follow_the_text():
    boxes = lay_out(shares_of(["The", " cabin", "et", "\n", "next", " line"]), 80)
    line = {box.token: box.line for box in boxes}
    assert line == {0: 0, 1: 1, 2: 1, 3: 1, 4: 2, 5: 2}


def test_right_to_left_words_of_several_tokens_read_from_the_right():
    first, second = lay_out(shares_of(["مر", "حبا"]), 400)
    assert second.x < first.x


@pytest.mark.parametrize("detailed", [False, True])
def test_texts_are_pinned_to_their_boxes(detailed: bool):
    root = ET.fromstring(to_svg(shares_of(COUNTRIES), detailed=detailed))
    long = [text for text in root.iter(f"{SVG}text") if len(text.text or "") > 1 and text.get("text-anchor") is None]
    assert all(float(text.attrib["textLength"]) > 0 for text in long)


def test_the_chosen_token_is_outlined_and_later_ones_are_soft():
    shares = shares_of(COUNTRIES, position=7)
    root = ET.fromstring(to_svg(shares))
    outlines = [rect for rect in root.iter(f"{SVG}rect") if rect.get("class") == "chosen"]
    assert len(outlines) == 1
    assert {t.attrib["fill"] for t in tokens_in(to_svg(shares))[11].iter(f"{SVG}text")} == {"#646d77"}


def test_the_legend_names_scale_and_unit():
    texts = "|".join(text.text or "" for text in ET.fromstring(to_svg(shares_of(COUNTRIES))).iter(f"{SVG}text"))
    assert 'share of the attribution of|"3"|0%|' in texts
    assert "scale: this token" in texts
    signed = shares_of(COUNTRIES, signed=True, fixed=True, domain=0.5)
    texts = "|".join(text.text or "" for text in ET.fromstring(to_svg(signed)).iter(f"{SVG}text"))
    assert "against −50%|50% for|scale: all tokens" in texts


@pytest.mark.parametrize(
    "shares",
    [
        TokenShares(["a", " b"], 2),
        TokenShares(["a", " b"], 1, position=1),
        TokenShares(["a"], 1, position=0, values=np.array([np.nan], np.float32)),
        TokenShares(["a", "b"], 1, position=1, values=np.zeros(2, np.float32)),
        TokenShares([], 0),
    ],
)
def test_rows_without_shares_can_be_drawn(shares: TokenShares):
    for detailed in (False, True):
        assert ET.fromstring(to_svg(shares, detailed=detailed)).tag.endswith("svg")


def test_bad_options_are_refused():
    with pytest.raises(InvalidInput, match="theme must be 'light' or 'dark', got 'blue'"):
        to_svg(shares_of(COUNTRIES), theme="blue")
    with pytest.raises(InvalidInput, match=r"width must be 240\.\.4000 pixels, got 9"):
        to_svg(shares_of(COUNTRIES), width=9)
