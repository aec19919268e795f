"""Groups of neurons that fire alike, and heat maps of neurons x tokens."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import silhouette_samples

from ecco_widgets.analysis.activation_matrix import Layers, Source, Stack, TextRows, read_activations
from ecco_widgets.analysis.nmf.solver import one_thread_if_small
from ecco_widgets.analysis.targets import check_choice
from ecco_widgets.errors import InvalidInput

Which = Literal["first", "most_active"]
Order = Literal["index", "activity", "similar"]
Callback = Callable[[int, int], object]
"""Called with (done, total); raising in it ends the computation."""

# From so many neurons on, k-means sees them in batches.
_MANY = 10_000
# Neurons whose silhouette is measured: it takes all pairs.
_SILHOUETTE_SAMPLE = 2_000
# Neurons that can be ordered by similarity: it takes all pairs.
_MOST_ORDERED = 4_000


@dataclass(frozen=True)
class NeuronClusters:
    """N neurons in C groups. Groups are numbered by where along the text they fire.

    Attributes:
        labels: Group of each neuron, (N,); -1 for neurons that are zero on every token.
        order: Neurons in the order of the heat map, (N',): group after group, within one those nearest to its centre
            first; silent neurons are left out.
        starts: Where each group begins in ``order``, and its length at the end, (C + 1,).
        sizes: Neurons in each group, (C,).
        centres: Mean of the activations of each group, (C, T).
        silhouettes: Mean silhouette of each group, (C,), from -1 (in the wrong group) to 1 (far from all others), on at
            most 2,000 neurons; NaN where there is only one group.
        silhouette: Mean over those neurons; NaN where there is only one group.
        inertia: Sum of squared distances to the centres, of unit vectors if ``normalise``.
        layer: Layer of each neuron, (N,).
        index: Index of each neuron in its layer, (N,).
        texts: Rows of each text among the T tokens.
        normalise: Whether neurons were compared by their pattern alone.
        seed: The seed.
    """

    labels: NDArray[np.int32]
    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    centres: NDArray[np.float32]
    silhouettes: NDArray[np.float32]
    silhouette: float
    inertia: float
    layer: NDArray[np.int32]
    index: NDArray[np.int32]
    texts: tuple[TextRows, ...]
    normalise: bool
    seed: int


@dataclass(frozen=True)
class ActivationHeatmap:
    """Raw activations of some neurons of a layer.

    Attributes:
        activations: Shape (n, T), negative ones as they are.
        index: Index of each neuron in its layer, (n,).
        layer: The layer.
        texts: Rows of each text among the T tokens.
    """

    activations: NDArray[np.float32]
    index: NDArray[np.int64]
    layer: int
    texts: tuple[TextRows, ...]


def cluster_neurons(
    source: Source,
    n_clusters: int = 8,
    layers: Layers = None,
    *,
    normalise: bool = True,
    seed: int = 0,
    n_init: int = 4,
    stack: Stack = "decoder",
    callback: Callback | None = None,
) -> NeuronClusters:
    """Which neurons fire on the same tokens?

    k-means over neurons, each described by its activations on the T tokens.

    Args:
        source: As for ``factorize``.
        n_clusters: C, 1 to the number of neurons that are not zero throughout.
        layers: Layers; all by default.
        normalise: Compare neurons by their pattern, whatever their strength (each scaled to norm 1).
        seed: For what is drawn.
        n_init: How many starts; the one with the smallest inertia counts.
        stack: Of a sequence-to-sequence model: "decoder" or "encoder".
        callback: Called with (done, total) starts between them; raise in it to cancel.

    Returns:
        The groups.

    Raises:
        InvalidInput: If an argument is out of range, or there are no activations.
        NonFinite: If an activation is NaN or infinite.

    Source:
        Lloyd 1982 and Arthur and Vassilvitskii 2007 (k-means, k-means++); Sculley 2010 (mini-batches, from 10,000
        neurons on); Rousseeuw 1987 (silhouette). Alammar 2020 (clusters of neurons).

    Example:
        >>> found = cluster_neurons(np.kron(np.eye(2), np.ones((2, 3))), 2)
        >>> found.labels.tolist(), found.silhouette
        ([0, 0, 0, 1, 1, 1], 1.0)
    """
    _check_positive("n_clusters", n_clusters)
    _check_positive("n_init", n_init)
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32 - n_init:
        raise InvalidInput(f"seed must be an integer from 0 to below 2^32 - n_init, got {seed!r}.")
    matrix = read_activations(source, layers, stack=stack, rectify=False)
    activations = matrix.values.T.contiguous().cpu().numpy()
    layer, index, texts = matrix.layer, matrix.index, matrix.texts
    del matrix  # the transposed copy is enough
    strength = np.linalg.norm(activations, axis=1)
    active = np.flatnonzero(strength > 0)
    if n_clusters > len(active):
        raise InvalidInput(
            f"n_clusters must be an integer in 1..{len(active)} (neurons that are not zero on every token), got "
            f"{n_clusters}."
        )
    points = activations[active]
    if normalise:
        points /= strength[active, None]
    with one_thread_if_small(torch.from_numpy(points)):
        found, inertia = _kmeans(points, n_clusters, seed, n_init, callback)
    groups = _renumbered(found, points)
    distance = np.linalg.norm(points - _means(points, groups)[groups], axis=1)
    by_group = np.lexsort((distance, groups))
    sizes = np.bincount(groups)
    each, overall = _silhouettes(points, groups, seed)
    labels = np.full(len(activations), -1, dtype=np.int32)
    labels[active] = groups
    return NeuronClusters(
        labels=labels,
        order=active[by_group],
        starts=np.concatenate([[0], sizes.cumsum()]),
        sizes=sizes,
        centres=_means(activations[active], groups),
        silhouettes=each,
        silhouette=overall,
        inertia=inertia,
        layer=layer,
        index=index,
        texts=texts,
        normalise=normalise,
        seed=int(seed),
    )


def activation_heatmap(
    source: Source,
    layer: int = 0,
    n: int = 200,
    *,
    which: Which = "most_active",
    order: Order = "index",
    stack: Stack = "decoder",
) -> ActivationHeatmap:
    """The raw activations of some neurons of a layer.

    Args:
        source: As for ``factorize``.
        layer: The layer.
        n: How many neurons, at most as many as there are.
        which: "first": by index; "most_active": those whose activations have the largest norm over the tokens.
        order: Rows in order of "index", of "activity" (strongest first), or "similar": like patterns beside each other.
        stack: Of a sequence-to-sequence model: "decoder" or "encoder".

    Returns:
        Their activations.

    Raises:
        InvalidInput: If an argument is out of range, or there are no activations.
        NonFinite: If an activation is NaN or infinite.

    Example:
        >>> found = activation_heatmap(np.array([[0.0, 3.0, -1.0]]), n=2)
        >>> found.index.tolist(), found.activations.tolist()
        ([1, 2], [[3.0], [-1.0]])
    """
    _check_positive("n", n)
    check_choice("which", which, ["first", "most_active"])
    check_choice("order", order, ["index", "activity", "similar"])
    if isinstance(layer, bool) or not isinstance(layer, (int, np.integer)):
        raise InvalidInput(f"layer must be an integer, got {layer!r}.")
    matrix = read_activations(source, int(layer), stack=stack, rectify=False)
    activations = matrix.values.T.cpu().numpy()
    strength = np.linalg.norm(activations, axis=1)
    by_strength = np.argsort(-strength, kind="stable")
    chosen = np.arange(min(n, len(activations))) if which == "first" else np.sort(by_strength[:n])
    if order == "activity":
        chosen = chosen[np.argsort(-strength[chosen], kind="stable")]
    elif order == "similar":
        chosen = chosen[similar_order(activations[chosen])]
    return ActivationHeatmap(np.ascontiguousarray(activations[chosen]), chosen, int(layer), matrix.texts)


def similar_order(activations: NDArray[np.float32]) -> NDArray[np.int64]:
    """An order of neurons (n, T) in which those of like pattern stand beside each other; silent ones last.

    Leaves of an average-linkage tree over cosine distances, arranged so that neighbours are as alike as possible.

    Raises:
        InvalidInput: If there are more than 4,000 neurons, whose distances would take too much memory.

    Source:
        Bar-Joseph, Gifford and Jaakkola 2001 (optimal leaf ordering).

    Example:
        >>> similar_order(np.array([[1, 0], [0, 1], [0, 0], [2, 0.1]], dtype=np.float32)).tolist()[-1]
        2
    """
    if len(activations) > _MOST_ORDERED:
        raise InvalidInput(
            f"at most {_MOST_ORDERED:,} neurons can be ordered by similarity, got {len(activations):,}.",
            hint="Take fewer neurons, or order='activity'.",
        )
    strength = np.linalg.norm(activations, axis=1)
    active, silent = np.flatnonzero(strength > 0), np.flatnonzero(strength == 0)
    if len(active) > 2:
        unit = activations[active] / strength[active, None]
        # Between unit vectors the squared distance is twice the cosine distance, so their order is the same.
        active = active[leaves_list(linkage(unit, "average", optimal_ordering=True))]
    return np.concatenate([active, silent])


def _kmeans(
    points: NDArray[np.float32], n_clusters: int, seed: int, n_init: int, callback: Callback | None
) -> tuple[NDArray[np.int64], float]:
    best, labels = np.inf, np.zeros(len(points), dtype=np.int64)
    for run in range(n_init):
        if callback:
            callback(run, n_init)
        if len(points) > _MANY:
            model = MiniBatchKMeans(n_clusters, random_state=seed + run, n_init=1, batch_size=4_096)
        else:
            model = KMeans(n_clusters, random_state=seed + run, n_init=1)
        with warnings.catch_warnings():  # fewer different neurons than groups: the empty ones get no number
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(points)
        if model.inertia_ < best:
            best, labels = float(model.inertia_), model.labels_.astype(np.int64)
    if callback:
        callback(n_init, n_init)
    return labels, best


def _renumbered(found: NDArray[np.int64], points: NDArray[np.float32]) -> NDArray[np.int64]:
    """Number groups by the middle of the tokens on which their centres are active; empty ones have no number."""
    _, labels = np.unique(found, return_inverse=True)
    weight = np.abs(_means(points, labels)).astype(np.float64) ** 2
    middle = (weight @ np.arange(points.shape[1])) / np.maximum(weight.sum(axis=1), 1e-300)
    ranks: NDArray[np.int64] = np.argsort(np.argsort(middle, kind="stable"), kind="stable")
    return ranks[labels]


def _means(points: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float32]:
    sums = np.zeros((labels.max() + 1, points.shape[1]))
    np.add.at(sums, labels, points)
    means: NDArray[np.float32] = (sums / np.bincount(labels)[:, None]).astype(np.float32)
    return means


def _silhouettes(
    points: NDArray[np.float32], labels: NDArray[np.int64], seed: int
) -> tuple[NDArray[np.float32], float]:
    """Mean silhouette of each group and of all, on a sample that has neurons of every group."""
    n_groups = int(labels.max()) + 1
    if not 2 <= n_groups < len(points):
        return np.full(n_groups, np.nan, dtype=np.float32), float("nan")
    chosen = np.arange(len(points))
    if len(points) > _SILHOUETTE_SAMPLE:
        chance = np.random.default_rng(seed)
        members = chance.permutation(len(points))
        firsts = members[np.unique(labels[members], return_index=True)[1]]
        others = np.setdiff1d(members[:_SILHOUETTE_SAMPLE], firsts)[: _SILHOUETTE_SAMPLE - n_groups]
        chosen = np.concatenate([firsts, others])
    values = silhouette_samples(points[chosen], labels[chosen])
    sums = np.bincount(labels[chosen], weights=values, minlength=n_groups)
    counts = np.bincount(labels[chosen], minlength=n_groups)
    return (sums / counts).astype(np.float32), float(values.mean())


def _check_positive(name: str, given: int) -> None:
    if isinstance(given, bool) or not isinstance(given, (int, np.integer)) or given < 1:
        raise InvalidInput(f"{name} must be an integer of at least 1, got {given!r}.")
