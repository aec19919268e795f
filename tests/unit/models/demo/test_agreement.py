"""The agreement figures of the article, on the demo model: which verb do the layers prefer?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

import ecco_widgets as ecco
from ecco_widgets.analysis import watched
from ecco_widgets.models import LanguageModel

VERBS = [" is", " are"]
FIGURES = [("The keys to the cabinet", " are"), ("The key to the cabinets", " is")]


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    return ecco.load_demo()


@pytest.fixture(params=FIGURES, ids=["keys", "key"])
def figure(request: pytest.FixtureRequest, lm: LanguageModel) -> Iterator[tuple[ecco.RankingsWatchWidget, int]]:
    text, right = request.param
    trace = lm(text)
    widget = trace.rankings_watch(watch=VERBS, position=trace.n_tokens)
    yield widget, VERBS.index(right)
    widget.close()


def test_the_last_layer_prefers_the_verb_that_agrees_with_the_head_noun(figure):
    widget, right = figure
    ranks, wrong = widget.ranks, 1 - right
    assert ranks.shape == (widget.trace.lm.n_layers, 2)
    assert ranks[-1, right] < ranks[-1, wrong]
    assert ranks[-1, right] == 1  # and to every other token


def test_the_first_layer_still_prefers_the_verb_that_agrees_with_the_nearest_noun(figure):
    widget, right = figure
    assert widget.ranks[0, right] > widget.ranks[0, 1 - right]


def test_the_widget_s_numbers_are_those_of_the_analysis(figure):
    widget, _ = figure
    found = watched(widget.trace, VERBS, widget.trace.next_position)
    np.testing.assert_array_equal(widget.ranks, found.ranks)
    assert found.texts == VERBS


def test_the_final_order_is_that_of_the_model_s_own_logits(figure):
    widget, right = figure
    trace = widget.trace
    with torch.no_grad():
        logits = trace.lm.model(torch.tensor([trace.token_ids.tolist()])).logits[0, -1]
    is_, are = logits[widget.watch].tolist()
    assert (are > is_) == (right == 1)
