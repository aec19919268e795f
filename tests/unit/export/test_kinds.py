"""Widgets on runs of every kind of model can be saved in every form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.runs import run_of

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
