"""What the widgets of the lens save is what ``analysis`` computes."""

from __future__ import annotations

import base64
import csv
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from nbconvert import HTMLExporter

from ecco_widgets.analysis import lens_statistics, top_tokens, watched
from ecco_widgets.errors import InvalidInput
from ecco_widgets.live.codec import decode_array
from ecco_widgets.models import Trace
from ecco_widgets.widgets import LayerPredictionsWidget, RankingsWatchWidget, RankingsWidget, _lens_saving
from tests.support.tiny_models import tiny_lm
from tests.unit.export.test_html import Elements

TEXT = 'The </script> keys,\n"to" the cabinet'
SVG = "{http://www.w3.org/2000/svg}"
MEASURES = ("rank", "log_probability", "entropy", "kl")

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def trace() -> Trace:
    return tiny_lm("gpt2").generate(TEXT, generate=6, min_new_tokens=6)


@pytest.fixture
def open_widget(trace: Trace) -> Iterator[Open]:
    made: list[Any] = []

    def open_one(kind: type, **traits: Any) -> Any:
        widget = kind(trace, **traits)
        made.append(widget)
        if widget._first is not None:
            assert widget._first.wait(60)  # on a busy machine it takes longer than a cell's output waits for it
        return widget

    yield open_one
    for widget in made:
        widget.close()


def predictions(open_widget: Open, **traits: Any) -> LayerPredictionsWidget:
    widget: LayerPredictionsWidget = open_widget(LayerPredictionsWidget, topk=4, **traits)
    return widget


def saved(page: str) -> dict[str, Any]:
    """The state in a page, arrays decoded."""
    content = json.loads(Elements(page).texts["script"][0])
    for buffer in content["buffers"]:
        *path, last, data = buffer["path"]
        assert data == "data"
        target = content["state"]
        for key in path:
            target = target[key]
        target[last] = decode_array(target[last], base64.b64decode(buffer["data"]))
    state: dict[str, Any] = content["state"]
    return state


# -------------------------------------------------------------------------------------------------- layer predictions


def test_predictions_as_json(open_widget: Open, trace: Trace):
    document = json.loads(predictions(open_widget, position=4).to_json(positions=[4, trace.n_tokens]))
    assert document["format"] == "ecco_widgets.layer_predictions"
    assert [row["position"] for row in document["predictions"]] == [4, trace.n_tokens]
    for row in document["predictions"]:
        expected = top_tokens(trace, row["position"], 4)
        for layer, values in enumerate(row["layers"]):
            assert (values["ids"], values["texts"]) == (expected.ids[layer].tolist(), expected.texts[layer])
            np.testing.assert_allclose(values["probabilities"], expected.probabilities[layer], rtol=1e-5)
    own = lens_statistics(trace, [4])
    assert [values["actual_rank"] for values in document["predictions"][0]["layers"]] == own.rank[:, 0].tolist()
    assert document["predictions"][1]["actual"] is None


