"""Where a factorization begins.

The problem has many local minima: from one start or another the error on activations of a trained model ends up to a
tenth above the best one found. Groups of tokens of like direction are the start that ends best on average; where the
matrix is small, several of different kinds are tried.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from torch import Tensor

from ecco_widgets.analysis.nmf.solution import OnStep, Step
from ecco_widgets.analysis.nmf.sweeps import column_blocks, energies, least_squares, sweep

# The sample: an eighth of the neurons, but no fewer than these, and no fewer than give so many entries.
SHARE, _FEWEST, _FEWEST_ENTRIES = 8, 2_048, 1 << 18
# Directions kept beside one for each factor.
OVERSAMPLING = 8
# Up to so many tokens the token Gram matrix costs less than products with the matrix; steps of subspace iteration.
_SMALL, _POWERS_FEW, _POWERS_MANY = 256, 8, 3
# Above so many tokens their pairwise distances take too much memory for clustering.
MOST_CLUSTERED = 2_048
# What zeros of a start become, times its mean.
_FILL = 0.01
# Rounds of the trial of several starts: iterations, and how many of each league stay in.
_ROUNDS = ((3, 2), (8, 1))
# How many starts from drawn tokens and how many random ones take part.
_N_TOKENS, _N_RANDOM = 3, 4


@dataclass(frozen=True)
class Sample:
    """Some of the neurons, and the tokens' coordinates in the plane of their leading singular vectors.

    Attributes:
        values: Columns of A, (T, n), see ``sampled``.
        left: Left singular vectors (T, R), float64.
        strengths: Singular values (R,), float64, largest first.
        seed: For starts with chance.
        whole: Whether it has all neurons.
    """

    values: Tensor
    left: Tensor
    strengths: Tensor
    seed: int
    whole: bool = False

    @property
    def coordinates(self) -> Tensor:
        """Where the tokens are, (T, R), float64; their products are nearly those of the columns of A."""
        return self.left * self.strengths


def sampled(values: Tensor, neurons: Tensor, share: int, seed: int) -> Tensor:
    """A ``share``-th of the columns of a matrix (T, N), scaled so that their products are those of all on average.

    A column is taken with a probability in proportion to its squared norm and divided by the root of that probability;
    the most active ones are certain. Small matrices are returned whole.

    Args:
        values: The matrix.
        neurons: Squared norms of its columns, (N,), float64, on the CPU.
        share: 8 for an eighth.
        seed: Decides which.

    Returns:
        Shape (T, n).

    Source:
        Frieze, Kannan and Vempala 2004 (length-squared sampling); Madow 1949 (systematic sampling).
    """
    n_tokens, n_neurons = values.shape
    n = max(-(-n_neurons // share), _FEWEST, _FEWEST_ENTRIES // n_tokens)
    if n >= n_neurons:
        return values
    if int((neurons > 0).sum()) <= n:
        return values[:, neurons.to(values.device) > 0]
    chance = _probabilities(neurons, n)
    offset = np.random.default_rng(seed).random()
    taken = torch.searchsorted(chance.cumsum(0), torch.arange(n, dtype=torch.float64) + offset)
    taken = taken.clamp(max=n_neurons - 1).unique()  # rounding at the end of the sum
    scale = chance[taken].rsqrt().to(values)
    return values[:, taken.to(values.device)].mul_(scale)


def _probabilities(energy: Tensor, n: int) -> Tensor:
    """Probabilities (N,) in proportion to energies as far as none exceeds 1; they add up to n."""
    certain = torch.zeros(len(energy), dtype=torch.bool)
    while True:
        left = n - int(certain.sum())
        chance = torch.where(certain, 1.0, energy * (left / energy[~certain].sum()))
        if not bool((chance > 1).any()):
            return chance
        certain |= chance > 1


def leading_directions(values: Tensor, rank: int, seed: int, n_powers: int | None = None) -> tuple[Tensor, Tensor]:
    """Left singular vectors and singular values of a matrix (T, n), largest first.

    By randomised subspace iteration: with the token Gram matrix where tokens are few, with the matrix itself where they
    are many. Not by a full eigendecomposition, since LAPACK starts threads of its own, which stand in each other's way
    for seconds where the cores are busy.

    Args:
        values: The matrix.
        rank: R, how many.
        seed: Of the random subspace.
        n_powers: How often the subspace is sharpened; enough for a start by default.

    Returns:
        (T, R) and (R,), float64, on the CPU.

    Source:
        Halko, Martinsson and Tropp 2011, algorithms 4.4 and 5.1.
    """
    few = values.shape[0] <= _SMALL
    gram = token_gram(values) if few else None

    def squared_times(basis: Tensor) -> Tensor:
        if gram is not None:
            return gram @ basis
        return (values @ (values.T @ basis.to(values))).double().cpu()

    generator = torch.Generator().manual_seed(seed)
    basis = torch.randn(values.shape[0], rank, generator=generator, dtype=torch.float64)
    for _ in range(n_powers or (_POWERS_FEW if few else _POWERS_MANY)):
        basis = torch.linalg.qr(squared_times(basis)).Q
    small = basis.T @ squared_times(basis)
    squared, vectors = torch.linalg.eigh((small + small.T) / 2)  # smallest first
    return basis @ vectors.flip(1), squared.flip(0).clamp(min=0).sqrt()


def token_gram(values: Tensor) -> Tensor:
    """A A^T (T, T), float64, on the CPU, from float32 products of blocks of columns."""
    gram = torch.zeros(values.shape[0], values.shape[0], dtype=torch.float64)
    for block in column_blocks(values):
        gram += (values[:, block] @ values[:, block].T).double().cpu()
    return gram


def nndsvd(sample: Sample, n_components: int) -> Tensor:
    """Token loadings (K, T) from the singular vectors, each split into its positive and negative part.

    Source:
        Boutsidis and Gallopoulos 2008.
    """
    rows = []
    right = (sample.left.T.to(sample.values) @ sample.values).double().cpu()
    for k in range(n_components):
        if k >= len(sample.strengths):
            rows.append(torch.zeros(len(sample.left), dtype=torch.float64))
            continue
        parts = [(side * sample.left[:, k]).clamp(min=0) for side in (1, -1)]
        weights = [
            float(part.norm() * (side * right[k]).clamp(min=0).norm())
            for side, part in zip((1, -1), parts, strict=True)
        ]
        part = parts[weights[1] > weights[0]]
        rows.append(part / part.norm().clamp(min=1e-300) * sample.strengths[k].sqrt())
    return _filled(torch.stack(rows))


def clusters(sample: Sample, n_components: int) -> Tensor:
    """Token loadings (K, T): K groups of tokens of like direction by Ward's method, each token loading on its group.

    Two tokens are as far apart as one factor for both is from them: their distance is the smaller singular value of the
    pair, times the root of two, so that it is the usual distance for tokens of equal norm. Where factors are nearly as
    many as tokens, this is nearly the solution.
    """
    at = sample.coordinates
    gram = (at @ at.T).numpy()
    size = np.diag(gram)
    middle, half = (size[:, None] + size) / 2, (size[:, None] - size) / 2
    apart = np.sqrt(2 * np.clip(middle - np.sqrt(half**2 + gram**2), 0, None))
    pairs = np.triu_indices(len(at), k=1)
    groups = fcluster(linkage(apart[pairs], "ward"), n_components, "maxclust") - 1
    loadings = torch.zeros(n_components, len(at), dtype=torch.float64)
    loadings[torch.from_numpy(groups).long(), torch.arange(len(at))] = at.norm(dim=1)
    return _filled(loadings)


def anchors(sample: Sample, n_components: int) -> Tensor:
    """Token loadings (K, T) on K tokens that stand apart, each the one farthest from the span of those before it.

    Source:
        Araujo et al. 2001, Gillis and Vavasis 2014 (successive projections).
    """
    rest = sample.coordinates.clone()
    chosen: list[int] = []
    for _ in range(n_components):
        chosen.append(int(rest.norm(dim=1).argmax()))
        direction = rest[chosen[-1]] / rest[chosen[-1]].norm().clamp(min=1e-300)
        rest -= (rest @ direction)[:, None] * direction
    return _from_tokens(sample, chosen)


def tokens(sample: Sample, n_components: int, draw: int = 0) -> Tensor:
    """Token loadings (K, T) on K tokens drawn one by one, likelier the farther they are from those drawn before.

    Source:
        Arthur and Vassilvitskii 2007 (k-means++).
    """
    chance = np.random.default_rng([sample.seed, draw])
    at = sample.coordinates.numpy()
    nearest = (at**2).sum(axis=1)
    chosen: list[int] = []
    for _ in range(n_components):
        chosen.append(_draw(chance, nearest))
        nearest = np.minimum(nearest, ((at - at[chosen[-1]]) ** 2).sum(axis=1))
    return _from_tokens(sample, chosen)


def random(sample: Sample, n_components: int, draw: int = 0) -> Tensor:
    """Token loadings (K, T) drawn uniformly from 0 to 1."""
    return torch.from_numpy(np.random.default_rng([sample.seed, draw]).random((n_components, len(sample.left))))


def _draw(chance: np.random.Generator, weights: NDArray[np.float64]) -> int:
    total = weights.sum()
    return int(chance.choice(len(weights), p=weights / total if total > 0 else None))


def _from_tokens(sample: Sample, chosen: list[int]) -> Tensor:
    at = sample.coordinates
    gram, target = (at[chosen] @ at[chosen].T)[None], (at[chosen] @ at.T)[None]
    loadings = least_squares(gram, target)
    return _filled(sweep(loadings, gram, target, 5)[0])


def _filled(loadings: Tensor) -> Tensor:
    mean = float(loadings.mean())
    return torch.where(loadings > 0, loadings, _FILL * mean if mean > 0 else 1.0)


STARTS: dict[str, Callable[[Sample, int], Tensor]] = {
    "nndsvd": nndsvd,
    "clusters": clusters,
    "anchors": anchors,
    "tokens": tokens,
    "random": random,
}
"""Starts by name: from a sample and K to token loadings (K, T), float64."""


def best_starts(sample: Sample, n_components: int, on_step: OnStep) -> tuple[list[str], Tensor]:
    """Try many starts and keep, of each league, the one with the lowest error after a few iterations.

    Args:
        sample: Of a small matrix, so that trying costs little.
        n_components: K.
        on_step: Called between the iterations.

    Returns:
        Names of F starts, and the token loadings (F, K, T), float64, they have come to.
    """
    made = {name: STARTS[name](sample, n_components) for name in ("nndsvd", "clusters", "anchors")}
    made |= {f"tokens {draw + 1}": tokens(sample, n_components, draw) for draw in range(_N_TOKENS)}
    made |= {f"random {draw + 1}": random(sample, n_components, draw) for draw in range(_N_RANDOM)}
    leagues = torch.tensor([["tokens", "random"].index(name[:6]) + 1 if name[-1].isdigit() else 0 for name in made])
    kept, loadings = _tournament(sample.values, torch.stack(list(made.values())), leagues, on_step)
    return [list(made)[index] for index in kept], loadings


def _tournament(values: Tensor, w: Tensor, leagues: Tensor, on_step: OnStep) -> tuple[list[int], Tensor]:
    """Plain HALS for S starts (S, K, T) side by side, so that they share the products with A; the worst drop out.

    Each start competes within its league (S,): some kinds begin with higher errors than others and end no worse.
    """
    total = energies(values).total
    left_in = torch.arange(len(w))
    h: Tensor | None = None
    best = 1.0
    for n_iterations, n_kept in _ROUNDS:
        error = torch.ones(len(w), dtype=torch.float64)
        for _ in range(n_iterations):
            on_step(Step(0, best))
            n_starts, n_components, n_tokens = w.shape
            gram = (w @ w.transpose(1, 2)).to(values)
            target = (w.reshape(-1, n_tokens).to(values) @ values).reshape(n_starts, n_components, -1)
            h = sweep(least_squares(gram, target) if h is None else h, gram, target, 2)
            back = (h.reshape(-1, values.shape[1]) @ values.T).reshape(w.shape).double().cpu()
            gram = (h @ h.transpose(1, 2)).double().cpu()
            w = sweep(w, gram, back.clone(), 3)
            left = total - 2 * (w * back).sum((1, 2)) + ((w @ w.transpose(1, 2)) * gram).sum((1, 2))
            error = (left.clamp(min=0) / total).sqrt()
            best = min(best, float(error.min()))
        order = error.argsort(stable=True)
        kept = torch.cat([order[leagues[order] == league][:n_kept] for league in leagues.unique()]).sort().values
        left_in, leagues, w = left_in[kept], leagues[kept], w[kept]
        h = None if h is None else h[kept.to(h.device)]
    return left_in.tolist(), w
