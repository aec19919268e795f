"""Which tokens do neurons promote and suppress? What they write, put through the final norm and the head."""

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
class VocabularyEffect:
    """Tokens that a direction in the residual stream makes more, and less, likely.

    Attributes:
        promoted: k (id, text, score), largest score first.
        suppressed: k (id, text, score), smallest score first.
    """

    promoted: list[tuple[int, str, float]]
    suppressed: list[tuple[int, str, float]]


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
    neurons: Mapping[int, Sequence[int] | int],
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
    lm: LanguageModel, neurons: Mapping[int, Sequence[int] | int], weights: Mapping[int, Sequence[float]] | None
) -> torch.Tensor:
    """Weighted sum (D,) of what neurons add to the residual stream."""
    total: torch.Tensor | None = None
    for layer, indices in neurons.items():
        directions = lm.neurons.directions(layer)
        chosen = np.atleast_1d(np.asarray(indices, dtype=np.int64))
        if len(chosen) and not 0 <= chosen.min() <= chosen.max() < len(directions):
            raise InvalidInput(f"layer {layer} has neurons 0..{len(directions) - 1}, got {chosen.tolist()!r}.")
        if weights is not None and layer not in weights:
            raise InvalidInput(f"weights has no layer {layer}; it has {', '.join(map(str, weights)) or 'none'}.")
        given = np.ones(len(chosen)) if weights is None else np.atleast_1d(np.asarray(weights[layer], dtype=np.float64))
        if not np.isfinite(given).all():
            raise InvalidInput(f"weights[{layer}] contain NaN or infinity.", hint="Pass finite weights.")
        if given.shape != chosen.shape:
            raise InvalidInput(f"weights[{layer}] must hold one number for each neuron, got {given.shape}.")
        rows = directions[torch.as_tensor(chosen, device=directions.device)].float()
        part = torch.as_tensor(given, dtype=torch.float32, device=rows.device) @ rows
        total = part if total is None else total + part.to(total.device)
    if total is None:
        raise InvalidInput("no neurons were given.", hint="Pass indices by layer, e.g. {2: [7, 8]}.")
    dtype = next(lm.parts.embedding.parameters()).dtype
    return total.to(lm.device, dtype if dtype.is_floating_point else torch.float32)
