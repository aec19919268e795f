"""Which neurons of a layer fire alike? k-means on their activations, and the activations themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.metrics import silhouette_score

from ecco_widgets.analysis.activation_matrix import Layers, Source, Stack, read_activations
from ecco_widgets.errors import InvalidInput

Select = Literal["active", "first"]
Order = Literal["cluster", "activity", "index"]

# Above this many neurons k-means goes through random batches of them.
_MANY = 10_000
# Neurons whose silhouette is looked at: it compares all pairs.
_SILHOUETTE_SAMPLE = 2_000
_STARTS = 4


@dataclass(frozen=True)
class NeuronActivations:
    """Activations of M neurons at T tokens.

    Attributes:
        values: Shape (M, T), with their sign.
        layer: Layer of each neuron, (M,).
        index: Index of each neuron in its layer, (M,).
        activity: Mean square of each neuron over the tokens, (M,).
        total: Number of neurons they were chosen from.
    """

    values: NDArray[np.float32]
    layer: NDArray[np.int32]
    index: NDArray[np.int32]
    activity: NDArray[np.float32]
    total: int


@dataclass(frozen=True)
class NeuronClusters(NeuronActivations):
    """Neurons in clusters, in the order in which a heat map shows them.

    Attributes:
        cluster: Cluster of each neuron, (M,): 0 is the most active on average.
        centres: Mean activations of each cluster, (K, T).
        silhouette: Mean silhouette (Rousseeuw 1987) of up to 2,000 neurons, -1 to 1; NaN where it is not defined (one
            cluster, or as many as neurons).
    """

    cluster: NDArray[np.int32]
    centres: NDArray[np.float32]
    silhouette: float


def neuron_activations(
    source: Source,
    layers: Layers = None,
    *,
    n_neurons: int | None = None,
    select: Select = "active",
    stack: Stack = "decoder",
) -> NeuronActivations:
    """The activations of the first, or the most active, neurons of some layers.

    Args:
        source: A trace, several (tokens of all, one text after the other), or arrays.
        layers: Layers; all by default.
        n_neurons: At most how many neurons; all by default.
        select: "active" (largest mean square first) or "first" (by layer and index, as in the article).
        stack: Of a sequence-to-sequence model: the decoder's neurons or the encoder's.

    Returns:
        The activations, rows in the order of the choice.

    Raises:
        InvalidInput: If an argument is out of range.
        NonFinite: If an activation is NaN or infinite.

    Example:
        >>> found = neuron_activations([np.array([[1.0, 0.0, 3.0], [1.0, 0.0, -3.0]])], n_neurons=2)
        >>> found.index.tolist(), found.values.tolist()
        ([2, 0], [[3.0, -3.0], [1.0, 1.0]])
    """
    if select not in {"active", "first"}:
        raise InvalidInput(f"select must be 'active' or 'first', got {select!r}.")
    matrix = read_activations(source, layers, stack=stack, rectify=False)
    total = matrix.values.shape[1]
    if n_neurons is None:
        n_neurons = total
    elif isinstance(n_neurons, bool) or not isinstance(n_neurons, (int, np.integer)) or n_neurons < 1:
        raise InvalidInput(f"n_neurons must be a positive integer, or None for all, got {n_neurons!r}.")
    activity = matrix.values.square().mean(dim=0).cpu().numpy()
    order = np.argsort(-activity, kind="stable") if select == "active" else np.arange(total)
    chosen = order[:n_neurons]
    values = matrix.values.T.cpu().numpy()[chosen]
    return NeuronActivations(values, matrix.layer[chosen], matrix.index[chosen], activity[chosen], total)


def cluster_neurons(
    source: Source,
    n_clusters: int = 8,
    layers: Layers = None,
    *,
    n_neurons: int | None = 200,
    select: Select = "active",
    order: Order = "cluster",
    normalize: bool = False,
    seed: int = 0,
    stack: Stack = "decoder",
) -> NeuronClusters:
    """Which neurons fire alike?

    k-means (scikit-learn's; in mini-batches above 10,000 neurons) on the activations of each neuron over the tokens.

    Args:
        source: A trace, several, or arrays.
        n_clusters: K.
        layers: Layers; all by default.
        n_neurons: At most how many of the neurons; ``None`` for all.
        select: Which: "active" or "first".
        order: Rows by "cluster" (most active cluster first, in it by activity), "activity" or "index".
        normalize: Whether each neuron's activations are scaled to length 1 first, so that neurons cluster by where they
            fire and not by how much.
        seed: Of the start.
        stack: Of a sequence-to-sequence model: the decoder's neurons or the encoder's.

    Returns:
        The clusters.

    Raises:
        InvalidInput: If K is not in 1..number of neurons, or another argument is out of range.
        NonFinite: If an activation is NaN or infinite.

    Source:
        Lloyd 1982; Arthur and Vassilvitskii 2007 (start); Sculley 2010 (mini-batches); Rousseeuw 1987.

    Example:
        >>> rows = np.array([[5.0, 0.0], [5.1, 0.0], [0.0, 1.0], [0.0, 1.1]])
        >>> found = cluster_neurons([rows.T], 2)
        >>> found.cluster.tolist(), found.index.tolist()
        ([0, 0, 1, 1], [1, 0, 3, 2])
    """
    if order not in {"cluster", "activity", "index"}:
        raise InvalidInput(f"order must be 'cluster', 'activity' or 'index', got {order!r}.")
    found = neuron_activations(source, layers, n_neurons=n_neurons, select=select, stack=stack)
    n_clusters = _count("n_clusters", n_clusters, len(found.values))
    # scikit-learn multiplies float32 rows in float32, which moves neurons between clusters that are equally near.
    rows = found.values.astype(np.float64)
    if normalize:
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    labels = _k_means(rows, n_clusters, seed)
    labels = _by_activity(labels, found.activity, n_clusters)
    silhouette = _silhouette(rows, labels, seed)
    ordered = {
        "cluster": lambda: np.lexsort((-found.activity, labels)),
        "activity": lambda: np.argsort(-found.activity, kind="stable"),
        "index": lambda: np.lexsort((found.index, found.layer)),
    }[order]()
    centres = np.stack([_mean(found.values[labels == k], found.values.shape[1]) for k in range(n_clusters)])
    return NeuronClusters(
        values=found.values[ordered],
        layer=found.layer[ordered],
        index=found.index[ordered],
        activity=found.activity[ordered],
        total=found.total,
        cluster=labels[ordered].astype(np.int32),
        centres=centres,
        silhouette=silhouette,
    )


def _k_means(rows: NDArray[np.float64], n_clusters: int, seed: int) -> NDArray[np.int64]:
    # More clusters than different rows would only make empty ones, and a warning.
    distinct = len(np.unique(rows, axis=0)) if len(rows) <= _MANY else n_clusters
    k = min(n_clusters, distinct)
    method = KMeans if len(rows) <= _MANY else MiniBatchKMeans
    labels: NDArray[np.int64] = method(k, n_init=_STARTS, random_state=seed).fit_predict(rows).astype(np.int64)
    return labels


def _by_activity(labels: NDArray[np.int64], activity: NDArray[np.float32], n_clusters: int) -> NDArray[np.int64]:
    """Clusters numbered from the most active on average down."""
    means = np.array([activity[labels == k].mean() if (labels == k).any() else -1.0 for k in range(n_clusters)])
    number = np.empty(n_clusters, dtype=np.int64)
    number[np.argsort(-means, kind="stable")] = np.arange(n_clusters)
    return number[labels]


def _silhouette(rows: NDArray[np.float64], labels: NDArray[np.int64], seed: int) -> float:
    if not 1 < len(np.unique(labels)) < len(rows):
        return float("nan")
    size = min(len(rows), _SILHOUETTE_SAMPLE)
    chosen = np.arange(len(rows))
    if size < len(rows):
        chosen = np.random.default_rng(seed).choice(len(rows), size, replace=False)
    if not 1 < len(np.unique(labels[chosen])) < len(chosen):
        return float("nan")
    return float(silhouette_score(rows[chosen], labels[chosen]))


def _mean(rows: NDArray[np.float32], n_tokens: int) -> NDArray[np.float32]:
    """Mean of rows (n, T); zeros for an empty cluster."""
    return rows.mean(axis=0) if len(rows) else np.zeros(n_tokens, dtype=np.float32)


def _count(name: str, value: object, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not 1 <= value <= most:
        raise InvalidInput(f"{name} must be an integer in 1..{most} (the number of neurons), got {value!r}.")
    return int(value)
