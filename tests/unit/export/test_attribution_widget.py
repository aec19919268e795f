"""What the attribution widget saves is what ``analysis.attribute`` computes."""

from __future__ import annotations

import base64
import csv
import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbconvert import HTMLExporter

from ecco_widgets.analysis import attribute
from ecco_widgets.errors import InvalidInput
from ecco_widgets.export import CannotSave
from ecco_widgets.live.codec import decode_array
from ecco_widgets.models import Trace
from ecco_widgets.widgets import AttributionWidget, _attribution_saving
from tests.support.tiny_models import tiny_lm
from tests.unit.export.test_html import Elements

TEXT = 'The </script> keys,\n"to" the cabinet'
VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def trace() -> Trace:
    return tiny_lm("gpt2").generate(TEXT, generate=6, min_new_tokens=6)


@pytest.fixture
def widget(trace: Trace) -> Iterator[AttributionWidget]:
    widget = AttributionWidget(trace)
    assert widget._first_row.wait(60)  # on a busy machine it takes longer than a cell's output waits for it
    yield widget
    widget.close()


def saved_rows(page: str) -> tuple[dict, np.ndarray]:
    saved = json.loads(Elements(page).texts["script"][0])
    rows = saved["state"]["_rows"]
    data = next(b["data"] for b in saved["buffers"] if b["path"] == ["_rows", "values", "data"])
    return saved["state"], decode_array(rows["values"], base64.b64decode(data))


def test_json_comes_back_as_attribute_computes(widget: AttributionWidget, trace: Trace):
    expected = attribute(trace)
    saved = json.loads(widget.to_json())
    assert saved["tokens"] == trace.tokens
    assert [row["position"] for row in saved["rows"]] == expected.positions.tolist()
    for r, row in enumerate(saved["rows"]):
        np.testing.assert_array_equal(np.array(row["scores"], np.float32), expected.scores[r])
        np.testing.assert_array_equal(np.array(row["raw"], np.float32), expected.raw[r])
        assert np.float32(row["probability"]) == expected.probability[r]
        assert row["rank"] == expected.rank[r]
        assert row["completeness_gap"] is None


def test_csv_comes_back_as_to_frame(widget: AttributionWidget, tmp_path: Path):
    frame = widget.to_frame()
    with widget.save(tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(frame.columns)
    assert [row["input"] for row in rows] == frame["input"].tolist()
    np.testing.assert_array_equal(np.array([row["score"] for row in rows], np.float32), frame["score"].to_numpy())


def test_tables_hold_the_shown_prompt_token_too(widget: AttributionWidget, trace: Trace):
    widget.position = 3
    assert [row["position"] for row in json.loads(widget.to_json())["rows"]] == [3, *trace.output_positions]
    assert [row["position"] for row in json.loads(widget.to_json(positions=[-1, 5]))["rows"]] == [trace.n_tokens - 1, 5]


def test_the_picture_shows_the_current_row(widget: AttributionWidget, trace: Trace, tmp_path: Path):
    widget.position, widget.aggregation, widget.view_style = trace.n_prompt + 2, "sum", "detailed"
    root = ET.fromstring(widget.save(tmp_path / "a.SVG").read_text("utf-8"))
    shares = [float(g.attrib["data-share"]) for g in root.iter() if "data-share" in g.attrib]
    expected = attribute(trace, aggregation="sum", positions=trace.n_prompt + 2).scores[0]
    np.testing.assert_allclose(shares, expected[~np.isnan(expected)], rtol=1e-4)
    assert "for" in widget.to_svg()


def test_a_fixed_scale_is_that_of_all_output_rows(widget: AttributionWidget, trace: Trace):
    widget.scale = "fixed"
    most = float(np.nanmax(np.abs(attribute(trace).scores)))
    assert f">{most * 100:.0f}%</text>" in widget.to_svg()


def test_png_is_an_image(widget: AttributionWidget, tmp_path: Path):
    assert widget.save(tmp_path / "a.png", width=400, scale=1).read_bytes().startswith(b"\x89PNG")


def test_a_page_holds_all_rows_of_the_run(widget: AttributionWidget, trace: Trace):
    state, values = saved_rows(widget.to_html())
    positions = list(range(1, trace.n_tokens))
    assert state["_rows"]["positions"] == positions
    assert state["_rows"]["spec"] == widget._spec
    np.testing.assert_allclose(values, attribute(trace, positions=positions).scores, rtol=1e-5, atol=1e-7)
    assert state["position"] == widget.position


def test_a_page_of_chosen_rows_begins_with_one_of_them(widget: AttributionWidget, tmp_path: Path):
    path = widget.to_html(tmp_path / "a.html", positions=[4, 2])
    state, values = saved_rows(path.read_text("utf-8"))
    assert state["_rows"]["positions"] == [2, 4]
    assert state["position"] == 2
    assert values.shape[0] == 2


def test_a_page_can_be_too_large(widget: AttributionWidget, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_attribution_saving, "_MOST_CELLS", 100)
    with pytest.raises(InvalidInput, match=r"the page would hold \d+ rows of \d+ tokens.*positions="):
        widget.to_html()


def test_a_page_of_an_expensive_method_is_computed_first(trace: Trace):
    widget = AttributionWidget(trace)
    with trace.lm.lock:  # the worker can't have computed anything
        widget.attr_method = "occlusion"
        page = widget.to_html(positions=trace.output_positions)
    assert "is attributed to" in page
    _, values = saved_rows(page)
    expected = attribute(trace, "occlusion", positions=list(trace.output_positions)).scores
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-6)
    widget.close()


