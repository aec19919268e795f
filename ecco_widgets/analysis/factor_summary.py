"""What a factor is made of: its neurons and layers, its tokens, and the vocabulary it speaks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecco_widgets.errors import InvalidInput, NonFinite
from ecco_widgets.models.logits import at_least_single

if TYPE_CHECKING:
    from ecco_widgets.analysis.factorization import Factors


@dataclass(frozen=True)
class FactorStatistics:
    """Numbers about each of K factors. Where loadings have both signs (PCA, ICA), their absolute values are meant.

    Attributes:
        threshold: What "above the threshold" means: this share of the factor's largest neuron loading.
        n_neurons: Neurons with a loading above zero, (K,).
        n_above: Neurons with a loading above the threshold, (K,).
        share: ``n_neurons`` over all neurons, (K,).
        share_above: ``n_above`` over all neurons, (K,).
        layers: The L layers.
        per_layer: Neurons with a loading above zero in each layer, (K, L).
        per_layer_above: Those above the threshold, (K, L).
        weight_per_layer: Where the factor's squared loadings are, (K, L); rows add up to 1, or are zero.
        shared: Neurons with a loading above zero in both of two factors, (K, K).
        shared_above: Neurons above the threshold in both, (K, K).
        top_neurons: The m neurons with the largest loadings as columns of ``neuron_loadings``, (K, m), largest first.
        top_neuron_loadings: Their loadings, with their signs, (K, m).
        top_tokens: The m' tokens with the largest loadings as columns of ``token_loadings``, (K, m').
        top_token_loadings: Their loadings, with their signs, (K, m').
        explained: The factors' explained shares, (K,).
    """

    threshold: float
    n_neurons: NDArray[np.int64]
    n_above: NDArray[np.int64]
    share: NDArray[np.float32]
    share_above: NDArray[np.float32]
    layers: tuple[int, ...]
    per_layer: NDArray[np.int64]
    per_layer_above: NDArray[np.int64]
    weight_per_layer: NDArray[np.float32]
    shared: NDArray[np.int64]
    shared_above: NDArray[np.int64]
    top_neurons: NDArray[np.int64]
    top_neuron_loadings: NDArray[np.float32]
    top_tokens: NDArray[np.int64]
    top_token_loadings: NDArray[np.float32]
    explained: NDArray[np.float32]


@dataclass(frozen=True)
class FactorVocabulary:
    """The tokens of the vocabulary whose logits a factor raises and lowers most.

    Attributes:
        promoted: Token ids, (K, n), most raised first.
        promoted_effects: What is added to their logits, (K, n).
        suppressed: Token ids, (K, n), most lowered first.
        suppressed_effects: What is added to their logits, (K, n).
    """

    promoted: NDArray[np.int64]
    promoted_effects: NDArray[np.float32]
    suppressed: NDArray[np.int64]
    suppressed_effects: NDArray[np.float32]


def factor_statistics(factors: Factors, *, threshold: float = 0.1, n_top: int = 10) -> FactorStatistics:
    """How many neurons has each factor, where are they, which does it share with others, and what are the strongest?

    Args:
        factors: From ``factorize``.
        threshold: Share of a factor's largest loading, from 0 to below 1.
        n_top: How many top neurons and tokens, at most as many as there are.

    Returns:
        The statistics.

    Raises:
        InvalidInput: If an argument is out of range.

    Example:
        >>> from ecco_widgets.analysis.factorization import factorize
        >>> found = factor_statistics(factorize(np.kron(np.eye(2), np.ones((2, 3))), 2))
        >>> found.n_neurons.tolist(), found.shared.tolist()
        ([3, 3], [[3, 0], [0, 3]])
    """
    if isinstance(threshold, bool) or not isinstance(threshold, (int, float, np.floating)) or not 0 <= threshold < 1:
        raise InvalidInput(
            f"threshold must be a number from 0 to below 1, got {threshold!r}.",
            hint="It is a share of each factor's largest loading.",
        )
    if isinstance(n_top, bool) or not isinstance(n_top, (int, np.integer)) or n_top < 1:
        raise InvalidInput(f"n_top must be an integer of at least 1, got {n_top!r}.")
    size = np.abs(factors.neuron_loadings)
    n_neurons = size.shape[1]
    present = size > 0
    above = present & (size > threshold * size.max(axis=1, keepdims=True))
    firsts = np.searchsorted(factors.layer, factors.layers)  # neurons stand layer by layer
    squared = np.add.reduceat(size.astype(np.float64) ** 2, firsts, axis=1)
    top_neurons = _largest(size, n_top)
    top_tokens = _largest(np.abs(factors.token_loadings), n_top)
    return FactorStatistics(
        threshold=float(threshold),
        n_neurons=present.sum(axis=1),
        n_above=above.sum(axis=1),
        share=(present.sum(axis=1) / n_neurons).astype(np.float32),
        share_above=(above.sum(axis=1) / n_neurons).astype(np.float32),
        layers=factors.layers,
        per_layer=np.add.reduceat(present, firsts, axis=1, dtype=np.int64),
        per_layer_above=np.add.reduceat(above, firsts, axis=1, dtype=np.int64),
        weight_per_layer=(squared / np.maximum(squared.sum(axis=1, keepdims=True), 1e-300)).astype(np.float32),
        shared=_common(present),
        shared_above=_common(above),
        top_neurons=top_neurons,
        top_neuron_loadings=np.take_along_axis(factors.neuron_loadings, top_neurons, axis=1),
        top_tokens=top_tokens,
        top_token_loadings=np.take_along_axis(factors.token_loadings, top_tokens, axis=1),
        explained=factors.explained,
    )


def factor_vocabulary(
    factors: Factors,
    directions: Callable[[int], Tensor],
    finish: Callable[[Tensor], Tensor],
    head: Callable[[Tensor], Tensor],
    *,
    n: int = 10,
    n_neurons: int | None = None,
    state: Tensor | None = None,
) -> FactorVocabulary:
    """Which tokens of the vocabulary does each factor promote, and which does it suppress?

    A factor's direction d in the residual stream is the sum of its neurons' output directions, each times the neuron's
    loading. It is read like a state, through the final norm and the unembedding, as the change it makes:
    ``head(finish(s + d)) - head(finish(s))``. With s = 0 the biases of norm and head cancel out, and only the direction
    counts where there is a final norm. This leaves out what later layers make of it.

    Args:
        factors: From ``factorize``.
        directions: From a layer to the output directions (N_l, D) of its neurons, e.g. ``lm.neurons.directions``.
        finish: What comes after the last block, from (K, D), e.g. ``lm.blocks.finish``.
        head: From what ``finish`` gives to logits (K, V), e.g. ``lm.parts.logits``.
        n: How many tokens each way.
        n_neurons: Only so many neurons of each factor, those with the largest loadings; all by default.
        state: A state (D,) of the residual stream to add the direction to; zero by default.

    Returns:
        Ids and changes of logits.

    Raises:
        InvalidInput: If n or n_neurons is out of range.
        NonFinite: If a logit is not finite.

    Source:
        nostalgebraist 2020 (logit lens); Geva et al. 2022 (what neurons write, read through the unembedding).

    Example:
        >>> import ecco_widgets as ecco
        >>> from ecco_widgets.analysis.factorization import factorize
        >>> lm = ecco.load_demo()
        >>> factors = factorize(lm(" 1, 2, 3, 4, 5"), 2)
        >>> found = factor_vocabulary(factors, lm.neurons.directions, lm.blocks.finish, lm.parts.logits, n=5)
        >>> found.promoted.shape
        (2, 5)
    """
    for name, given in (("n", n), ("n_neurons", n_neurons)):
        if name == "n_neurons" and given is None:
            continue
        if isinstance(given, bool) or not isinstance(given, (int, np.integer)) or given < 1:
            raise InvalidInput(f"{name} must be an integer of at least 1, got {given!r}.")
    with torch.no_grad():
        added = factor_directions(factors, directions, n_neurons=n_neurons)
        before = torch.zeros_like(added[:1]) if state is None else state.detach().reshape(1, -1).to(added)
        logits = at_least_single(head(finish(torch.cat([before, before + added]))))
        usable = ~logits[0].isneginf()  # some models mask entries of the vocabulary
        if n > int(usable.sum()):
            raise InvalidInput(f"n must be an integer in 1..{int(usable.sum())} (the vocabulary), got {n}.")
        effects = logits[1:] - logits[:1]
        if not bool(effects[:, usable].isfinite().all()):
            raise NonFinite("a logit of a factor's direction is NaN or infinite.", hint="Load the weights in float32.")
        up = torch.where(usable, effects, -torch.inf).topk(n, dim=1)
        down = torch.where(usable, effects, torch.inf).topk(n, dim=1, largest=False)
    return FactorVocabulary(
        promoted=up.indices.cpu().numpy(),
        promoted_effects=up.values.float().cpu().numpy(),
        suppressed=down.indices.cpu().numpy(),
        suppressed_effects=down.values.float().cpu().numpy(),
    )


def factor_directions(factors: Factors, directions: Callable[[int], Tensor], *, n_neurons: int | None = None) -> Tensor:
    """Where in the residual stream each factor points: its neurons' output directions, times their loadings.

    Args:
        factors: From ``factorize``.
        directions: From a layer to the output directions (N_l, D) of its neurons.
        n_neurons: Only so many neurons of each factor; all by default.

    Returns:
        Shape (K, D), in the directions' precision, on the device of the first layer's.
    """
    loadings = factors.neuron_loadings
    if n_neurons is not None and n_neurons < loadings.shape[1]:
        kept = np.zeros_like(loadings)
        top = _largest(np.abs(loadings), n_neurons)
        np.put_along_axis(kept, top, np.take_along_axis(loadings, top, axis=1), axis=1)
        loadings = kept
    parts = []
    for layer in factors.layers:
        columns = factors.layer == layer
        outputs = directions(layer)[torch.from_numpy(factors.index[columns]).long()]
        parts.append(torch.from_numpy(loadings[:, columns]).to(outputs) @ outputs)
    return torch.stack([part.to(parts[0]) for part in parts]).sum(dim=0)


def top_token_texts(factors: Factors, texts: Sequence[Sequence[str]], *, n: int = 10) -> list[list[str]]:
    """Texts of the tokens that show each factor most strongly, given the token texts of each text of the batch.

    Args:
        factors: From ``factorize``.
        texts: Token texts of each trace (``trace.tokens``).
        n: How many, at most as many as there are.

    Returns:
        K lists, strongest first. Generated tokens count with the state that produced them, as they are shown.
    """
    names, columns = [], []
    for text, tokens in enumerate(texts):
        positions, loadings = factors.shown(text)
        names += [tokens[position] for position in positions]
        columns.append(loadings)
    top = _largest(np.abs(np.concatenate(columns, axis=1)), n)
    return [[names[column] for column in row] for row in top]


def _largest(size: NDArray[np.float32], n: int) -> NDArray[np.int64]:
    """Columns (K, n) of the largest entries of each row, largest first, the first of equal ones first."""
    n = min(n, size.shape[1])
    top: NDArray[np.int64] = np.argsort(-size, axis=1, kind="stable")[:, :n]
    return top


def _common(members: NDArray[np.bool_]) -> NDArray[np.int64]:
    # float32 counts exactly up to 16 million.
    counted = members.astype(np.float32)
    common: NDArray[np.int64] = (counted @ counted.T).astype(np.int64)
    return common
