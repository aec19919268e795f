"""Going on from a factorization with another number of factors, or of other layers."""

from __future__ import annotations

import torch
from torch import Tensor

from ecco_widgets.analysis.nmf.starts import leading_directions
from ecco_widgets.analysis.nmf.sweeps import least_squares, sweep

_RANK_ONE_ITERATIONS = 10
_TINY = 1e-30
# A factor gives way to a new one that explains so many times what is lost with it.
_WORTH_IT = 3.0


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


def replaced(w: Tensor, columns: Tensor, seed: int) -> Tensor | None:
    """The factors with a new one in place of one that the others nearly replace, if the new one is worth more.

    That happens where two factors share what one could explain, or one has come to nothing.

    Args:
        w: Token loadings (K, T) at which the solver has stopped.
        columns: Some columns of the matrix, (T, n).
        seed: For large matrices, of the search for directions.

    Returns:
        Token loadings (K, T) to go on from, or ``None``.
    """
    h = _neuron_loadings(w, columns)
    loss = _losses(w, h)
    left_over = torch.addmm(columns, w.to(columns).T, h, alpha=-1)
    new = _leading_factor(left_over, seed)
    gain = float((new.to(columns) @ left_over).clamp(min=0).double().square().sum())
    if gain <= _WORTH_IT * float(loss.min()):
        return None
    w = w.clone()
    w[int(loss.argmin())] = new
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


def _losses(w: Tensor, h: Tensor) -> Tensor:
    """What is lost without each factor when the others may take over along the tokens, (K,).

    ||w_k outside the span of the others||^2 ||h_k||^2, and 1 / (G^-1)_kk is that squared norm.
    """
    norms = w.norm(dim=1).clamp(min=_TINY)
    unit = w / norms[:, None]
    gram = unit @ unit.T + 1e-9 * torch.eye(len(w), dtype=w.dtype)
    outside: Tensor = norms.square() / torch.linalg.inv(gram).diagonal()
    return outside * h.double().square().sum(dim=1).cpu()


def _without_most_replaceable(w: Tensor, h: Tensor) -> Tensor:
    keep = torch.ones(len(w), dtype=torch.bool)
    keep[int(_losses(w, h).argmin())] = False
    return w[keep]
