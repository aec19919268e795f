"""What the widget of neurons asks of the worker: a layer's most active neurons in clusters, one neuron, changing it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecco_widgets.analysis.activation_matrix import read_activations
from ecco_widgets.analysis.neuron_clusters import cluster_neurons
from ecco_widgets.live import Engine, Job
from ecco_widgets.widgets._factor_rows import strongest_tokens, vocabulary_of
from ecco_widgets.widgets._intervening import changed
from ecco_widgets.widgets._shown_states import Runs, ShownStates, shown_states

MAP, NEURON, INTERVENE = "neurons.map", "neurons.neuron", "neurons.intervene"
ORDERS = ("cluster", "activity", "index")

_BINS = 40
_SEED = 0


def register(engine: Engine) -> None:
    """Let requests ask for these analyses."""
    engine.register(MAP, _map)
    engine.register(NEURON, _neuron)
    engine.register(INTERVENE, _intervention)


def map_of(shown: ShownStates, layer: int, n_clusters: int, order: str, n_shown: int) -> dict[str, Any]:
    """A layer's most active neurons in clusters, as they travel (``_schema_factors.NeuronMap``, without its spec).

    Args:
        shown: The run.
        layer: The layer.
        n_clusters: How many clusters.
        order: "cluster" (by cluster, in it by activity), "activity" (largest mean square first) or "index".
        n_shown: How many neurons.
    """
    activations = layer_activations(shown, layer)
    energy = np.square(activations, dtype=np.float64).mean(axis=0)
    most = np.argsort(-energy, kind="stable")[:n_shown]
    labels, silhouette = _clusters(activations[:, most], n_clusters)
    if order == "cluster":
        rows = np.lexsort((np.arange(len(most)), labels))
    else:
        rows = np.arange(len(most)) if order == "activity" else np.argsort(most, kind="stable")
    return {
        "layer": layer,
        "neurons": most[rows].astype(np.int32),
        "cluster": labels[rows].astype(np.int32),
        "values": shown.shown(activations[:, most[rows]].T),
        "silhouette": silhouette,
        "total": activations.shape[1],
        "histogram": histogram(activations),
    }


def _clusters(activations: NDArray[np.float32], n_clusters: int) -> tuple[NDArray[np.int32], float | None]:
    """Cluster of each neuron of (T, N), silent ones in the last one, and the mean silhouette."""
    n_active = int((activations != 0).any(axis=0).sum())
    if not n_active:
        return np.zeros(activations.shape[1], dtype=np.int32), None
    found = cluster_neurons(activations, min(n_clusters, n_active), seed=_SEED)
    labels = np.where(found.labels < 0, len(found.sizes), found.labels)
    return labels.astype(np.int32), None if np.isnan(found.silhouette) else float(found.silhouette)


def neuron_of(shown: ShownStates, layer: int, index: int) -> dict[str, Any]:
    """One neuron, as it travels (``_schema_factors.NeuronDetail``, without its spec)."""
    activations = layer_activations(shown, layer)[:, index]
    values = shown.shown(activations)
    return {
        "layer": layer,
        "index": index,
        "values": values,
        "top_tokens": strongest_tokens(np.maximum(values, 0)),
        "histogram": histogram(activations),
        **vocabulary_of(shown, {layer: [index]}),
    }


def layer_activations(shown: ShownStates, layer: int) -> NDArray[np.float32]:
    """Neurons (states, N) of a layer.

    Raises:
        NonFinite: If one is NaN or infinite.
    """
    matrix = read_activations(shown.traces, [layer], stack=shown.stack_argument, rectify=False)
    found: NDArray[np.float32] = matrix.values.cpu().numpy()
    return found


def histogram(values: NDArray[np.float32]) -> dict[str, Any]:
    """How often which values occur, in 40 bins from the smallest to the largest."""
    counts, edges = np.histogram(values, bins=_BINS)
    return {"edges": edges.astype(np.float32), "counts": counts.astype(np.int32)}


def _map(job: Job, runs: Runs, params: Mapping[str, Any]) -> dict[str, Any]:
    job.check()
    shown = shown_states(runs, params["stack"])
    return map_of(shown, params["layer"], params["n_clusters"], params["order"], params["n_shown"])


def _neuron(job: Job, runs: Runs, params: Mapping[str, Any]) -> dict[str, Any]:
    job.check()
    return neuron_of(shown_states(runs, params["stack"]), params["layer"], params["index"])


def _intervention(job: Job, runs: Runs, params: Mapping[str, Any]) -> dict[str, Any]:
    return changed(
        job, shown_states(runs, params["stack"]), params["text"], {params["layer"]: [params["index"]]}, params
    )