@pytest.mark.parametrize("name", ["a.txt", "a", "a.svg.gz"])
def test_an_unknown_suffix_lists_the_known_ones(widget: AttributionWidget, tmp_path: Path, name: str):
    with pytest.raises(InvalidInput, match=r"path must end in one of \.svg, \.png, \.json, \.csv, \.html, got"):
        widget.save(tmp_path / name)


def test_a_missing_folder_is_said(widget: AttributionWidget, tmp_path: Path):
    with pytest.raises(CannotSave, match="does not exist"):
        widget.save(tmp_path / "nowhere" / "a.svg")


def test_nothing_chosen_can_be_saved(widget: AttributionWidget):
    widget.position = None
    ET.fromstring(widget.to_svg())
    assert "none explained" in widget._repr_mimebundle_()[0]["text/plain"]
    assert json.loads(widget.to_json())["rows"]


def test_a_cells_output_has_the_view_a_preview_and_a_line(widget: AttributionWidget, trace: Trace):
    data, _ = widget._repr_mimebundle_()
    assert set(data) == {VIEW, "text/html", "text/plain"}
    assert data[VIEW]["model_id"] == widget.model_id
    line = data["text/plain"]
    assert "\n" not in line
    assert f"position {trace.n_prompt}" in line
    assert "is attributed to" in line
    assert "Gradient × Input of the logit, " in line
    assert line.endswith("tiny-gpt2")
    assert "background:#" in data["text/html"].split("</div>")[0]
    assert "</script>" not in data["text/html"]


def test_a_cells_output_does_not_wait_long_for_the_first_row(trace: Trace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_attribution_saving, "_PATIENCE", 0.01)
    with trace.lm.lock:
        widget = AttributionWidget(trace, attr_method="occlusion")
        data, _ = widget._repr_mimebundle_()
    assert "not computed yet" in data["text/plain"]
    widget.close()


def test_a_cells_output_waits_a_moment_for_the_first_row(trace: Trace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_attribution_saving, "_PATIENCE", 60.0)
    widget = AttributionWidget(trace, attr_method="gradient")
    data, _ = widget._repr_mimebundle_()
    assert "is attributed to" in data["text/html"]
    widget.close()


def test_a_preview_that_fails_is_not_in_the_way_of_the_view(widget: AttributionWidget, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_attribution_saving, "to_preview", lambda *_, **__: 1 / 0)
    data, _ = widget._repr_mimebundle_()
    assert data[VIEW]["model_id"] == widget.model_id
    assert "text/plain" in data


def converted(widget: AttributionWidget, *, with_state: bool) -> str:
    data, metadata = widget._repr_mimebundle_()
    output = nbformat.v4.new_output("execute_result", data=data, metadata=metadata, execution_count=1)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("w", outputs=[output], execution_count=1)])
    if with_state:
        model = {"model_name": "AnyModel", "model_module": "anywidget", "model_module_version": "0.11", "state": {}}
        state = {"version_major": 2, "version_minor": 0, "state": {widget.model_id: model}}
        notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": state}
    return HTMLExporter().from_notebook_node(notebook)[0]


def test_nbconvert_shows_the_preview_where_the_notebook_has_no_widget_state(widget: AttributionWidget):
    body = converted(widget, with_state=False)
    assert "is attributed to" in body
    assert "This is a static preview" in body


def test_nbconvert_prefers_the_view_where_the_notebook_has_the_widgets_state(widget: AttributionWidget):
    body = converted(widget, with_state=True)
    assert "This is a static preview" not in body
    assert f'"model_id": "{widget.model_id}"' in body
