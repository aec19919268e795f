"""Saved states of the rankings widget with numbers of the demo model, as the kernel would send them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

import ecco_widgets as ecco
from ecco_widgets import analysis
from ecco_widgets.widgets._tokens import describe_run

COUNTRIES = "The countries of the European Union are:\n1. Austria\n2. Belgium\n3. Bulgaria\n4."
LONG_WORDS = "Notwithstanding the extraordinary circumstances, Dr. Müller-Lüdenscheidt said:\tthe\n\n “naïve” board—…"
MEASURES = ("rank", "log_probability", "entropy", "kl")
LISTED = 5
SITES = [
    {"name": "block", "label": "block", "note": "the residual stream after the block", "unavailable": ""},
    {"name": "attention_out", "label": "attention", "note": "between attention and FFNN", "unavailable": ""},
    {"name": "ffn_out", "label": "FFNN", "note": "what the FFNN adds", "unavailable": ""},
]


@cache
def run(text: str, generate: int) -> Any:
    """A run of the demo model."""
    return ecco.load_demo().generate(text, generate=generate)


def grid(trace: Any, positions: Sequence[int]) -> dict[str, Any]:
    """The numbers of all layers at some positions."""
    statistics = analysis.lens_statistics(trace, positions)
    tops = [analysis.top_tokens(trace, position, k=LISTED) for position in positions]
    ids = np.stack([top.ids for top in tops], axis=1).astype(np.int32)
    texts = {
        str(token): text
        for top in tops
        for row, words in zip(top.ids, top.texts, strict=True)
        for token, text in zip(row, words, strict=True)
    }
    return {
        "positions": list(positions),
        **{name: getattr(statistics, name) for name in MEASURES},
        "top_ids": ids,
        "top_probabilities": np.stack([top.probabilities for top in tops], axis=1),
        "texts": texts,
    }


def top(trace: Any, position: int, k: int = 10) -> dict[str, Any]:
    """The best tokens of each layer at one position."""
    found = analysis.top_tokens(trace, position, k=k)
    statistics = analysis.lens_statistics(trace, [position])
    return {
        "spec": f"trace-1|{position}|{k}|1|block",
        "position": position,
        "ids": found.ids.astype(np.int32),
        "probabilities": found.probabilities,
        "texts": found.texts,
        "actual": {"id": int(trace.token_ids[position]), "text": trace.pieces.texts[position]},
        "actual_ranks": statistics.rank[:, 0],
        "actual_probabilities": np.exp(statistics.log_probability[:, 0]),
    }


def stretched(numbers: dict[str, Any], layers: int) -> dict[str, Any]:
    """The same positions with as many layers as are wanted, between those that there are: for maps of larger models."""
    have = numbers["rank"].shape[0]
    at = np.linspace(0, have - 1, layers)
    low, share = np.floor(at).astype(int), at - np.floor(at)
    high = np.minimum(low + 1, have - 1)

    def between(values: NDArray[Any]) -> NDArray[np.float64]:
        mixed: NDArray[np.float64] = values[low] * (1 - share[:, None]) + values[high] * share[:, None]
        return mixed

    out = {name: between(numbers[name]).astype(np.float32) for name in MEASURES}
    out["rank"] = np.exp(between(np.log(numbers["rank"]))).round().astype(np.int32)
    nearest = at.round().astype(int)
    tops = {name: numbers[name][nearest] for name in ("top_ids", "top_probabilities")}
    return {"positions": numbers["positions"], "texts": numbers["texts"], **out, **tops}


def repeated(numbers: dict[str, Any], tokens: dict[str, Any], columns: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The same columns again and again, with their tokens: for texts longer than the model's context."""
    have = len(numbers["positions"])
    at = np.arange(columns) % have
    out = {name: numbers[name][:, at] for name in (*MEASURES, "top_ids", "top_probabilities")}
    chosen = [numbers["positions"][i] for i in at]
    words = [tokens["texts"][p] for p in chosen]
    longer = tokens | {
        "texts": ["<|endoftext|>", *words],
        "ids": [0, *(tokens["ids"][p] for p in chosen)],
        "n_prompt": 1,
        "special": [0],
        "fragments": [],
        "explainable": list(range(1, columns + 1)),
        "segments": [{"name": "text", "start": 0, "stop": columns + 1}],
    }
    return out | {"positions": list(range(1, columns + 1)), "texts": numbers["texts"]}, longer


def _plain(value: Any, path: list[Any], buffers: list[dict[str, Any]]) -> Any:
    if isinstance(value, np.ndarray):
        data = np.ascontiguousarray(value)
        encoded = base64.b64encode(data.tobytes()).decode()
        buffers.append({"path": [*path, "data"], "data": encoded, "encoding": "base64"})
        return {"dtype": data.dtype.name, "shape": list(data.shape)}
    if isinstance(value, dict):
        return {key: _plain(item, [*path, key], buffers) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, [*path, i], buffers) for i, item in enumerate(value)]
    return value


def saved(state: dict[str, Any]) -> dict[str, Any]:
    """A state as ipywidgets saves it."""
    buffers: list[dict[str, Any]] = []
    return {"state": _plain(state, [], buffers), "buffers": buffers}


def state(
    *, text: str = COUNTRIES, generate: int = 20, layers: int | None = None, columns: int | None = None, **traits: Any
) -> dict[str, Any]:
    """A widget over a run of the demo model.

    Args:
        text: The prompt.
        generate: Tokens to generate.
        layers: Stretch the six layers to as many.
        columns: Repeat the generated tokens until there are as many.
        traits: Other traits.
    """
    trace = run(text, generate)
    described = describe_run(trace)
    tokens = described["_tokens"] | {"run": "trace-1"}
    every = traits.get("scope") == "all"
    numbers = grid(trace, tokens["explainable"] if every else range(tokens["n_prompt"], len(tokens["texts"])))
    if columns is not None:
        numbers, tokens = repeated(numbers, tokens, columns)
    if layers is not None:
        numbers = stretched(numbers, layers)
    count = numbers["rank"].shape[0]
    scope = traits.get("scope", "generated")
    position = traits.get("position")
    return {
        "_tokens": tokens,
        "_model": described["_model"] | {"layers": count},
        "_lens": {
            "sites": SITES,
            "has_final_norm": True,
            "n_layers": count,
            "layer_names": [f"layer {i}" for i in range(count)],
            "most_top": 50,
            "next_position": len(tokens["texts"]),
        },
        "_grid": {"spec": f"trace-1|{scope}|1|block", **numbers},
        "_top": top(trace, position) if position is not None and columns is None and layers is None else {},
        "_kept": [],
        "_watched": [],
        "measure": "rank",
        "scope": "generated",
        "position": None,
        "marked": None,
        "topk": 10,
        "final_norm": True,
        "site": "block",
        "layer_order": "top",
        "watch": [],
        **traits,
    }
