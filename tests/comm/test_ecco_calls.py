"""The calls of Ecco's README and notebooks run after changing the import."""

from __future__ import annotations

import numpy as np
import pytest

from ecco_widgets.analysis import attribute, token_ranks, top_tokens, watched
from ecco_widgets.models import Trace
from tests.comm.toy import install
from tests.support.tiny_models import tiny_lm


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> Trace:
    install(monkeypatch)
    lm = tiny_lm("gpt2")
    return lm.generate(
        "The keys to the cabinet", generate=6, do_sample=True, temperature=0.9, top_k=40, attribution=["ig"], seed=1
    )


def test_primary_attributions(output: Trace) -> None:
    widget = output.primary_attributions(attr_method="grad_x_input", style="detailed", ignore_tokens=[0])
    assert (widget.attr_method, widget.view_style) == ("grad_x_input", "detailed")
    assert widget.scores is not None
    assert np.isnan(widget.scores[0])
    widget.close()


def test_saliency_is_its_old_name(output: Trace) -> None:
    widget = output.saliency()
    assert widget.position == output.n_prompt
    widget.close()


def test_position_shows_one_output(output: Trace) -> None:
    widget = output.position(8)
    assert (widget.position, widget.pinned) == (8, True)
    np.testing.assert_allclose(widget.scores, attribute(output, positions=8).scores[0], rtol=1e-5)
    widget.close()


def test_layer_predictions(output: Trace) -> None:
    widget = output.layer_predictions(position=8, topk=3, layer=1)
    assert (widget.position, widget.topk, widget.layers) == (8, 3, [1])
    np.testing.assert_array_equal(widget.top.ids, top_tokens(output, 8, 3).ids)
    widget.close()


def test_layer_predictions_begin_with_the_first_generated_token(output: Trace) -> None:
    widget = output.layer_predictions()
    assert (widget.position, widget.topk) == (output.n_prompt, 10)
    widget.close()


def test_rankings(output: Trace) -> None:
    widget = output.rankings()
    np.testing.assert_array_equal(widget.ranks, token_ranks(output))
    widget.close()


def test_rankings_watch_takes_ids_and_texts(output: Trace) -> None:
    widget = output.rankings_watch(watch=[7, " 1"], position=8)
    np.testing.assert_array_equal(widget.ranks, watched(output, [7, " 1"], 8).ranks)
    widget.close()
    widget = output.rankings_watch(watch=[7])
    assert widget.position == output.n_tokens - 1
    widget.close()


def test_predict_token(output: Trace) -> None:
    widget = output.lm.predict_token("The keys to the cabinet", topk=5)
    assert (widget.position, widget.topk, widget.layers) == (widget.trace.n_tokens, 5, [output.lm.n_layers - 1])
    assert ">What the model expects</text>" in widget.to_svg()
    widget.close()
