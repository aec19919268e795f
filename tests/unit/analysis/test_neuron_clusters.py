"""Clusters of neurons against scikit-learn by hand, planted groups, and bad input."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score

from ecco_widgets.analysis import neuron_clusters
from ecco_widgets.analysis.neuron_clusters import cluster_neurons, neuron_activations
from ecco_widgets.errors import InvalidInput, NonFinite
from tests.support.tiny_models import tiny_lm


def planted(n_groups: int = 4, each: int = 30, tokens: int = 25, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Activations (T, N) of neurons that fire like one of a few patterns, and which."""
    generator = np.random.default_rng(seed)
    patterns = generator.normal(size=(n_groups, tokens)) * np.arange(2, n_groups + 2)[:, None]
    groups = generator.permutation(np.repeat(np.arange(n_groups), each))
    return (patterns[groups] + 0.1 * generator.normal(size=(len(groups), tokens))).T.astype(np.float32), groups


def test_planted_groups_are_found_and_numbered_by_activity() -> None:
    activations, groups = planted()
    found = cluster_neurons([activations], 4)
    assert adjusted_rand_score(groups[found.index], found.cluster) == 1.0
    means = [found.activity[found.cluster == k].mean() for k in range(4)]
    assert means == sorted(means, reverse=True)
    assert found.cluster.tolist() == sorted(found.cluster.tolist())
    np.testing.assert_array_equal(found.values, activations.T[found.index])
    for k in range(4):
        np.testing.assert_allclose(
            found.centres[k], activations.T[groups == groups[found.index][found.cluster == k][0]].mean(0), rtol=1e-5
        )


def test_it_is_scikit_learns_k_means_and_silhouette() -> None:
    activations, _ = planted(seed=1)
    rows = activations.T.astype(np.float64)
    found = cluster_neurons([activations], 3, order="index", seed=5)
    expected = KMeans(3, n_init=4, random_state=5).fit(rows[np.argsort(-(rows**2).mean(1), kind="stable")])
    np.testing.assert_array_equal(found.index, np.arange(activations.shape[1]))
    assert found.silhouette == pytest.approx(silhouette_score(rows, found.cluster))
    inertia = sum(((rows[found.cluster == k] - rows[found.cluster == k].mean(0)) ** 2).sum() for k in range(3))
    assert inertia == pytest.approx(expected.inertia_, rel=1e-6)


def test_many_neurons_go_through_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    activations, groups = planted(n_groups=3, each=200)
    monkeypatch.setattr(neuron_clusters, "_MANY", 100)
    monkeypatch.setattr(neuron_clusters, "_SILHOUETTE_SAMPLE", 150)
    found = cluster_neurons([activations], 3, n_neurons=None)
    assert adjusted_rand_score(groups[found.index], found.cluster) == 1.0
    assert found.silhouette > 0.8


def test_scaled_neurons_cluster_by_where_they_fire() -> None:
    generator = np.random.default_rng(0)
    shapes = np.eye(2, 6)[np.arange(40) % 2]
    activations = (shapes * generator.uniform(1, 100, (40, 1))).T
    found = cluster_neurons([activations], 2, normalize=True, order="index")
    assert adjusted_rand_score(np.arange(40) % 2, found.cluster) == 1.0


def test_the_first_and_the_most_active_neurons_of_a_model() -> None:
    trace = tiny_lm("gpt2")("The keys to the cabinet are on the table")
    layers = [layer.numpy() for layer in trace.activations()]
    first = neuron_activations(trace, 1, n_neurons=5, select="first")
    np.testing.assert_array_equal(first.values, layers[1].T[:5])
    active = neuron_activations(trace, n_neurons=7)
    everything = np.concatenate(layers, axis=1)
    order = np.argsort(-(everything**2).mean(0))[:7]
    np.testing.assert_allclose(active.values, everything.T[order])
    assert (active.layer * 128 + active.index).tolist() == order.tolist()
    assert active.total == 3 * 128
    assert cluster_neurons(trace, 3, 2, n_neurons=20).values.shape == (20, trace.n_tokens)


def test_silent_neurons_and_one_cluster_are_no_trouble() -> None:
    found = cluster_neurons([np.zeros((4, 9))], 3)
    assert found.cluster.tolist() == [0] * 9
    assert np.isnan(found.silhouette)
    assert np.isnan(cluster_neurons([np.random.default_rng(0).normal(size=(4, 9))], 1).silhouette)
    assert np.isfinite(cluster_neurons([np.ones((1, 5))], 5, normalize=True).centres).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_clusters": 0}, r"n_clusters must be an integer in 1\.\.6 \(the number of neurons\), got 0"),
        ({"n_clusters": 7}, r"n_clusters must be an integer in 1\.\.6"),
        ({"n_neurons": 0}, "n_neurons must be a positive integer, or None for all, got 0"),
        ({"n_neurons": True}, "n_neurons must be a positive integer"),
        ({"order": "size"}, "order must be 'cluster', 'activity' or 'index', got 'size'"),
        ({"select": "last"}, "select must be 'active' or 'first', got 'last'"),
        ({"layers": 3}, "layers 3 do not exist; there is only layer 0"),
    ],
)
def test_bad_arguments_say_what_was_expected(options: dict, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        cluster_neurons([np.ones((4, 6))], **{"n_clusters": 2, "n_neurons": None, **options})
    with pytest.raises(NonFinite, match="NaN or infinite"):
        cluster_neurons([np.full((4, 6), np.nan)], 2, n_neurons=None)
