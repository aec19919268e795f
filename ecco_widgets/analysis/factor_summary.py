"""What a factor is made of: its neurons and layers, and its tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ecco_widgets.errors import InvalidInput

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


def top_neurons(factors: Factors, factor: int, k: int | None = 10) -> list[tuple[int, int, float]]:
    """The neurons with the largest loadings of one factor.

    Args:
        factors: From ``factorize``.
        factor: Which of the K.
        k: How many; ``None`` for all that are not zero.

    Returns:
        (layer, index, loading), largest size first; fewer than k where fewer are not zero.

    Raises:
        InvalidInput: If there is no such factor.
    """
    if isinstance(factor, bool) or not isinstance(factor, (int, np.integer)) or not 0 <= factor < factors.n_components:
        raise InvalidInput(f"factor must be an integer in 0..{factors.n_components - 1}, got {factor!r}.")
    loadings = factors.neuron_loadings[factor]
    order = np.argsort(-np.abs(loadings), kind="stable")[:k]
    return [(int(factors.layer[n]), int(factors.index[n]), float(loadings[n])) for n in order if loadings[n] != 0]


def factor_neurons(factors: Factors, factor: int, top: int | None = None) -> dict[int, list[int]]:
    """A factor's neurons, as ``intervene`` and ``vocabulary_effect`` take them.

    Args:
        factors: From ``factorize``.
        factor: Which of the K.
        top: Only so many, those with the largest loadings; all with a loading that is not zero by default.

    Returns:
        Indices by layer, strongest first.

    Raises:
        InvalidInput: If there is no such factor, it has no neurons, or all of PCA or ICA are asked for, which would be
            nearly every neuron of the layers.

    Example:
        >>> from ecco_widgets.analysis.factorization import factorize
        >>> factor_neurons(factorize([np.diag([3.0, 1.0])], 2), 0)
        {0: [0]}
    """
    if top is None and factors.method != "nmf":
        raise InvalidInput(
            f"with {factors.method.upper()} nearly every neuron has a loading.",
            hint="Say how many with top, e.g. top=50.",
        )
    found: dict[int, list[int]] = {}
    for layer, index, _ in top_neurons(factors, factor, top):
        found.setdefault(layer, []).append(index)
    if not found:
        raise InvalidInput("this factor is zero: it has no neurons.", hint="Choose fewer factors.")
    return found


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
