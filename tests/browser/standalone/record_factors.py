"""Records factors of the demo model's neurons, for the stand-in kernel of the test page.

    python -m tests.browser.standalone.record_factors

Writes ``page/factors-data.json``: for some runs of the demo model, some numbers of factors and some layers, the factors
(also as they were after a few iterations), the statistics of each, and what the model does without some.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import ecco_widgets as ecco
from ecco_widgets.analysis.decompositions import CAVEATS
from ecco_widgets.analysis.factorization import Factors, Method, factorize
from ecco_widgets.analysis.interventions import intervene
from ecco_widgets.models.trace import Trace
from ecco_widgets.widgets._tokens import describe_run

OUT = Path(__file__).parent / "page" / "factors-data.json"
COUNTRIES = "The countries of the European Union are:\n1. Austria\n2. Belgium\n3. Bulgaria\n4."
PASSAGE = """\
I am a sick man.... I am a spiteful man. I am an unattractive man. I believe my liver is diseased. However, I \
know nothing at all about my disease, and do not know for certain what ails me. I don't consult a doctor for it, \
and never have, though I have a respect for medicine and doctors. Besides, I am extremely superstitious, \
sufficiently so to respect medicine, anyway (I am well-educated enough not to be superstitious, but I am \
superstitious). No, I refuse to consult a doctor from spite. That you probably will not understand. Well, I \
understand it, though. Of course, I can't explain who it is precisely that I am mortifying in this case by my \
spite: I am perfectly well aware that I cannot "pay out" the doctors by not consulting them; I know better than \
anyone that by all this I am only injuring myself and no one else. But still, if I don't consult a doctor it is \
from spite. My liver is bad, well--let it get worse!
I have been going on like that for a long time--twenty years. Now I am forty. I used to be in the government \
service, but am no longer. I was a spiteful official. I was rude and took pleasure in being so. I did not take \
bribes, you see, so I was bound to find a recompense in that, at least. (A poor jest, but I will not scratch it \
out. I wrote it thinking it would sound very witty.)"""
RUNS: dict[str, tuple[str, int, list[tuple[int, tuple[int, ...] | None]]]] = {
    "numbers": (" 1, 2, 3,", 12, [(k, None) for k in (1, 2, 3, 4, 5, 6)]),
    "countries": (
        COUNTRIES,
        20,
        [(k, None) for k in (*range(1, 13), 18)] + [(6, (0, 1, 2)), (6, (0, 1, 2, 5)), (6, (4,))],
    ),
    "passage": (PASSAGE, 0, [(k, None) for k in (6, 10, 18)]),
}
PASSAGE_TOKENS = 355
"""Dostoyevsky's first page (Constance Garnett's translation), cut."""
EARLY = (1, 4)
"""Iterations of which the unfinished factors are kept."""
ABLATED = {"numbers": [2, 4], "countries": [6]}
BEST = 10
OTHERS: tuple[Method, ...] = ("pca", "ica")


def _numbers(values: NDArray[Any]) -> list[Any]:
    """Three significant digits are enough to draw."""
    if values.dtype.kind == "i":
        return list(values.ravel().tolist())
    return [float(f"{value:.3g}") for value in values.ravel()]


def _vocabulary(lm: Any, direction: torch.Tensor) -> dict[str, Any]:
    states = torch.stack([direction, torch.zeros_like(direction)])
    raised, level = lm.parts.logits(lm.blocks.finish(states, final_norm=True)).float()
    scores = (raised - level).numpy()
    order = np.argsort(-scores)

    def listed(ids: NDArray[np.int64]) -> list[dict[str, Any]]:
        return [{"id": int(i), "text": lm.token_text(int(i)), "score": float(f"{scores[i]:.3g}")} for i in ids]

    return {"promotes": listed(order[:BEST]), "suppresses": listed(order[::-1][:BEST])}


def _card(lm: Any, h: NDArray[Any], shown: NDArray[Any], k: int, layers: list[int]) -> dict[str, Any]:
    widths = [lm.neurons.widths[layer] for layer in layers]
    starts = np.cumsum([0, *widths])
    own = h[k]
    best = np.argsort(-np.abs(own))[:BEST]
    where = np.searchsorted(starts, best, side="right") - 1
    direction = sum(
        torch.from_numpy(own[starts[i] : starts[i + 1]]) @ lm.neurons.directions(layer).float()
        for i, layer in enumerate(layers)
    )
    size = np.abs(shown[k])
    tokens = np.argsort(-size, kind="stable")
    return {
        "n_neurons": int((own != 0).sum()),
        "share": float((own != 0).mean()),
        "layers": layers,
        "by_layer": [int((own[starts[i] : starts[i + 1]] != 0).sum()) for i in range(len(layers))],
        "shared": [{"row": j, "n": int(((own != 0) & (h[j] != 0)).sum())} for j in range(len(h)) if j != k],
        "top_neurons": [
            {"layer": layers[i], "index": int(n - starts[i]), "loading": float(f"{own[n]:.3g}")}
            for i, n in zip(where, best, strict=True)
        ],
        "top_tokens": [int(t) for t in tokens[:BEST] if size[t] > 0.05 * size.max()],
        **_vocabulary(lm, direction),
        "no_vocabulary": "",
    }


def _probabilities(top: Any) -> list[dict[str, Any]]:
    pairs = zip(top.texts[0], top.probabilities[0], strict=True)
    return [{"text": text, "p": float(f"{p:.3g}")} for text, p in pairs]


def changed(trace: Trace, neurons: dict[int, list[int]], **how: Any) -> dict[str, Any]:
    """What the model does with some neurons changed, as it travels."""
    found = intervene(trace, neurons, **how)
    random = found.random_log_probability

    def text(run: Trace) -> dict[str, Any]:
        return {"texts": list(run.pieces.texts), "ids": run.token_ids.tolist()}

    return {
        "action": found.action,
        "value": found.value,
        "n_neurons": found.n_neurons,
        "n_random": len(random),
        "n_prompt": trace.n_prompt,
        "before": text(trace),
        "after": text(found.after) if found.after is not None else None,
        "first_changed": found.first_changed,
        "log_p": [
            {
                "position": int(p),
                "before": float(found.log_probability[i]),
                "after": float(found.changed_log_probability[i]),
                "random_mean": float(random[:, i].mean()),
                "random_spread": float(random[:, i].std(ddof=1)),
            }
            for i, p in enumerate(found.positions)
        ],
        "position": found.position,
        "top_before": _probabilities(found.top),
        "top_after": _probabilities(found.changed_top),
    }


def _factorization(
    trace: Trace, k: int, chosen: tuple[int, ...] | None, *, method: Method = "nmf", ablated: bool = False
) -> dict[str, Any]:
    lm = trace.lm
    early: list[Factors] = []
    found = factorize(trace, k, chosen, method=method, on_snapshot=early.append, snapshot_at=EARLY)
    shown = found.shown()[1]
    h, layers = found.neuron_loadings, list(found.layers)
    cards = [_card(lm, h, shown, row, layers) for row in range(k)]
    for row in range(k if ablated else 0):
        neurons = {layer: found.index[(found.layer == layer) & (h[row] > 0)].tolist() for layer in layers}
        cards[row]["ablation"] = changed(trace, {layer: own for layer, own in neurons.items() if own})
    return {
        "loadings": _numbers(shown),
        "explained": _numbers(found.explained),
        "n_neurons": [card["n_neurons"] for card in cards],
        "error": found.relative_error,
        "iterations": found.iterations,
        "layers": layers,
        "total_neurons": h.shape[1],
        "early": [
            {"iterations": at.iterations, "error": at.relative_error, "loadings": _numbers(at.shown()[1])}
            for at in early
        ],
        "cards": cards,
    }


def main() -> None:
    """Write the file."""
    lm = ecco.load_demo()
    data: dict[str, Any] = {}
    for name, (prompt, new, choices) in RUNS.items():
        trace = lm.generate(prompt, generate=new) if new else lm(prompt)
        if name == "passage":
            text = "".join(trace.pieces.texts[:PASSAGE_TOKENS])
            trace = lm(text)
            print(f"the passage has {trace.n_tokens} tokens")
        data[name] = {
            **describe_run(trace),
            "layers": lm.n_layers,
            "widths": list(lm.neurons.widths),
            "factors": {
                f"nmf|{k}|{'all' if layers is None else ','.join(map(str, layers))}": _factorization(
                    trace, k, layers, ablated=k in ABLATED.get(name, []) and layers is None
                )
                for k, layers in choices
            }
            | {f"{method}|6|all": _factorization(trace, 6, None, method=method) for method in OTHERS},
            "caveats": CAVEATS,
        }
    OUT.write_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
