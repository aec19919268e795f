"""What the widget of factors asks of the worker: factorizations that tell what they have, cards, ablations."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecco_widgets.analysis.decompositions import CAVEATS
from ecco_widgets.analysis.factor_summary import factor_neurons, factor_statistics, top_neurons
from ecco_widgets.analysis.factorization import Factors, factorize
from ecco_widgets.analysis.neuron_vocabulary import vocabulary_effect
from ecco_widgets.errors import UnsupportedMethod, UnsupportedModel
from ecco_widgets.live import Engine, Job, Preempted
from ecco_widgets.widgets._intervening import changed
from ecco_widgets.widgets._shown_states import Runs, ShownStates, shown_states

FACTORS, CARD, ABLATE = "factors.factors", "factors.card", "factors.ablate"

MOST_ITERATIONS = 200
# What is nearly there is not shown half done; after that, pictures at most so often (seconds).
_FIRST_AFTER, _EVERY = 0.05, 0.2
# The engine leaves out what comes faster than it tells.
_TELL_EVERY = 0.06
# Iterations from the factors at hand, for a first picture, where a factorization took longer than this (seconds).
_PREVIEW_ITERATIONS, _LONG = 12, 0.15
# Whoever keeps pointing at things elsewhere makes it begin again; after so many times it goes on from its last picture.
_COLD_ATTEMPTS = 3

# Tokens and neurons that a card names.
_MOST_TOKENS = 10


@dataclass(frozen=True)
class AtHand:
    """What cards and ablations are about: factors that are shown.

    Attributes:
        shown: The run.
        factors: Its factors.
        ids: Their identities.
    """

    shown: ShownStates
    factors: Factors
    ids: tuple[int, ...]


def register(engine: Engine) -> None:
    """Let requests ask for these analyses."""
    engine.register(FACTORS, _factors)
    engine.register(CARD, _card)
    engine.register(ABLATE, _ablation)


def decompose(shown: ShownStates, params: Mapping[str, Any], telling: Telling | None = None, **options: Any) -> Factors:
    """Factors of a run as the widget's traits ask for them.

    Args:
        shown: The run.
        params: "layers" (``None``: all), "n_components", "method", "seed", "normalize".
        telling: Is told how far it is.
        **options: Further arguments of ``analysis.factorize``.
    """
    if telling is not None:
        options |= {"callback": telling.iterated, "on_snapshot": telling.snapshot, "snapshot_at": telling.due}
    return factorize(
        shown.traces,
        params["n_components"],
        params["layers"],
        method=params["method"],
        seed=params["seed"],
        normalise="tokens" if params["normalize"] else None,
        stack=shown.stack_argument,
        **options,
    )


class Telling:
    """Passes on what a factorization has so far: the first picture soon, then a few a second, each better than before.

    Args:
        job: Whom to tell; it is asked after each iteration whether it goes on.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._shown = time.monotonic() + _FIRST_AFTER - _EVERY
        self._told = float("-inf")
        self._best = float("inf")
        self._error = 1.0
        self.latest: Factors | None = None

    def iterated(self, iteration: int, error: float) -> None:
        """Another pass is done; with iteration 0 the start is still made."""
        self._error = error
        if self.due(iteration, error) or time.monotonic() - self._told < _TELL_EVERY:
            self._job.check()  # the picture itself says how far it is
            return
        self._say(iteration, None)

    def due(self, iteration: int, error: float) -> bool:
        """Whether there is to be a picture after this iteration."""
        return iteration > 0 and time.monotonic() - self._shown >= _EVERY and error < self._best

    def snapshot(self, factors: Factors) -> None:
        """A picture."""
        self._shown, self._best, self.latest = time.monotonic(), factors.relative_error, factors
        # The engine leaves out what comes faster than it tells.
        time.sleep(min(_TELL_EVERY, max(0.0, self._told + _TELL_EVERY - time.monotonic())))
        self._say(factors.iterations, factors)

    def _say(self, iteration: int, partial: Factors | None) -> None:
        self._told = time.monotonic()
        label = f"iteration {iteration} · error {100 * self._error:.1f}%" if iteration else "looking for a start"
        # Never "all done": the end says so itself, and is not to be told sooner than the pace allows.
        self._job.progress(min(iteration, MOST_ITERATIONS - 1), MOST_ITERATIONS, label, partial)


def _factors(job: Job, runs: Runs, params: Mapping[str, Any]) -> Factors:
    shown = shown_states(runs, params["stack"])
    last, long, resume = ("last factors", params["stack"]), ("seconds", params["stack"]), ("resume", job.key)
    job.check()
    telling = Telling(job)
    began = time.monotonic()
    nmf = params["method"] == "nmf"
    here = job.cache.get(resume) if nmf and job.attempt > _COLD_ATTEMPTS else None
    previous = job.cache.get(last) if nmf else None
    try:
        if here is None and previous is not None and job.cache.get(long, 0.0) > _LONG:
            # Where one has been before is nearer than a start from nothing, so this gives the first pictures. The last
            # one does not depend on it: the same settings give the same factors, however the slider got there.
            decompose(shown, params, telling, warm_start=previous, max_iterations=_PREVIEW_ITERATIONS)
        found = decompose(shown, params, telling, warm_start=here)
    except Preempted:
        if telling.latest is not None:
            job.cache.put(resume, telling.latest)
        raise
    if nmf:
        job.cache.put(last, found)
        job.cache.put(long, time.monotonic() - began)
    return found


