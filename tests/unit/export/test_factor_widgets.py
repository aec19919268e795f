"""What the widgets of factors and neurons save is what they show."""

from __future__ import annotations

import csv
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecco_widgets.errors import InvalidInput
from ecco_widgets.export import Caption, FactorsFigure, factors_preview, to_factors
from ecco_widgets.export.categorical import HUES, N_HUES, STEPS, hue_color, tinted
from ecco_widgets.export.palettes import contrast
from ecco_widgets.models import Trace
from ecco_widgets.widgets import FactorsWidget, NeuronsWidget, _states_widget
from ecco_widgets.widgets._factors_saving import layers_text
from tests.support.tiny_models import tiny_lm
from tests.unit.export.test_lens_widgets import saved

SVG = "{http://www.w3.org/2000/svg}"
TEXT = 'The </script> keys,\n"to" the cabinet'

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def trace() -> Trace:
    return tiny_lm("gpt2").generate(TEXT, generate=6, min_new_tokens=6)


@pytest.fixture
def open_widget(trace: Trace) -> Iterator[Open]:
    made: list[Any] = []

    def open_one(kind: type, shown: Any = None, **traits: Any) -> Any:
        widget = kind(shown or trace, **traits)
        made.append(widget)
        assert widget._first.wait(60)  # on a busy machine it takes longer than a cell's output waits for it
        return widget

    yield open_one
    for widget in made:
        widget.close()


def test_factors_as_json_csv_and_frame(open_widget: Open, trace: Trace, tmp_path: Path) -> None:
    widget = open_widget(FactorsWidget, n_components=3)
    shown = widget._shown.shown(widget.factors.token_loadings)
    document = json.loads(widget.to_json())
    assert document["format"] == "ecco_widgets.factors"
    assert (document["n_components"], document["method"], document["shifted"]) == (3, "nmf", True)
    assert document["tokens"] == trace.tokens
    np.testing.assert_allclose(document["loadings"], shown, rtol=1e-6)
    assert document["n_neurons"] == (widget.factors.neuron_loadings != 0).sum(axis=1).tolist()
    rows = list(csv.DictReader(widget.save(tmp_path / "factors.csv").open(encoding="utf-8", newline="")))
    assert len(rows) == 3 * trace.n_tokens
    for row, (k, p) in zip(rows, np.ndindex(3, trace.n_tokens), strict=True):
        assert (int(row["factor"]), int(row["position"]), row["token"]) == (widget.ids[k], p, trace.tokens[p])
        assert float(row["loading"]) == pytest.approx(float(shown[k, p]), rel=1e-6)
    frame = widget.to_frame()
    assert list(frame.columns) == ["factor", "position", "token", "loading"]
    np.testing.assert_allclose(frame["loading"].to_numpy().reshape(3, -1), shown, rtol=1e-6)


