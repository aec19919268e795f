"""Going on from a factorization with another number of factors, or of other layers."""

from __future__ import annotations

import torch
from torch import Tensor

from ecco_widgets.analysis.nmf.starts import leading_directions
from ecco_widgets.analysis.nmf.sweeps import least_squares, sweep

_RANK_ONE_ITERATIONS = 10
_TINY = 1e-30


def resized(previous: Tensor, columns: Tensor, n_components: int, seed: int) -> Tensor:
    """Token loadings (K', T) of earlier factors as a start for K factors.

    Factors too many: the one that the others replace best goes, one after the other. Factors too few: a new one is made
    from what the old ones leave over, one after the other.

    Args:
        previous: Token loadings (K', T).
        columns: Some columns of the matrix to factorize, (T, n), see ``starts.sampled``.
        n_components: K.
        seed: For large matrices, of the search for directions.

    Returns:
        Token loadings (K, T), float64.
    """
    w = previous.double().cpu().clone()
    w = w[w.norm(dim=1) > 0]
    w /= w.norm(dim=1, keepdim=True)
    while len(w) > n_components:
        h = _neuron_loadings(w, columns)
        w = _without_most_replaceable(w, h)
    while len(w) < n_components:
        h = _neuron_loadings(w, columns)
        left_over = torch.addmm(columns, w.to(columns).T, h, alpha=-1)
        w = torch.cat([w, _leading_factor(left_over, seed)[None]])
    return w


def _leading_factor(left_over: Tensor, seed: int) -> Tensor:
    """Token loadings (T,) of one factor that takes most out of a matrix (T, n) of either sign.

    Alternating non-negative least squares for a single factor, from the leading direction of the positive part.
    """
    u = leading_directions(left_over.clamp(min=0), 1, seed)[0][:, 0].abs().to(left_over)
    for _ in range(_RANK_ONE_ITERATIONS):
        v = (u @ left_over).clamp_(min=0)
        u = (left_over @ (v / v.norm().clamp(min=_TINY))).clamp_(min=0)
        u = u / u.norm().clamp(min=_TINY)
    return u.double().cpu()


def _neuron_loadings(w: Tensor, values: Tensor) -> Tensor:
    gram, target = (w @ w.T).to(values)[None], (w.to(values) @ values)[None]
    return sweep(least_squares(gram, target), gram, target, 3)[0]


def _without_most_replaceable(w: Tensor, h: Tensor) -> Tensor:
    # What is lost without factor k when the others may take over along the tokens: ||w_k outside their span||^2
    # ||h_k||^2, and 1 / (G^-1)_kk is that squared norm.
    gram = w @ w.T + 1e-9 * torch.eye(len(w), dtype=w.dtype)
    outside = 1.0 / torch.linalg.inv(gram).diagonal()
    loss = outside * h.double().square().sum(dim=1).cpu()
    keep = torch.ones(len(w), dtype=torch.bool)
    keep[int(loss.argmin())] = False
    return w[keep]
