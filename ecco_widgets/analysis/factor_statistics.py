"""What is a factor made of? How many neurons, in which layers, shared with whom, and which tokens it promotes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from ecco_widgets.errors import InvalidInput, UnsupportedMethod

if TYPE_CHECKING:
    from ecco_widgets.models.language_model import LanguageModel


@dataclass(frozen=True)
class FactorStatistics:
    """Counts of the neurons of K factors; a neuron is in a factor if its loading's size is above a threshold.

    Attributes:
        layers: The L' layers that were factorized.
        total: N, number of their neurons.
        n_neurons: Neurons in each factor, (K,).
        share: The same as a share of all neurons, (K,).
        by_layer: The same for each layer, (K, L').
        shared: Neurons in both of two factors, (K, K); the diagonal is ``n_neurons``.
    """

    layers: tuple[int, ...]
    total: int
    n_neurons: NDArray[np.int64]
    share: NDArray[np.float64]
    by_layer: NDArray[np.int64]
    shared: NDArray[np.int64]


@dataclass(frozen=True)
class VocabularyEffect:
    """Tokens that a direction in the residual stream makes more, and less, likely.

    Attributes:
        promoted: k (id, text, score), largest score first.
        suppressed: k (id, text, score), smallest score first.
    """

    promoted: list[tuple[int, str, float]]
    suppressed: list[tuple[int, str, float]]


def factor_statistics(
    neuron_loadings: NDArray[np.floating],
    layer: Sequence[int] | NDArray[np.integer],
    threshold: float = 0.0,
) -> FactorStatistics:
    """How many neurons do factors have, where are they, and which do they share?

    Args:
        neuron_loadings: Shape (K, N).
        layer: Layer of each neuron, (N,).
        threshold: A loading must be larger than this share of its factor's largest one to count; with 0 every loading
            that is not zero counts, as in Ecco's article.

    Returns:
        The counts.

    Raises:
        InvalidInput: If shapes do not fit or the threshold is not in 0..1.

    Example:
        >>> found = factor_statistics(np.array([[1.0, 0.5, 0.0], [0.0, 2.0, 1.0]]), [0, 0, 1])
        >>> found.n_neurons.tolist(), found.shared.tolist(), found.by_layer.tolist()
        ([2, 2], [[2, 1], [1, 2]], [[2, 0], [1, 1]])
    """
    sizes = np.abs(np.asarray(neuron_loadings))
    of_layer = np.asarray(layer)
    if sizes.ndim != 2 or of_layer.shape != sizes.shape[1:]:
        raise InvalidInput(
            f"neuron_loadings must be (K, N) and layer (N,), got {sizes.shape} and {of_layer.shape}.",
        )
    if isinstance(threshold, bool) or not isinstance(threshold, (int, float)) or not 0 <= threshold < 1:
        raise InvalidInput(f"threshold must be a number from 0 to below 1, got {threshold!r}.")
    inside = sizes > threshold * sizes.max(axis=1, keepdims=True, initial=0.0)
    layers = np.unique(of_layer)
    counts = inside.sum(axis=1)
    members = inside.astype(np.float64)
    return FactorStatistics(
        layers=tuple(layers.tolist()),
        total=sizes.shape[1],
        n_neurons=counts,
        share=counts / sizes.shape[1],
        by_layer=np.stack([inside[:, of_layer == number].sum(axis=1) for number in layers], axis=1),
        shared=np.rint(members @ members.T).astype(np.int64),
    )


def top_neurons(
    loadings: NDArray[np.floating],
    layer: NDArray[np.integer],
    index: NDArray[np.integer],
    k: int | None = 10,
) -> list[tuple[int, int, float]]:
    """The neurons with the largest loadings of one factor.

    Args:
        loadings: Shape (N,).
        layer: Layer of each neuron, (N,).
        index: Index of each neuron in its layer, (N,).
        k: How many; ``None`` for all that are not zero.

    Returns:
        (layer, index, loading), largest size first; fewer than k where fewer are not zero.

    Example:
        >>> top_neurons(np.array([0.0, 2.0, 1.0]), np.array([0, 0, 1]), np.array([0, 1, 0]), 2)
        [(0, 1, 2.0), (1, 0, 1.0)]
    """
    sizes = np.abs(loadings)
    order = np.argsort(-sizes, kind="stable")[: None if k is None else k]
    return [(int(layer[n]), int(index[n]), float(loadings[n])) for n in order if sizes[n] > 0]


def vocabulary_effect(
    lm: LanguageModel,
    neurons: Mapping[int, Sequence[int]],
    weights: Mapping[int, Sequence[float]] | None = None,
    k: int = 10,
) -> VocabularyEffect:
    """Which tokens would neurons promote and suppress, if what they write were the whole last state?

    The output directions of the neurons, weighed and summed up, go through the final norm and the head; the score is
    the logit less that of a zero state, so that biases do not count.

    Args:
        lm: The model.
        neurons: Indices of neurons by layer.
        weights: Weight of each, by layer in the same order; 1 by default. A factor's loadings, for one.
        k: How many tokens on each side.

    Returns:
        The tokens with their scores.

    Raises:
        InvalidInput: If a neuron or k is out of range, or there is no neuron.
        UnsupportedMethod: If the model predicts no tokens from single states.

    Source:
        Geva et al. 2022 (arXiv 2203.14680), with the final norm.

    Example:
        >>> import ecco_widgets as ecco
        >>> found = vocabulary_effect(ecco.load_demo(), {5: [0, 1]}, k=3)
        >>> len(found.promoted), len(found.suppressed)
        (3, 3)
    """
    if lm.kind == "classification":
        raise UnsupportedMethod(
            f"{lm.name} is a classifier: no single state of it becomes a prediction of tokens.",
            hint="analysis.intervene says what neurons do to its classes.",
        )
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= lm.vocabulary:
        raise InvalidInput(f"k must be an integer in 1..{lm.vocabulary} (the vocabulary), got {k!r}.")
    direction = _direction(lm, neurons, weights)
    with torch.no_grad(), lm.running():
        states = torch.stack([direction, torch.zeros_like(direction)])
        with_it, without = lm.parts.logits(lm.blocks.finish(states)).float()
    scores = with_it - without
    n_known = min(len(lm.tokenizer), len(scores))  # entries that only round the vocabulary up are no tokens
    k = min(k, n_known)
    best, worst = scores[:n_known].topk(k), scores[:n_known].topk(k, largest=False)
    return VocabularyEffect(
        *(
            [(int(token), lm.token_text(int(token)), float(score)) for token, score in zip(ids, values, strict=True)]
            for values, ids in (best, worst)
        )
    )


def _direction(
    lm: LanguageModel, neurons: Mapping[int, Sequence[int]], weights: Mapping[int, Sequence[float]] | None
) -> torch.Tensor:
    """Weighted sum (D,) of what neurons add to the residual stream."""
    total: torch.Tensor | None = None
    for layer, indices in neurons.items():
        directions = lm.neurons.directions(layer)
        chosen = np.asarray(indices, dtype=np.int64)
        if len(chosen) and not 0 <= chosen.min() <= chosen.max() < len(directions):
            raise InvalidInput(f"layer {layer} has neurons 0..{len(directions) - 1}, got {list(indices)!r}.")
        given = np.ones(len(chosen)) if weights is None else np.asarray(weights[layer], dtype=np.float64)
        if given.shape != chosen.shape:
            raise InvalidInput(f"weights[{layer}] must hold one number for each neuron, got {given.shape}.")
        rows = directions[torch.as_tensor(chosen, device=directions.device)].float()
        part = torch.as_tensor(given, dtype=torch.float32, device=rows.device) @ rows
        total = part if total is None else total + part.to(total.device)
    if total is None:
        raise InvalidInput("no neurons were given.", hint="Pass indices by layer, e.g. {2: [7, 8]}.")
    dtype = next(lm.parts.embedding.parameters()).dtype
    return total.to(lm.device, dtype if dtype.is_floating_point else torch.float32)