def test_a_page_of_factors_holds_the_picture_and_the_open_card(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(FactorsWidget, n_components=4, pinned=[2])
    widget.card = 1
    state = saved(widget.to_html())
    np.testing.assert_array_equal(state["_factors"]["loadings"], widget._shown.shown(widget.factors.token_loadings))
    assert state["_factors"]["done"] is True
    assert (state["_card"]["id"], state["card"], state["pinned"], state["marked"]) == (1, 1, [2], None)
    assert state["_tokens"]["texts"] == list(trace.pieces.texts)
    assert state["_bounds"]["most"] == min(50, trace.n_tokens)


def elements(svg: str, name: str) -> list[ET.Element]:
    return [element for element in ET.fromstring(svg).iter(f"{SVG}g") if f"data-{name}" in element.attrib]


@pytest.mark.parametrize("width", [320, 720, 1600])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_picture_of_factors_has_a_line_for_each_and_all_tokens(
    open_widget: Open, trace: Trace, width: int, theme: str
) -> None:
    widget = open_widget(FactorsWidget, n_components=5)
    svg = widget.to_svg(theme=theme, width=width)
    lines = elements(svg, "factor")
    assert [line.attrib["data-factor"] for line in lines] == list("01234")
    tokens = elements(svg, "token")
    assert {int(token.attrib["data-token"]) for token in tokens} == set(range(trace.n_tokens))
    titles = [line.find(f"{SVG}title").text for line in lines]
    assert all(f"factor {k}" in title for k, title in enumerate(titles))


def test_each_token_has_the_colour_of_its_strongest_factor() -> None:
    loadings = np.array([[2.0, 0.0, 1.0, np.nan], [0.0, 0.0, 3.0, np.nan]])
    figure = FactorsFigure(
        Caption("t", "n"), ["a", " b", " c", " d"], loadings, hues=[4, 1], names=["x", "y"], facts=["", ""]
    )
    assert figure.strongest() == [(0, 1.0), (-1, 0.0), (1, 1.0), (-1, 0.0)]
    faces = [
        [rect.attrib["fill"] for rect in token.iter(f"{SVG}rect") if rect.attrib.get("class") == "face"]
        for token in elements(to_factors(figure), "token")
    ]
    assert faces == [[tinted(4, 1.0, "light")[0]], [], [tinted(1, 1.0, "light")[0]], []]
    alone = FactorsFigure(
        Caption("t", "n"), ["a", " b", " c", " d"], loadings, hues=[4, 1], names=["x", "y"], facts=["", ""], shown=[0]
    )
    assert alone.strongest() == [(0, 1.0), (-1, 0.0), (0, 0.5), (-1, 0.0)]
    assert 'x, : "a", " c"' in alone.summary() or '"a", " c"' in alone.summary()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_are_those_of_the_front_end(theme: str) -> None:
    source = (Path(__file__).parents[3] / "js" / "src" / "charts" / "categorical.ts").read_text("utf-8")
    block = source.split(f"\n  {theme}: {{")[1].split("\n  },")[0]

    def colors(name: str) -> list[tuple[int, ...]]:
        found = re.search(rf"\n    {name}: (\[.*?\]),\n(?=    \w|$)", block + "\n", re.DOTALL)
        assert found, name
        return [tuple(map(int, rgb)) for rgb in re.findall(r"\[(\d+), (\d+), (\d+)\]", found[1])]

    mine = HUES[theme]
    assert (colors("page"), colors("ink"), colors("otherInk")) == ([mine.page], [mine.ink], [mine.other_ink])
    assert colors("hues") == list(mine.hues)
    assert f"reach: {mine.reach}," in block
    assert f"HUES = {N_HUES};" in source
    assert f"HUE_STEPS = {STEPS};" in source
    assert hue_color(3, theme) == hue_color(13, theme)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_on_every_colour_can_be_read(theme: str) -> None:
    def rgb(color: str) -> tuple[int, int, int]:
        return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)

    for series in range(N_HUES):
        for strength in np.linspace(0.03, 1, 25):
            background, ink = tinted(series, float(strength), theme)
            assert contrast(rgb(background), rgb(ink)) >= 3.9  # as in the front end: whichever ink is better


def test_figures_without_anything_are_drawn_too() -> None:
    nothing = FactorsFigure(Caption("t", ""), [], np.zeros((0, 0)), [], [], [])
    assert "not computed yet" in nothing.summary()
    ET.fromstring(to_factors(nothing))
    assert "Not computed yet" in factors_preview(nothing)
    zeros = FactorsFigure(Caption("t", ""), ["a"], np.zeros((1, 1)), [0], ["x"], [""])
    assert ": nothing" in zeros.summary()
    ET.fromstring(to_factors(zeros))


def test_each_text_of_a_batch_stands_by_itself(open_widget: Open) -> None:
    batch = tiny_lm("gpt2")(["one two three", "four five"])
    widget = open_widget(FactorsWidget, batch, n_components=2)
    svg = widget.to_svg()
    tokens = elements(svg, "token")
    assert len(tokens) == sum(trace.n_tokens for trace in batch)
    frame = widget.to_frame()
    assert frame["token"].tolist()[: len(tokens)] == [text for trace in batch for text in trace.tokens]
    assert "<br>" in widget._saved().preview("")


def test_pca_hangs_negative_loadings_from_the_line() -> None:
    figure = FactorsFigure(Caption("t", "n"), ["a", " b"], np.array([[1.0, -1.0]]), hues=[0], names=["x"], facts=[""])
    path = elements(to_factors(figure), "factor")[0].find(f"{SVG}path")
    assert "v-12h" in path.attrib["d"]
    assert "v12h" in path.attrib["d"]
    assert figure.strongest() == [(0, 1.0), (0, 1.0)]


def test_layers_are_written_as_ranges() -> None:
    assert layers_text([0, 1, 3, 5, 6, 7]) == "layers 0–1, 3, 5–7"


