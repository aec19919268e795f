"""Clusters find planted groups, number them along the text, and the heat map's rows are the neurons it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score, silhouette_samples

import ecco_widgets as ecco
from ecco_widgets.analysis.neuron_clusters import activation_heatmap, cluster_neurons, similar_order
from ecco_widgets.errors import InvalidInput, NonFinite
from ecco_widgets.models import Trace


@pytest.fixture(scope="module")
def trace() -> Trace:
    return ecco.load_demo().generate("The keys to the cabinet", generate=12)


def planted(n_per_group: int = 50, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Neurons (20 tokens x N) that fire on one of four stretches of the text, at strengths that differ by far."""
    chance = np.random.default_rng(seed)
    truth = chance.permutation(np.repeat(np.arange(4), n_per_group))
    activations = 0.05 * chance.standard_normal((20, len(truth)))
    for neuron, group in enumerate(truth):
        activations[5 * group : 5 * group + 5, neuron] += 1.0
    return (activations * 10 ** chance.uniform(-2, 2, len(truth))).astype(np.float32), truth


def test_planted_groups_are_found_and_numbered_along_the_text() -> None:
    activations, truth = planted()
    found = cluster_neurons(activations, 4)
    assert found.labels.tolist() == truth.tolist()  # not only up to names
    assert found.sizes.tolist() == [50] * 4
    assert found.silhouette > 0.8
    assert (found.silhouettes > 0.7).all()
    for group in range(4):
        np.testing.assert_allclose(
            found.centres[group], activations[:, truth == group].mean(axis=1), rtol=1e-4, atol=1e-5
        )


def test_without_normalising_strength_decides() -> None:
    activations, truth = planted()
    assert adjusted_rand_score(truth, cluster_neurons(activations, 4, normalise=False).labels) < 0.5


def test_the_order_has_group_after_group_nearest_to_the_centre_first() -> None:
    activations, _ = planted()
    found = cluster_neurons(activations, 4)
    assert sorted(found.order.tolist()) == list(range(200))
    assert found.starts.tolist() == [0, 50, 100, 150, 200]
    unit = (activations / np.linalg.norm(activations, axis=0)).T
    for group in range(4):
        members = found.order[found.starts[group] : found.starts[group + 1]]
        assert set(found.labels[members]) == {group}
        distance = np.linalg.norm(unit[members] - unit[members].mean(axis=0), axis=1)
        assert (np.diff(distance) >= -1e-5).all()


def test_silhouettes_are_scikit_learns() -> None:
    activations, _ = planted(20)
    found = cluster_neurons(activations, 3)
    unit = (activations / np.linalg.norm(activations, axis=0)).T
    expected = silhouette_samples(unit, found.labels)
    assert found.silhouette == pytest.approx(expected.mean(), abs=1e-4)
    for group in range(3):
        assert found.silhouettes[group] == pytest.approx(expected[found.labels == group].mean(), abs=1e-4)


def test_silent_neurons_belong_to_no_group() -> None:
    activations, _ = planted(10)
    activations[:, [3, 17]] = 0.0
    found = cluster_neurons(activations, 4)
    assert np.flatnonzero(found.labels == -1).tolist() == [3, 17]
    assert not {3, 17} & set(found.order.tolist())
    assert np.isfinite(found.centres).all()


@pytest.mark.parametrize("n_clusters", [1, 40])
def test_one_group_or_a_group_for_each_neuron_has_no_silhouette(n_clusters: int) -> None:
    activations, _ = planted(10)
    found = cluster_neurons(activations, n_clusters)
    assert np.isnan(found.silhouette)
    assert found.sizes.sum() == 40


def test_many_neurons_are_clustered_in_batches() -> None:
    activations, truth = planted(3_000)
    found = cluster_neurons(activations, 4, n_init=2)
    assert adjusted_rand_score(truth, found.labels) > 0.99
    assert found.silhouette > 0.8  # on a sample
    assert np.isfinite(found.silhouettes).all()


def test_equal_seeds_give_equal_groups(trace: Trace) -> None:
    first, second = cluster_neurons(trace, 6, seed=2), cluster_neurons(trace, 6, seed=2)
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.order, second.order)


def test_neurons_of_a_trace_have_their_layers(trace: Trace) -> None:
    found = cluster_neurons(trace, 4, layers=[4, 2])
    width = trace.lm.neurons.widths[2]
    assert found.layer.tolist() == [2] * width + [4] * width
    assert found.index.tolist() == [*range(width)] * 2
    assert found.centres.shape == (4, trace.n_tokens)


