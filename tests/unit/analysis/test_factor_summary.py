"""Statistics of factors equal their definitions, and a factor's vocabulary is what its neurons write."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import ecco_widgets as ecco
from ecco_widgets.analysis.factor_summary import (
    factor_directions,
    factor_statistics,
    factor_vocabulary,
    top_token_texts,
)
from ecco_widgets.analysis.factorization import Factors, factorize
from ecco_widgets.errors import InvalidInput, NonFinite
from ecco_widgets.models import Trace


@pytest.fixture(scope="module")
def counting() -> Trace:
    return ecco.load_demo().generate(" 1, 2, 3,", generate=30)


@pytest.fixture(scope="module")
def factors(counting: Trace) -> Factors:
    return factorize(counting, 3, layers=[1, 3, 4])


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.5])
def test_counts_equal_their_definitions(factors: Factors, threshold: float) -> None:
    found = factor_statistics(factors, threshold=threshold, n_top=7)
    loadings, n = factors.neuron_loadings, factors.neuron_loadings.shape[1]
    assert found.layers == (1, 3, 4)
    for k in range(3):
        present = loadings[k] > 0
        above = present & (loadings[k] > threshold * loadings[k].max())
        assert found.n_neurons[k] == present.sum()
        assert found.n_above[k] == above.sum()
        assert found.share[k] == pytest.approx(present.sum() / n)
        assert found.share_above[k] == pytest.approx(above.sum() / n)
        for column, layer in enumerate(factors.layers):
            inside = factors.layer == layer
            assert found.per_layer[k, column] == (present & inside).sum()
            assert found.per_layer_above[k, column] == (above & inside).sum()
            assert found.weight_per_layer[k, column] == pytest.approx((loadings[k, inside] ** 2).sum(), rel=1e-4)
        for other in range(3):
            both = loadings[other] > 0
            assert found.shared[k, other] == (present & both).sum()
        assert found.top_neurons[k].tolist() == np.argsort(-loadings[k], kind="stable")[:7].tolist()
        np.testing.assert_array_equal(found.top_neuron_loadings[k], np.sort(loadings[k])[::-1][:7])
        np.testing.assert_array_equal(found.top_token_loadings[k], np.sort(factors.token_loadings[k])[::-1][:7])
    np.testing.assert_allclose(found.weight_per_layer.sum(axis=1), 1.0, rtol=1e-4)
    if threshold == 0.0:
        np.testing.assert_array_equal(found.shared, found.shared_above)


def test_loadings_of_both_signs_count_by_size(counting: Trace) -> None:
    components = factorize(counting, 3, method="pca")
    found = factor_statistics(components, n_top=4)
    strongest = np.abs(components.neuron_loadings).argmax(axis=1)
    assert found.top_neurons[:, 0].tolist() == strongest.tolist()
    np.testing.assert_array_equal(found.top_neuron_loadings[:, 0], components.neuron_loadings[np.arange(3), strongest])


def test_a_factor_of_zeros_has_no_neurons(factors: Factors) -> None:
    empty = replace(factors, neuron_loadings=np.zeros_like(factors.neuron_loadings))
    found = factor_statistics(empty)
    for counts in (found.n_neurons, found.n_above, found.shared, found.weight_per_layer):
        np.testing.assert_array_equal(counts, 0)


def test_no_more_tops_than_there_are(factors: Factors) -> None:
    assert factor_statistics(factors, n_top=1_000).top_tokens.shape == factors.token_loadings.shape


def test_top_tokens_are_those_that_show_the_factor(counting: Trace) -> None:
    factors = factorize(counting, 2)
    texts = top_token_texts(factors, [counting.tokens], n=8)
    # Generated tokens show the state before them: the factor of numbers' states stands at commas, and the other way
    # round.
    assert sorted(set(texts[0]) | set(texts[1])) != [","]
    assert {","} in [set(texts[0]), set(texts[1])]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 1.0}, r"threshold must be a number from 0 to below 1, got 1\.0"),
        ({"threshold": "a"}, r"threshold must be a number"),
        ({"n_top": 0}, r"n_top must be an integer of at least 1, got 0"),
        ({"n_top": 2.5}, r"n_top must be an integer of at least 1, got 2\.5"),
    ],
)
def test_wrong_arguments_are_explained(factors: Factors, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        factor_statistics(factors, **options)


# ---------------------------------------- vocabulary


def test_directions_are_sums_of_what_the_neurons_write(counting: Trace, factors: Factors) -> None:
    blocks = counting.lm.model.transformer.h
    expected = torch.zeros(3, counting.lm.parts.width)
    for layer in factors.layers:
        loadings = torch.from_numpy(factors.neuron_loadings[:, factors.layer == layer])
        expected += loadings @ blocks[layer].mlp.c_proj.weight.float()  # Conv1D: (neurons, width)
    found = factor_directions(factors, counting.lm.neurons.directions)
    torch.testing.assert_close(found.float(), expected, rtol=1e-3, atol=1e-4)


def test_only_the_strongest_neurons(counting: Trace, factors: Factors) -> None:
    few = factor_directions(factors, counting.lm.neurons.directions, n_neurons=5)
    top = np.argsort(-factors.neuron_loadings, axis=1)[:, :5]
    kept = np.zeros_like(factors.neuron_loadings)
    for k in range(3):
        kept[k, top[k]] = factors.neuron_loadings[k, top[k]]
    expected = factor_directions(replace(factors, neuron_loadings=kept), counting.lm.neurons.directions)
    torch.testing.assert_close(few, expected)
    all_of_them = factor_directions(factors, counting.lm.neurons.directions, n_neurons=10**6)
    torch.testing.assert_close(all_of_them, factor_directions(factors, counting.lm.neurons.directions))


@pytest.mark.parametrize("with_state", [False, True])
def test_the_vocabulary_is_the_change_of_logits(counting: Trace, factors: Factors, with_state: bool) -> None:
    lm, model = counting.lm, counting.lm.model
    state = counting.hidden_states[-1, 5] if with_state else None
    found = factor_vocabulary(factors, lm.neurons.directions, lm.blocks.finish, lm.parts.logits, n=6, state=state)
    base = torch.zeros(lm.parts.width) if state is None else state
    with torch.no_grad():
        for k, direction in enumerate(factor_directions(factors, lm.neurons.directions)):
            after, before = (model.lm_head(model.transformer.ln_f(one)) for one in (base + direction, base))
            change = (after - before).float()
            assert found.promoted[k].tolist() == change.topk(6).indices.tolist()
            assert found.suppressed[k].tolist() == change.topk(6, largest=False).indices.tolist()
            np.testing.assert_allclose(found.promoted_effects[k], change.topk(6).values, rtol=1e-3, atol=1e-3)
            assert (np.diff(found.promoted_effects[k]) <= 0).all()
            assert (np.diff(found.suppressed_effects[k]) >= 0).all()


def test_entries_that_the_model_masks_are_left_out(factors: Factors) -> None:
    def head(states: torch.Tensor) -> torch.Tensor:
        logits = states[:, :6].clone()
        logits[:, [0, 5]] = -torch.inf
        return logits

    found = factor_vocabulary(factors, lambda _: torch.ones(1_024, 8), lambda states: states, head, n=4)
    assert not {0, 5} & {*found.promoted.ravel().tolist(), *found.suppressed.ravel().tolist()}
    assert np.isfinite(found.promoted_effects).all()
    with pytest.raises(InvalidInput, match=r"n must be an integer in 1\.\.4 \(the vocabulary\), got 5"):
        factor_vocabulary(factors, lambda _: torch.ones(1_024, 8), lambda states: states, head, n=5)


def test_logits_that_are_not_finite_are_refused(factors: Factors) -> None:
    with pytest.raises(NonFinite, match=r"a logit of a factor's direction is NaN or infinite"):
        factor_vocabulary(
            factors, lambda _: torch.ones(1_024, 8), lambda states: states, lambda states: states * torch.nan, n=2
        )


@pytest.mark.parametrize("options", [{"n": 0}, {"n": None}, {"n_neurons": 0}, {"n_neurons": True}])
def test_wrong_numbers_are_explained(factors: Factors, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=rf"{next(iter(options))} must be an integer of at least 1"):
        factor_vocabulary(
            factors, lambda _: torch.ones(1_024, 8), lambda states: states, lambda states: states, **options
        )