def test_predictions_as_csv_and_frame(open_widget: Open, trace: Trace, tmp_path: Path):
    widget = predictions(open_widget, position=4, layers=[0, -1])
    frame, expected = widget.to_frame(), top_tokens(trace, 4, 4)
    assert list(frame.columns) == ["position", "layer", "place", "token", "id", "probability"]
    assert frame["layer"].tolist() == [0] * 4 + [2] * 4
    assert frame["id"].tolist() == expected.ids[[0, 2]].ravel().tolist()
    with widget.save(tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        assert [row["token"] for row in csv.DictReader(file)] == frame["token"].tolist()


def test_a_page_of_predictions_holds_those_of_the_outputs(open_widget: Open, trace: Trace):
    state = saved(predictions(open_widget).to_html())
    tops = [state["_top"], *state["_kept"]]
    assert sorted(top["position"] for top in tops) == [*trace.output_positions, trace.next_position]
    assert state["_top"]["position"] == state["position"] == trace.n_prompt
    for top in tops:
        expected = top_tokens(trace, top["position"], 4)
        np.testing.assert_array_equal(top["ids"], expected.ids)
        np.testing.assert_allclose(top["probabilities"], expected.probabilities, rtol=1e-5)
        assert top["spec"] == f"{trace.id}|{top['position']}|4|1|block"
        if top["position"] < trace.n_tokens:
            assert top["actual"]["text"] == trace.tokens[top["position"]]


def test_a_page_of_chosen_positions_begins_with_one_of_them(open_widget: Open, tmp_path: Path):
    path = predictions(open_widget).to_html(tmp_path / "a.html", positions=[4, 2])
    state = saved(path.read_text("utf-8"))
    assert (state["position"], state["_top"]["position"]) == (2, 2)
    assert [top["position"] for top in state["_kept"]] == [4]


def test_a_page_that_no_browser_would_open_is_refused(open_widget: Open, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_lens_saving, "_MOST_CELLS", 10)
    with pytest.raises(InvalidInput, match=r"the page would hold 7 positions of 3 layers, 168 numbers; at most 10 fit"):
        predictions(open_widget).to_html()


@pytest.mark.parametrize("order", ["top", "bottom"])
def test_the_picture_of_predictions_shows_each_layer_in_order(open_widget: Open, trace: Trace, order: str):
    widget = predictions(open_widget, layer_order=order, watch=[int(top_tokens(trace, trace.n_prompt, 4).ids[0, 0])])
    root = ET.fromstring(widget.to_svg(theme="dark"))
    cells = {(g.attrib["data-layer"], int(g.attrib["data-place"])): g for g in root.iter(f"{SVG}g")}
    heights = {name: float(cells[name, 0].find(f"{SVG}rect").attrib["y"]) for name, _ in cells}  # type: ignore[union-attr]
    names = [f"layer {n}" for n in range(3)]
    assert sorted(heights, key=heights.__getitem__) == (names if order == "top" else names[::-1])
    assert cells["layer 0", 0].find(f"{SVG}rect[@class='watched']") is not None


def test_titles_say_which_layers_are_shown(open_widget: Open):
    widget = predictions(open_widget)
    for layers, title in (
        (None, "What each layer would have said"),
        ([1], "What layer 1 would have said"),
        ([2], "What the model expects"),
    ):
        widget.layers = layers
        assert f">{title}</text>" in widget.to_svg()


# ----------------------------------------------------------------------------------------------------------- rankings


def test_rankings_as_json_csv_and_frame(open_widget: Open, trace: Trace, tmp_path: Path):
    widget, expected = open_widget(RankingsWidget), lens_statistics(trace)
    document = json.loads(widget.to_json())
    assert document["positions"] == list(trace.output_positions)
    frame = widget.to_frame()
    assert list(frame.columns) == ["position", "token", "layer", *MEASURES]
    for name in MEASURES:
        np.testing.assert_allclose(document[name], getattr(expected, name), rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(
            frame[name].to_numpy().reshape(-1, 3).T, getattr(expected, name), rtol=1e-5, atol=1e-7
        )
    with widget.save(tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        assert [int(row["rank"]) for row in csv.DictReader(file)] == frame["rank"].tolist()
    some = json.loads(widget.to_json(positions=[3]))
    np.testing.assert_array_equal(some["rank"], lens_statistics(trace, [3]).rank)


def test_a_page_of_rankings_holds_grid_and_panels(open_widget: Open, trace: Trace):
    widget = open_widget(RankingsWidget, position=trace.n_prompt + 1, topk=3)
    state, expected = saved(widget.to_html()), lens_statistics(trace, top=5)
    assert state["_grid"]["positions"] == list(trace.output_positions)
    for name in MEASURES:
        np.testing.assert_allclose(state["_grid"][name], getattr(expected, name), rtol=1e-5, atol=1e-7)
    assert state["_top"]["position"] == trace.n_prompt + 1
    assert {top["position"] for top in state["_kept"]} == set(trace.output_positions) - {trace.n_prompt + 1}
    assert state["_kept"][0]["ids"].shape == (3, 3)


@pytest.mark.parametrize("measure", MEASURES)
def test_the_heat_map_shows_the_measure(open_widget: Open, trace: Trace, measure: str):
    widget = open_widget(RankingsWidget, measure=measure, position=trace.n_prompt)
    root = ET.fromstring(widget.to_svg())
    cells = [rect for rect in root.iter(f"{SVG}rect") if "data-row" in rect.attrib]
    assert len(cells) == 3 * len(trace.output_positions)
    assert [rect for rect in root.iter(f"{SVG}rect") if rect.get("class") == "chosen"]
    if measure == "rank":
        titles = [cell.findtext(f"{SVG}title") or "" for cell in cells]
        assert [title.rsplit(": ", 1)[1] for title in titles] == [str(rank) for rank in widget.ranks.ravel()]


# ------------------------------------------------------------------------------------------------------ watched tokens


def test_watched_ranks_as_json_csv_and_frame(open_widget: Open, trace: Trace, tmp_path: Path):
    widget, expected = open_widget(RankingsWatchWidget, watch=[5, 6]), watched(trace, [5, 6])
    document = json.loads(widget.to_json())
    assert [token["id"] for token in document["watch"]] == [5, 6]
    assert document["ranks"][0]["position"] == trace.n_tokens - 1
    np.testing.assert_array_equal(document["ranks"][0]["ranks"], expected.ranks)
    frame = widget.to_frame()
    assert list(frame.columns) == ["position", "layer", "token", "id", "rank", "probability"]
    np.testing.assert_array_equal(frame["rank"].to_numpy().reshape(2, 3).T, expected.ranks)
    with widget.save(tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        assert [int(row["rank"]) for row in csv.DictReader(file)] == frame["rank"].tolist()


def test_a_page_of_watched_ranks_holds_those_of_the_outputs(open_widget: Open, trace: Trace):
    state = saved(open_widget(RankingsWatchWidget, watch=[5, 6]).to_html())
    found = {ranks["position"]: ranks for ranks in [state["_ranks"], *state["_kept"]]}
    assert sorted(found) == [*trace.output_positions, trace.next_position]
    assert state["_ranks"]["position"] == trace.n_tokens - 1
    for position, ranks in found.items():
        np.testing.assert_array_equal(ranks["ranks"], watched(trace, [5, 6], position).ranks)
        assert ranks["spec"] == f"{trace.id}|{position}|1|block|5,6"


@pytest.mark.parametrize("style", ["columns", "lines"])
def test_watched_ranks_are_drawn_in_their_style(open_widget: Open, style: str):
    widget = open_widget(RankingsWatchWidget, watch=[5, 6, 7], view_style=style)
    root = ET.fromstring(widget.to_svg())
    lines = [group for group in root.iter(f"{SVG}g") if "data-series" in group.attrib]
    cells = [rect for rect in root.iter(f"{SVG}rect") if "data-row" in rect.attrib]
    assert (len(lines), len(cells)) == ((3, 0) if style == "lines" else (0, 9))


def test_nothing_watched_is_saved_as_nothing(open_widget: Open):
    widget = open_widget(RankingsWatchWidget, watch=[])
    assert json.loads(widget.to_json())["ranks"] == []
    assert widget.to_frame().empty
    assert saved(widget.to_html())["_ranks"] == {}
    ET.fromstring(widget.to_svg())


# ----------------------------------------------------------------------------------------------------------------- all


@pytest.mark.parametrize(
    ("kind", "traits"), [(LayerPredictionsWidget, {}), (RankingsWidget, {}), (RankingsWatchWidget, {"watch": [5, 6]})]
)
def test_a_cells_output_has_a_preview_that_reads_without_widgets(open_widget: Open, kind: type, traits: dict[str, Any]):
    widget = open_widget(kind, **traits)
    data, _ = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"].startswith(f"{kind.__name__}: ")
    assert "not computed yet" not in data["text/plain"]
    assert "run the notebook for the live view" in data["text/html"]
    cell = nbformat.v4.new_code_cell("widget")
    cell.outputs = [nbformat.v4.new_output("display_data", {"text/html": data["text/html"]})]
    page, _ = HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    assert "layer 0" in page


@pytest.mark.parametrize("suffix", [".svg", ".png", ".json", ".csv", ".html"])
def test_each_kind_of_file_is_written(open_widget: Open, tmp_path: Path, suffix: str):
    for kind, traits in ((LayerPredictionsWidget, {}), (RankingsWidget, {}), (RankingsWatchWidget, {"watch": [5]})):
        path = open_widget(kind, **traits).save(tmp_path / f"{kind.__name__}{suffix}")
        assert path.stat().st_size > 100


@pytest.mark.parametrize("family", ["t5", "bert", "bert_classifier"])
def test_other_kinds_of_models_are_saved_too(family: str):
    lm = tiny_lm(family)
    trace = lm.generate("one two", generate=3) if family == "t5" else lm("one two three")
    for kind, traits in (
        (LayerPredictionsWidget, {"topk": 3}),
        (RankingsWidget, {"topk": 2, "scope": "all"}),
        (RankingsWatchWidget, {"watch": [0, 2]}),
    ):
        widget = kind(trace, **traits)
        ET.fromstring(widget.to_svg())
        assert not widget.to_frame().empty
        assert saved(widget.to_html())["_tokens"]["kind"] == trace.kind
        widget.close()
