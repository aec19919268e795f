"""Statistics of factors equal their definitions, and a factor's neurons are its loadings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import ecco_widgets as ecco
from ecco_widgets.analysis.factor_summary import (
    factor_neurons,
    factor_statistics,
    top_neurons,
    top_token_texts,
)
from ecco_widgets.analysis.factorization import Factors, factorize
from ecco_widgets.errors import InvalidInput
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


# ---------------------------------------- neurons


def test_a_factors_neurons_are_its_loadings_by_layer_strongest_first(factors: Factors) -> None:
    found = top_neurons(factors, 1, None)
    loadings = factors.neuron_loadings[1]
    assert [loading for *_, loading in found] == sorted(loadings[loadings > 0].tolist(), reverse=True)
    assert top_neurons(factors, 1, 4) == found[:4]
    at = {
        (int(layer), int(index)): n for n, (layer, index) in enumerate(zip(factors.layer, factors.index, strict=True))
    }
    assert all(loadings[at[layer, index]] == np.float32(loading) for layer, index, loading in found)
    by_layer = factor_neurons(factors, 1, top=50)
    assert sum(map(len, by_layer.values())) == 50
    for layer, indices in by_layer.items():
        assert indices == [index for other, index, _ in found[:50] if other == layer]


def test_what_has_no_neurons_to_name_is_refused(counting: Trace, factors: Factors) -> None:
    with pytest.raises(InvalidInput, match=r"factor must be an integer in 0\.\.2, got 3"):
        factor_neurons(factors, 3)
    with pytest.raises(InvalidInput, match="with PCA nearly every neuron has a loading"):
        factor_neurons(factorize(counting, 2, method="pca"), 0)
    with pytest.raises(InvalidInput, match="this factor is zero"):
        factor_neurons(factorize([np.zeros((3, 4))], 1), 0)
