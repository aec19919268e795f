"""What two factors make of the counting prompt, as in Ecco's article: one for the numbers, one for the commas."""

from __future__ import annotations

import numpy as np
import pytest

import ecco_widgets as ecco
from ecco_widgets.analysis.factorization import factorize
from ecco_widgets.models import Trace
from ecco_widgets.widgets import FactorsWidget


@pytest.fixture(scope="module")
def out() -> Trace:
    return ecco.load_demo().generate(" 1, 2, 3,", generate=10)


def are_numbers(out: Trace) -> np.ndarray:
    texts = [text.strip() for text in out.tokens]
    assert all(text == "," or text.isdigit() for text in texts)
    return np.array([text.isdigit() for text in texts])


@pytest.mark.parametrize("seed", [0, 1])
def test_two_factors_tell_numbers_from_commas(out: Trace, seed: int) -> None:
    loadings = factorize(out, 2, seed=seed).token_loadings
    # The first two tokens are those of any text's beginning.
    numbers, rest = are_numbers(out)[2:], loadings[:, 2:]
    means = np.stack([rest[:, numbers].mean(axis=1), rest[:, ~numbers].mean(axis=1)], axis=1)
    of_numbers = int(means[:, 0].argmax())
    assert rest[of_numbers, numbers].min() > 5 * rest[of_numbers, ~numbers].max()
    assert rest[1 - of_numbers, ~numbers].min() > 5 * rest[1 - of_numbers, numbers].max()


def test_as_shown_a_factor_stands_for_what_it_produces(out: Trace) -> None:
    widget = FactorsWidget(out, n_components=2)
    shown = widget._shown.shown(widget.factors.token_loadings)[:, out.n_prompt :]
    numbers = are_numbers(out)[out.n_prompt :]
    # A generated number shows the state at the comma before it, which produced it.
    produces = int(shown[:, numbers].mean(axis=1).argmax())
    own = widget.factors.token_loadings[produces]
    assert own[are_numbers(out)].mean() < own[~are_numbers(out)].mean()
    widget.close()


def test_without_the_number_factor_numbers_are_less_likely_than_without_random_neurons(out: Trace) -> None:
    widget = FactorsWidget(out, n_components=2)
    shown = widget._shown.shown(widget.factors.token_loadings)[:, out.n_prompt :]
    numbers = are_numbers(out)[out.n_prompt :]
    row = int(shown[:, numbers].mean(axis=1).argmax())
    for top, least in ((200, 1.0), (None, 3.0)):
        result = widget.ablate(widget.ids[row], top, n_random=5)
        effect = result.effect[numbers].mean()
        random = result.random_effect[:, numbers].mean(axis=1)
        assert effect < random.min() - least
    # The strongest 200 take the numbers and leave the commas.
    result = widget.ablate(widget.ids[row], 200, n_random=0)
    assert result.effect[numbers].mean() < 5 * result.effect[~numbers].mean()
    widget.close()
