"""Records neurons of the demo model, for the stand-in kernel of the test page.

    python -m tests.browser.standalone.record_neurons

Writes ``page/neurons-data.json``: for some runs of the demo model and some layers, the activations of the most active
neurons, their clusters, what some of them promote, and what the model does with one of them changed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

import ecco_widgets as ecco
from ecco_widgets.models.trace import Trace
from ecco_widgets.widgets._tokens import describe_run
from tests.browser.standalone.record_factors import (
    COUNTRIES,
    PASSAGE,
    PASSAGE_TOKENS,
    _numbers,
    _vocabulary,
    changed,
)

OUT = Path(__file__).parent / "page" / "neurons-data.json"
RUNS: dict[str, tuple[str, int, list[int], list[int]]] = {
    "countries": (COUNTRIES, 20, [2, 3], [1, 4, 5, 6, 8]),
    "passage": (PASSAGE, 0, [3], [8]),
}
"""Prompt, tokens to generate, layers, numbers of clusters."""
MOST = 160
DETAILED, BINS, BEST = 12, 24, 10


def _shown(trace: Trace, values: NDArray[Any]) -> NDArray[Any]:
    """(N, T) with each generated token's column that of the state that led to it."""
    columns = [p if p < trace.n_prompt else p - 1 for p in range(trace.n_tokens)]
    shown: NDArray[Any] = values[columns].T
    return shown


def _histogram(values: NDArray[Any]) -> dict[str, Any]:
    counts, edges = np.histogram(values, bins=BINS)
    return {"edges": _numbers(edges), "counts": counts.tolist()}


def _clusters(values: NDArray[Any], k: int) -> dict[str, Any]:
    """Clusters of patterns, numbered by where along the text they fire."""
    points = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-9)
    found = KMeans(k, n_init=4, random_state=0).fit_predict(points)
    place = np.arange(values.shape[1])
    weight = np.maximum(values, 0)
    middles = [float((weight[found == c].sum(axis=0) * place).sum() / weight[found == c].sum()) for c in range(k)]
    ranks = np.argsort(np.argsort(middles))
    return {
        "cluster": ranks[found].tolist(),
        "silhouette": float(silhouette_score(points, found)) if k > 1 else None,
    }


def _layer(trace: Trace, layer: int, ks: list[int]) -> dict[str, Any]:
    activations = trace.activations([layer])[0].float().numpy()
    strength = np.sqrt((activations**2).mean(axis=0))
    chosen = np.argsort(-strength, kind="stable")[:MOST]
    shown = _shown(trace, activations)
    directions = trace.lm.neurons.directions(layer).float()
    return {
        "neurons": chosen.tolist(),
        "values": _numbers(shown[chosen]),
        "clusters": {k: {m: _clusters(shown[chosen[:m]], k) for m in (40, 100, MOST)} for k in ks},
        "total": activations.shape[1],
        "histogram": _histogram(activations),
        "details": {
            int(n): {
                "values": _numbers(shown[n]),
                "top_tokens": [int(t) for t in np.argsort(-shown[n], kind="stable")[:BEST] if shown[n, t] > 0],
                "histogram": _histogram(activations[:, n]),
                **_vocabulary(trace.lm, torch.as_tensor(directions[n])),
                "no_vocabulary": "",
            }
            for n in [*chosen[:DETAILED].tolist(), 7]
        },
    }


def main() -> None:
    """Write the file."""
    lm = ecco.load_demo()
    data: dict[str, Any] = {}
    for name, (prompt, new, layers, ks) in RUNS.items():
        trace = lm.generate(prompt, generate=new) if new else lm(prompt)
        if name == "passage":
            trace = lm("".join(trace.pieces.texts[:PASSAGE_TOKENS]))
        data[name] = {
            **describe_run(trace),
            "layers": lm.n_layers,
            "widths": list(lm.neurons.widths),
            "maps": {layer: _layer(trace, layer, ks) for layer in layers},
        }
        if new:
            first = data[name]["maps"][layers[-1]]["neurons"][0]
            data[name]["intervened"] = changed(trace, {layers[-1]: [first]}, action="scale", value=40.0)
            data[name]["intervened_index"] = first
    OUT.write_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
