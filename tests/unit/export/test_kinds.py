"""Widgets on runs of every kind of model can be saved in every form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.runs import run_of
from tests.support.tiny_models import tiny_lm

SUFFIXES = ("html", "svg", "png", "json", "csv")


@pytest.mark.parametrize("family", ["bert", "t5", "bert_classifier"])
@pytest.mark.parametrize("opened", ["primary_attributions", "layer_predictions", "rankings", "rankings_watch"])
def test_every_form_is_written(family: str, opened: str, tmp_path: Path) -> None:
    trace = run_of(family)
    options = {"position": trace.output_positions[0], "watch": [1, 2]} if opened == "rankings_watch" else {}
    widget = getattr(trace, opened)(**options)
    for suffix in SUFFIXES:
        path = tmp_path / f"picture.{suffix}"
        widget.save(path)
        assert path.stat().st_size > 100
    assert json.loads((tmp_path / "picture.json").read_text(encoding="utf-8"))
    widget.close()


def test_a_widget_of_a_closed_model_shows_its_view_and_says_why_there_is_no_preview(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lm = tiny_lm("gpt2")
    widget = lm.score("one two", " three").rankings()
    assert widget.statistics is not None
    lm.close()
    bundle = widget._repr_mimebundle_()
    assert bundle is not None
    assert "application/vnd.jupyter.widget-view+json" in bundle[0]
    assert all(record.exc_info is None for record in caplog.records)
    widget.close()