def n_neurons(factors: Factors) -> NDArray[np.int64]:
    """How many neurons of each factor have a loading that is not zero, (K,)."""
    counts: NDArray[np.int64] = np.count_nonzero(factors.neuron_loadings, axis=1)
    return counts


def _card(job: Job, at_hand: AtHand, params: Mapping[str, Any]) -> dict[str, Any]:
    job.check()
    for trace in at_hand.shown.traces:  # loadings of one version of the weights and directions of another don't mix
        trace.check_weights()
    return card_of(at_hand, params["row"])


def card_of(at_hand: AtHand, row: int) -> dict[str, Any]:
    """Statistics of one factor, as they travel (``_schema_factors.FactorCard``, without its spec)."""
    factors, shown, ids = at_hand.factors, at_hand.shown, at_hand.ids
    counts = factor_statistics(factors)
    best = top_neurons(factors, row, None)
    neurons: dict[int, list[int]] = {}
    weights: dict[int, list[float]] = {}
    for layer, index, loading in best:
        neurons.setdefault(layer, []).append(index)
        weights.setdefault(layer, []).append(loading)
    shared = [(other, int(counts.shared[row, k])) for k, other in enumerate(ids) if k != row]
    return {
        "id": ids[row],
        "n_neurons": int(counts.n_neurons[row]),
        "share": float(counts.share[row]),
        "explained": float(factors.explained[row]),
        "layers": list(counts.layers),
        "by_layer": counts.per_layer[row].tolist(),
        "shared": [{"id": other, "n": n} for other, n in sorted(shared, key=lambda item: -item[1])],
        "top_neurons": [
            {"layer": layer, "index": index, "loading": loading} for layer, index, loading in best[:_MOST_TOKENS]
        ],
        "top_tokens": strongest_tokens(shown.shown(factors.token_loadings[row])),
        **vocabulary_of(shown, neurons, weights),
    }


def _ablation(job: Job, at_hand: AtHand, params: Mapping[str, Any]) -> dict[str, Any]:
    neurons = factor_neurons(at_hand.factors, params["row"], params["top"])
    return changed(job, at_hand.shown, params["text"], neurons, params)


def reordered(factors: Factors, order: Sequence[int]) -> Factors:
    """The same factors in another order."""
    order, names = list(order), ("token_loadings", "neuron_loadings", "explained")
    values: dict[str, Any] = {name: getattr(factors, name)[order] for name in names}
    if factors.stability is not None:
        values["stability"] = replace(factors.stability, cosines=factors.stability.cosines[:, order])
    return replace(factors, **values)


def is_signed(method: str) -> bool:
    """Whether loadings may be below zero."""
    return method != "nmf"


def method_options() -> list[dict[str, Any]]:
    """The methods with what to know of them."""
    return [
        {
            "name": name,
            "label": name.upper(),
            "note": note,
            "unavailable": "",
            "signed": is_signed(name),
            "seeded": name != "pca",
        }
        for name, note in CAVEATS.items()
    ]


def vocabulary_of(
    shown: ShownStates, neurons: Mapping[int, Sequence[int]], weights: Mapping[int, Sequence[float]] | None = None
) -> dict[str, Any]:
    """What neurons promote and suppress, or why nothing can be said of it, as cards have it."""
    if shown.stack == "encoder":
        reason = "an encoder's states predict no tokens."
        return {"promotes": [], "suppresses": [], "no_vocabulary": reason}
    if not any(map(len, neurons.values())):
        return {"promotes": [], "suppresses": [], "no_vocabulary": "the factor has no neurons."}
    try:
        found = vocabulary_effect(shown.lm, neurons, weights, min(_MOST_TOKENS, shown.lm.vocabulary))
    except (UnsupportedMethod, UnsupportedModel) as error:
        return {"promotes": [], "suppresses": [], "no_vocabulary": error.message}
    return {
        "promotes": [{"id": token, "text": text, "score": score} for token, text, score in found.promoted],
        "suppresses": [{"id": token, "text": text, "score": score} for token, text, score in found.suppressed],
        "no_vocabulary": "",
    }


def strongest_tokens(loadings: Any, most: int = _MOST_TOKENS) -> list[int]:
    """Positions in the shown sequence, largest loading first; those without any left out."""
    sizes = np.nan_to_num(np.abs(loadings), nan=0.0)
    order: Sequence[int] = np.argsort(-sizes, kind="stable")[:most].tolist()
    return [position for position in order if sizes[position] > 0]
