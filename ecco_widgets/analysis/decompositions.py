"""Principal and independent components of activations: alternatives to non-negative factors, and what to mind."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from ecco_widgets.analysis.nmf.solution import OnStep, Solution, Step
from ecco_widgets.analysis.nmf.solver import one_thread_if_small
from ecco_widgets.analysis.nmf.starts import OVERSAMPLING, leading_directions
from ecco_widgets.analysis.nmf.sweeps import energies, residual_squares

CAVEATS = {
    "nmf": "Other starts can give other factors at nearly the same error; see stability_seeds.",
    "pca": (
        "Components have entries of both signs and are orthogonal by construction. A loading below zero says no more "
        "than that a token lies on the other side of the mean, and a component alone needs to mean nothing."
    ),
    "ica": (
        "These are the principal components, rotated until the neurons' loadings are as far from Gaussian as they get. "
        "Entries have both signs, and with few tokens the rotation can follow chance."
    ),
}
"""By method: how not to read the factors."""

# Enough that components whose variances differ by a tenth are told apart.
_POWERS = 24
# Components weaker than this, relative to the first, are what float32 leaves of zero.
_NOTHING = 1e-3
# Of FastICA: iterations, and the change of direction (1 - cosine) below which it has converged.
_ICA_ITERATIONS, _ICA_TOL = 300, 1e-6


def principal_components(
    values: Tensor, n_components: int, *, seed: int = 0, on_step: OnStep | None = None
) -> tuple[Solution, Tensor]:
    """The K directions of the neurons along which the tokens differ most.

    Args:
        values: A (T, N), float32; every neuron's mean over the tokens is subtracted from it in place.
        n_components: K. There are at most T - 1 that are not zero.
        seed: Of the random subspace they are searched in.
        on_step: Called before and after the work.

    Returns:
        Token loadings (K, T), neuron loadings (K, N) of unit norm, the largest token loading of each positive, and the
        means (N,). The error is that of means and components together, relative to the activations as they were.

    Source:
        Pearson 1901; Halko, Martinsson and Tropp 2011 for the search.
    """
    if on_step:
        on_step(Step(0, 1.0))
    with one_thread_if_small(values):
        total = energies(values).total
        means = values.mean(dim=0)
        values -= means
        rank = min(n_components + OVERSAMPLING, *values.shape)
        left, strengths = leading_directions(values, rank, seed, _POWERS)
        left, strengths = left[:, :n_components].contiguous(), strengths[:n_components]
        left[:, strengths <= _NOTHING * strengths[0]] = 0.0
        right = left.T.to(values) @ values
        right /= torch.linalg.vector_norm(right, dim=1, keepdim=True).clamp(min=1e-30)
        tokens = (values @ right.T).T.double().cpu()
        signs = _signs(tokens)
        tokens, right = tokens * signs, right * signs.to(right)
        error = math.sqrt(residual_squares(values, tokens, right) / total) if total else 0.0
    if on_step:
        on_step(Step(1, error))
    return Solution(tokens, right, error, 1, converged=True, start="svd", squares=total), means


def independent_components(
    values: Tensor, n_components: int, *, seed: int = 0, on_step: OnStep | None = None
) -> tuple[Solution, Tensor]:
    """The principal components, rotated so that each one's neuron loadings are as far from Gaussian as possible.

    Neurons are the samples, as voxels are in brain imaging, since there are far more of them than tokens. Symmetric
    FastICA with the contrast log cosh.

    Args:
        values: A (T, N), float32; every neuron's mean over the tokens is subtracted from it in place.
        n_components: K.
        seed: Of the first rotation.
        on_step: Called after each iteration.

    Returns:
        As ``principal_components``; signs are such that the neuron loadings are skewed towards positive values.

    Source:
        Hyvarinen 1999 (FastICA); Calhoun et al. 2001 (spatial ICA).
    """
    found, means = principal_components(values, n_components, seed=seed)
    alive = found.token_loadings.norm(dim=1) > 0
    k = int(alive.sum())
    if not k:
        return found, means
    right = found.neuron_loadings[:k]
    whitened, unwhitened = _whitened(right)
    generator = torch.Generator().manual_seed(seed)
    turn = _orthogonal(torch.randn(k, k, generator=generator, dtype=torch.float64))
    iteration, converged = 0, k < 2
    while iteration < _ICA_ITERATIONS and not converged:
        iteration += 1
        source = turn.to(whitened) @ whitened
        bent = source.tanh()
        slope = (1 - bent.square()).double().mean(dim=1).cpu()
        ahead = (bent @ whitened.T).double().cpu() / whitened.shape[1] - slope[:, None] * turn
        new = _orthogonal(ahead)
        change = float((1 - (new * turn).sum(dim=1).abs()).max())
        turn, converged = new, change < _ICA_TOL
        if on_step:
            on_step(Step(iteration, found.relative_error))
    # A = tokens^T right stays what it is: right = unwhitened (turn^T) (turn whitened right), up to the means.
    mixing = unwhitened @ turn.T
    rotated = torch.linalg.inv(mixing).to(right) @ right
    tokens = mixing.T @ found.token_loadings[:k]
    norms = torch.linalg.vector_norm(rotated, dim=1).double().cpu()
    skew = (rotated - rotated.mean(dim=1, keepdim=True)).pow(3).mean(dim=1).double().cpu()
    signs = torch.where(skew < 0, -1.0, 1.0).double()
    found.neuron_loadings[:k] = rotated * (signs / norms)[:, None].to(right)
    found.token_loadings[:k] = tokens * (signs * norms)[:, None]
    return replace(found, iterations=iteration, converged=converged), means


def _whitened(right: Tensor) -> tuple[Tensor, Tensor]:
    """Rows (K, N) with mean zero, unit variance and no correlation, and the matrix that leads back from them."""
    centred = right - right.mean(dim=1, keepdim=True)
    covariance = (centred @ centred.T).double().cpu() / right.shape[1]
    variances, axes = torch.linalg.eigh(covariance)
    scale = variances.clamp(min=1e-12 * float(variances.max())).sqrt()
    forth = (axes / scale) @ axes.T
    return forth.to(right) @ centred, (axes * scale) @ axes.T


def _orthogonal(matrix: Tensor) -> Tensor:
    u, _, vt = torch.linalg.svd(matrix)
    nearest: Tensor = u @ vt
    return nearest


def _signs(loadings: Tensor) -> Tensor:
    largest = loadings.gather(1, loadings.abs().argmax(dim=1, keepdim=True))
    return torch.where(largest < 0, -1.0, 1.0).to(loadings)