class Stop(Exception):
    pass


def test_it_is_cancelled_between_starts(trace: Trace) -> None:
    told: list[tuple[int, int]] = []

    def stop(done: int, total: int) -> None:
        told.append((done, total))
        if done == 1:
            raise Stop

    with pytest.raises(Stop):
        cluster_neurons(trace, 4, layers=0, callback=stop)
    assert told == [(0, 4), (1, 4)]


# ---------------------------------------- heat map


def test_the_first_neurons_are_raw(trace: Trace) -> None:
    found = activation_heatmap(trace, 3, 25, which="first")
    np.testing.assert_allclose(
        found.activations, trace.activations([3])[0].float().T[:25].numpy(), rtol=1e-5, atol=1e-7
    )
    assert found.index.tolist() == list(range(25))
    assert found.layer == 3
    assert (found.activations < 0).any()


def test_the_most_active_neurons_have_the_largest_norms(trace: Trace) -> None:
    activations = trace.activations([2])[0].float().numpy()
    strongest = np.argsort(-np.linalg.norm(activations, axis=0), kind="stable")[:30]
    by_index = activation_heatmap(trace, 2, 30)
    assert by_index.index.tolist() == sorted(strongest.tolist())
    by_activity = activation_heatmap(trace, 2, 30, order="activity")
    assert by_activity.index.tolist() == strongest.tolist()
    np.testing.assert_allclose(by_activity.activations, activations.T[strongest], rtol=1e-5, atol=1e-7)
    similar = activation_heatmap(trace, 2, 30, order="similar")
    assert sorted(similar.index.tolist()) == sorted(strongest.tolist())
    np.testing.assert_allclose(similar.activations, activations.T[similar.index], rtol=1e-5, atol=1e-7)


def test_no_more_neurons_than_there_are() -> None:
    assert activation_heatmap(np.eye(3, dtype=np.float32), n=99).activations.shape == (3, 3)


def test_similar_patterns_stand_together() -> None:
    activations, truth = planted(15)
    order = similar_order(activations.T.copy())
    assert (np.diff(truth[order]) != 0).sum() == 3
    few = similar_order(np.array([[0, 0], [1, 1]], dtype=np.float32))
    assert few.tolist() == [1, 0]


# ---------------------------------------- messages

SOME = planted(5)[0]
BROKEN = SOME.copy()
BROKEN[1, 2] = np.nan


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cluster_neurons(SOME, 0), r"n_clusters must be an integer of at least 1, got 0"),
        (lambda: cluster_neurons(SOME, 21), r"n_clusters must be an integer in 1\.\.20 .* got 21"),
        (lambda: cluster_neurons(SOME, 2.5), r"n_clusters must be an integer of at least 1, got 2\.5"),
        (lambda: cluster_neurons(SOME, 2, n_init=0), r"n_init must be an integer of at least 1, got 0"),
        (lambda: cluster_neurons(SOME, 2, seed=-1), r"seed must be an integer from 0"),
        (lambda: cluster_neurons(SOME, 2, layers=[]), r"layers is empty"),
        (lambda: cluster_neurons(SOME, 2, layers=4), r"layer 4 does not exist; there is only layer 0"),
        (lambda: cluster_neurons([], 2), r"there are no activations"),
        (lambda: cluster_neurons(SOME * 0, 1), r"n_clusters must be an integer in 1\.\.0"),
        (lambda: activation_heatmap(SOME, 3), r"layer 3 does not exist"),
        (lambda: activation_heatmap(SOME, None), r"layer must be an integer, got None"),
        (lambda: activation_heatmap(SOME, 0, 0), r"n must be an integer of at least 1, got 0"),
        (lambda: activation_heatmap(SOME, which="last"), r"which.*last"),
        (lambda: activation_heatmap(SOME, order="random"), r"order.*random"),
        (lambda: similar_order(np.ones((4_001, 2), np.float32)), r"at most 4,000 neurons can be ordered by similarity"),
    ],
)
def test_wrong_arguments_are_explained(call: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        call()


def test_nan_is_explained() -> None:
    for call in (lambda: cluster_neurons(BROKEN, 2), lambda: activation_heatmap(BROKEN)):
        with pytest.raises(NonFinite, match=r"neuron 2 of layer 0 at token 1 is NaN or infinite"):
            call()
