"""Hierarchical alternating least squares with extrapolation, for matrices with far more columns than rows.

Source: Cichocki and Phan 2009 (HALS); Gillis and Glineur 2012 (repeated sweeps); Ang and Gillis 2019, algorithm 2 and
section 3.4 (extrapolation with restarts, error at the projected extrapolated H, which costs nothing).

Token loadings (K x T) are small and kept in float64 on the CPU; the matrix and the neuron loadings (K x N) stay in
float32 where the matrix is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ecco_widgets.analysis.nmf.solution import OnStep, Solution, Step, Teller
from ecco_widgets.analysis.nmf.starts import (
    MOST_CLUSTERED,
    OVERSAMPLING,
    SHARE,
    STARTS,
    Sample,
    best_starts,
    leading_directions,
    sampled,
)
from ecco_widgets.analysis.nmf.sweeps import (
    Energies,
    energies,
    gram_squares,
    least_squares,
    residual_squares,
    sweep,
    sweep_few,
)
from ecco_widgets.analysis.nmf.warm import replaced, resized
from ecco_widgets.models.threads import suited_threads

# Sweeps over the rows of H and of W for one product with the matrix.
_SWEEPS_H, _SWEEPS_W = 2, 6
# Extrapolation: first weight, its growth after a good step, the growth of its ceiling, its fall after a bad one.
_WEIGHT, _GROWTH, _CEILING_GROWTH, _FALL = 0.5, 1.05, 1.01, 1.5
# Entries of H that are updated together: bounds the product W A.
_ENTRIES_TOGETHER = 1 << 19
# Below this squared relative error, float32 products are too coarse for it to be computed from them.
_COARSE = 1e-3
# The error is compared with that of so many iterations before.
_LOOK_BACK = 5
# float32 gets no further.
_FLOOR = 1e-6
# Factors that come to little are replaced so many times, above this error.
_MOST_REPLACED, _NOTHING_LEFT = 3, 1e-3
# Before the whole matrix is used, iterations on parts of it: the share of neurons, how many. From a new start, from
# earlier factors.
_PARTS, _PARTS_LATER = ((SHARE, 15), (4, 15)), ((4, 6),)
# Matrices with fewer entries get one thread, others as many as wide models get.
_SMALL, _WIDE = 1 << 22, 1 << 20
# Iterations that each of several starts gets where the matrix is small enough for it.
_FINAL_ITERATIONS = 30


@dataclass(frozen=True)
class Limits:
    """When to stop.

    Attributes:
        max_iterations: Passes over the whole matrix.
        tol: Relative fall of the error per iteration below which nothing more is expected.
    """

    max_iterations: int = 200
    tol: float = 2e-5


def solve(
    values: Tensor,
    n_components: int,
    *,
    start: str | Tensor | None = None,
    previous: Tensor | None = None,
    seed: int = 0,
    limits: Limits | None = None,
    on_step: OnStep | None = None,
) -> Solution:
    """Factorize a non-negative matrix.

    Args:
        values: A (T, N), float32, finite, >= 0. Not changed.
        n_components: K, 1 to min(T, N).
        start: Name of a start (see ``starts.STARTS``) or token loadings (K, T); by
            default groups of tokens of like direction, or on small matrices the best of several starts.
        previous: Instead: token loadings (K', T) of a factorization of the same tokens to go on from.
        seed: For what is drawn.
        limits: When to stop.
        on_step: Called after each iteration and between the parts of the start.

    Returns:
        The solution; equal for equal arguments on the same machine.

    Example:
        >>> a = torch.tensor([[1.0, 2.0, 0.0], [2.0, 4.0, 0.0], [0.0, 0.0, 3.0]])
        >>> found = solve(a, 2)
        >>> found.relative_error < 1e-6
        True
    """
    limits = limits or Limits()
    with one_thread_if_small(values):
        return _solve(values, n_components, start, previous, seed, limits, Teller(on_step))


def one_thread_if_small(values: Tensor) -> AbstractContextManager[None]:
    """On the CPU, threads wait for each other longer than they compute on a small matrix; see ``models.threads``."""
    return suited_threads(0 if values.numel() < _SMALL else _WIDE, values.device)


def _solve(
    values: Tensor,
    n_components: int,
    start: str | Tensor | None,
    previous: Tensor | None,
    seed: int,
    limits: Limits,
    teller: Teller,
) -> Solution:
    teller.working()
    where = energies(values)
    exact = _exact(values, where, n_components)
    if exact is not None:
        return exact
    if isinstance(start, Tensor):
        name, w = "given", start.double().cpu()
    else:
        name, w = _start(values, where, n_components, start, previous, seed, teller)
        for share, n_iterations in _PARTS if previous is None else _PARTS_LATER:
            teller.working()
            part = sampled(values, where.neurons, share, seed)
            if part is not values:
                teller.working()
                w = _descend(part, energies(part).total, w, Limits(n_iterations, 0.0), teller.apart)[0]
    teller.working()
    found = _solution(values, where.total, w, limits, name, teller.step)
    return _mended(values, where, found, seed, limits, teller)


def _solution(values: Tensor, total: float, w: Tensor, limits: Limits, name: str, on_step: OnStep) -> Solution:
    w, h, iterations, converged = _descend(values, total, w, limits, on_step)
    error = math.sqrt(residual_squares(values, w, h) / total)
    return Solution(w, h, error, iterations, converged, name)


def _mended(values: Tensor, where: Energies, found: Solution, seed: int, limits: Limits, teller: Teller) -> Solution:
    """Where one factor has come to little while much is left to explain: on, with a new one in its place."""
    columns: Tensor | None = None
    for _ in range(_MOST_REPLACED):
        rest = replace(limits, max_iterations=limits.max_iterations - found.iterations)
        if found.relative_error < _NOTHING_LEFT or rest.max_iterations < 1:
            break
        columns = sampled(values, where.neurons, SHARE, seed) if columns is None else columns
        w = replaced(found.token_loadings, columns, seed)
        if w is None:
            break
        later = _solution(values, where.total, w, rest, found.start, teller.after(found.iterations))
        if later.relative_error >= found.relative_error:
            break
        found = replace(later, iterations=found.iterations + later.iterations)
    return found


def _start(
    values: Tensor,
    where: Energies,
    n_components: int,
    start: str | None,
    previous: Tensor | None,
    seed: int,
    teller: Teller,
) -> tuple[str, Tensor]:
    columns = sampled(values, where.neurons, SHARE, seed)
    teller.working()
    if previous is not None:
        return "previous", resized(previous, columns, n_components, seed)
    left, strengths = leading_directions(columns, min(n_components + OVERSAMPLING, *columns.shape), seed)
    sample = Sample(columns, left, strengths, seed, whole=columns is values)
    teller.working()
    if start is None and sample.whole and len(values) <= MOST_CLUSTERED:
        names, finalists = best_starts(sample, n_components, teller.apart)
        return _best(values, where.total, names, finalists, teller)
    start = start or ("clusters" if len(values) <= MOST_CLUSTERED else "nndsvd")
    return start, STARTS[start](sample, n_components)


def _best(values: Tensor, total: float, names: list[str], finalists: Tensor, teller: Teller) -> tuple[str, Tensor]:
    """Of a few starts (F, K, T), the one with the lowest error after more iterations."""
    ends = [_descend(values, total, w, Limits(_FINAL_ITERATIONS), teller.apart) for w in finalists]
    errors = [residual_squares(values, end[0], end[1]) for end in ends]
    best = errors.index(min(errors))
    return names[best], ends[best][0]


@dataclass
class _Pace:
    """How far to go on in the direction of the last step: further after good steps, less far after bad ones."""

    weight: float = _WEIGHT
    ceiling: float = 1.0

    def faster(self) -> None:
        self.ceiling = min(1.0, _CEILING_GROWTH * self.ceiling)
        self.weight = min(self.ceiling, _GROWTH * self.weight)

    def slower(self) -> None:
        self.ceiling, self.weight = self.weight, self.weight / _FALL


def _descend(
    values: Tensor, total: float, w: Tensor, limits: Limits, on_step: OnStep
) -> tuple[Tensor, Tensor, int, bool]:
    """Extrapolated HALS from token loadings (K, T): loadings, iterations, and whether the error stopped falling."""
    w_best, best, pace, ahead = w, math.inf, _Pace(), False
    h = _first_h(values, w)
    before = h.new_empty(0)  # the H of the iteration before
    errors: list[float] = []
    converged = False
    while len(errors) < limits.max_iterations and not converged:
        if errors:
            if not before.numel():
                before = h.clone()
            _update_h(values, w, h)
            if ahead:
                before.lerp_(h, 1 + pace.weight).clamp_(min=0)
                h, before = before, h
            else:
                before.copy_(h)
        w_new, error = _update_w(values, total, w, h)
        ahead = error <= best
        if ahead:
            w = (w_new + pace.weight * (w_new - w_best)).clamp_(min=0) if errors else w_new
            w_best, best = w_new, error
            pace.faster()
        else:
            # Gone too far: back to the H before the extrapolation and to the best W, and carefully on.
            h.copy_(before)
            w = w_best.clone()
            pace.slower()
        errors.append(best)
        converged = best < _FLOOR or _stands_still(errors, limits.tol)
        on_step(Step(len(errors), best, *((w_best, h) if ahead else ())))
    if not ahead:
        # The last step was taken back, so H belongs to another W.
        _update_h(values, w_best, h, 3)
    return w_best, h, len(errors), converged


def _update_w(values: Tensor, total: float, w: Tensor, h: Tensor) -> tuple[Tensor, float]:
    """The next W for a given H, and the relative error of the two."""
    target, gram = (h @ values.T).double().cpu(), (h @ h.T).double().cpu()
    w = sweep_few(w.clone(), gram, target, _SWEEPS_W)
    left = gram_squares(total, w, target, gram)
    if left < _COARSE * total:
        left = residual_squares(values, w, h)
    return w, math.sqrt(left / total)


def _stands_still(errors: list[float], tol: float) -> bool:
    if len(errors) <= _LOOK_BACK:
        return False
    before = errors[-1 - _LOOK_BACK]
    return before - errors[-1] < tol * _LOOK_BACK * errors[-1]


def _first_h(values: Tensor, w: Tensor) -> Tensor:
    h = values.new_empty(len(w), values.shape[1])
    for columns, gram, target in _targets(values, w):
        h[:, columns] = sweep(least_squares(gram, target), gram, target, _SWEEPS_H)[0]
    return h


def _update_h(values: Tensor, w: Tensor, h: Tensor, n_sweeps: int = _SWEEPS_H) -> None:
    for columns, gram, target in _targets(values, w):
        sweep(h[None, :, columns], gram, target, n_sweeps)


def _targets(values: Tensor, w: Tensor) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """The products that H is updated from, W W^T (1, K, K) and W A (1, K, n), for n columns at a time."""
    gram = (w @ w.T).to(values)[None]
    w_here = w.to(values)
    size = max(1_024, _ENTRIES_TOGETHER // len(w))
    for first in range(0, values.shape[1], size):
        columns = slice(first, first + size)
        yield columns, gram, (w_here @ values[:, columns])[None]


def _exact(values: Tensor, where: Energies, n_components: int) -> Solution | None:
    """Where there is a factor for each token (or neuron) that is not zero throughout, each is its own factor."""
    n_tokens, n_neurons = values.shape
    tokens, neurons = where.tokens.nonzero()[:, 0], where.neurons.nonzero()[:, 0]
    w = torch.zeros(n_components, n_tokens, dtype=torch.float64)
    h = values.new_zeros(n_components, n_neurons)
    if len(tokens) <= n_components:
        w[torch.arange(len(tokens)), tokens] = 1.0
        h[: len(tokens)] = values[tokens.to(values.device)]
    elif len(neurons) <= n_components:
        w[: len(neurons)] = values[:, neurons.to(values.device)].T.double().cpu()
        h[torch.arange(len(neurons)), neurons] = 1.0
    else:
        return None
    return Solution(w, h, 0.0, 0, converged=True, start="exact")
