"""Which tokens do neurons promote and suppress? What they write, put through the final norm and the head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from ecco_widgets.errors import InvalidInput, NonFinite, UnsupportedMethod

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
        NonFinite: If a logit is NaN or infinite.
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
    known = torch.arange(len(without), device=without.device) < len(lm.tokenizer)
    usable = known & ~without.isneginf()  # entries that only round the vocabulary up, or that the model masks
    scores = with_it - without
    if not bool(scores[usable].isfinite().all()):
        raise NonFinite("a logit of the neurons' direction is NaN or infinite.", hint="Load the weights in float32.")
    k = min(k, int(usable.sum()))
    best = scores.masked_fill(~usable, -torch.inf).topk(k)
    worst = scores.masked_fill(~usable, torch.inf).topk(k, largest=False)
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