def test_neurons_as_json_csv_and_frame(open_widget: Open, trace: Trace, tmp_path: Path) -> None:
    widget = open_widget(NeuronsWidget, layer=1, n_shown=12)
    document = json.loads(widget.to_json())
    assert (document["format"], document["layer"], document["neurons"]) == (
        "ecco_widgets.neurons", 1, widget.neurons.tolist(),
    )  # fmt: skip
    np.testing.assert_allclose(document["values"], widget.values, rtol=1e-6)
    rows = list(csv.DictReader(widget.save(tmp_path / "neurons.csv").open(encoding="utf-8", newline="")))
    for row, (m, p) in zip(rows, np.ndindex(12, trace.n_tokens), strict=True):
        assert (int(row["layer"]), int(row["neuron"]), int(row["position"])) == (1, widget.neurons[m], p)
        assert (int(row["cluster"]), row["token"]) == (widget.clusters[m], trace.tokens[p])
        assert float(row["value"]) == pytest.approx(float(widget.values[m, p]), rel=1e-6)
    assert list(widget.to_frame().columns) == ["layer", "neuron", "cluster", "position", "token", "value"]


def test_a_page_of_neurons_holds_map_and_open_neuron(open_widget: Open) -> None:
    widget = open_widget(NeuronsWidget, n_shown=12, selected=5)
    state = saved_deep(widget.to_html())
    np.testing.assert_array_equal(state["_map"]["values"], widget.values)
    assert state["_map"]["histogram"]["counts"].sum() == widget.trace.lm.neurons.widths[widget.layer] * len(
        widget.trace.tokens
    )
    assert (state["_neuron"]["index"], state["selected"]) == (5, 5)


def saved_deep(page: str) -> dict[str, Any]:
    return saved(page)


def test_the_heat_map_of_neurons_has_a_cell_for_each_and_keeps_its_size(
    open_widget: Open, trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    widget = open_widget(NeuronsWidget, n_shown=15)
    cells = [r for r in ET.fromstring(widget.to_svg()).iter(f"{SVG}rect") if r.attrib.get("class") == "cell"]
    assert len(cells) == 15 * trace.n_tokens
    monkeypatch.setattr("ecco_widgets.widgets._neurons_saving._MOST_CELLS", 11 * trace.n_tokens)
    svg = widget.to_svg()
    cells = [r for r in ET.fromstring(svg).iter(f"{SVG}rect") if r.attrib.get("class") == "cell"]
    assert len(cells) == 11 * trace.n_tokens
    assert "11 of the 15 most active" in svg


@pytest.mark.parametrize("kind", [FactorsWidget, NeuronsWidget])
def test_what_can_not_be_chosen_is_refused(open_widget: Open, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    widget = open_widget(kind)
    for save in (widget.to_json, widget.to_csv, widget.to_html):
        with pytest.raises(InvalidInput, match="positions can't be chosen"):
            save(positions=[1])
    monkeypatch.setattr(_states_widget, "_MOST_NUMBERS", 3)
    with pytest.raises(InvalidInput, match="at most 3 fit"):
        widget.to_html()


@pytest.mark.parametrize("kind", [FactorsWidget, NeuronsWidget])
def test_a_cells_output_has_a_preview_that_reads_without_widgets(open_widget: Open, kind: type) -> None:
    widget = open_widget(kind)
    data, _ = widget._repr_mimebundle_()
    assert "static preview" in data["text/html"]
    assert "<script" not in data["text/html"].lower()
    assert "cabinet" in data["text/html"] or "most active" in data["text/html"]
    assert data["text/plain"].startswith(f"{kind.__name__}: ")
    assert "not computed" not in data["text/plain"]


@pytest.mark.parametrize("kind", [FactorsWidget, NeuronsWidget])
@pytest.mark.parametrize("suffix", [".svg", ".json", ".csv", ".html"])
def test_each_kind_of_file_is_written(open_widget: Open, tmp_path: Path, kind: type, suffix: str) -> None:
    path = open_widget(kind).save(tmp_path / f"figure{suffix}")
    assert path.stat().st_size > 500


@pytest.mark.parametrize("family", ["t5", "bert", "bert_classifier"])
def test_other_kinds_of_models_are_saved_too(open_widget: Open, family: str) -> None:
    lm = tiny_lm(family)
    trace = lm.generate("one two", generate=3) if family == "t5" else lm("one two three")
    for kind in (FactorsWidget, NeuronsWidget):
        widget = open_widget(kind, trace)
        ET.fromstring(widget.to_svg())
        loadings = json.loads(widget.to_json()).get("loadings") or json.loads(widget.to_json())["values"]
        # Tokens without a state have nothing, not zero.
        assert (None in loadings[0]) is (family != "bert")
