"""From what a solver found to factors: weights before, units, order and shares after."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ecco_widgets.analysis.activation_matrix import ActivationMatrix
from ecco_widgets.analysis.nmf import Solution
from ecco_widgets.analysis.nmf.sweeps import column_blocks, energies


def normalised(matrix: ActivationMatrix, what: str | None) -> Tensor | None:
    """Scale the matrix in place so that all tokens, neurons or layers weigh the same.

    Args:
        matrix: The activations; changed.
        what: "tokens", "neurons", "layers" or ``None``.

    Returns:
        What neuron loadings are to be multiplied with to be in units of activations, (N,); ``None`` if nothing.
    """
    if what is None:
        return None
    values, where = matrix.values, energies(matrix.values)
    if what == "tokens":
        values /= _root(where.tokens).to(values)[:, None]
        return None
    energy = where.neurons
    if what == "layers":
        layers = torch.from_numpy(np.searchsorted(np.array(matrix.layers), matrix.layer)).long()
        energy = torch.zeros(len(matrix.layers), dtype=torch.float64).index_add_(0, layers, energy)[layers]
    scale = _root(energy).to(values)
    values /= scale
    return scale


def _root(energy: Tensor) -> Tensor:
    return torch.where(energy > 0, energy, 1.0).sqrt()


def build_factors(matrix: ActivationMatrix, found: Solution, scale: Tensor | None, method: str) -> dict[str, Any]:
    """The fields of ``Factors`` that come from the matrix and the solution, whose neuron loadings are overwritten.

    Factors are ordered by their explained share. For NMF that is <A, w_k h_k> / ||A||^2: at a minimum the residual is
    orthogonal to each factor, so that these add up to the explained sum of squares, and what factors explain together
    is divided among them in proportion. (Short of a minimum they are scaled so that they add up.)
    """
    w, h = found.token_loadings, found.neuron_loadings
    total = energies(matrix.values).total
    if method == "nmf":
        along = (w * _products(matrix.values, h)).sum(dim=1).clamp(min=0)
        share = along * ((1 - found.relative_error**2) / along.sum().clamp(min=1e-300))
        share = share if total else torch.zeros_like(share)
    else:
        share = w.square().sum(dim=1) / max(found.squares or total, 1e-300)
    if scale is not None:
        h *= scale
    norms = torch.linalg.vector_norm(h, dim=1)
    order = share.argsort(descending=True, stable=True)
    alive = (norms > 0).double().cpu()
    w = w * norms.double().cpu()[:, None]
    h /= torch.where(norms > 0, norms, 1.0)[:, None]
    h = h[order.to(h.device)]
    return {
        "token_loadings": w[order].float().numpy(),
        "neuron_loadings": h.cpu().numpy(),
        "explained": (share * alive)[order].float().numpy(),
        "layers": matrix.layers,
        "layer": matrix.layer,
        "index": matrix.index,
        "texts": matrix.texts,
        "positive_share": matrix.positive_share,
        "relative_error": found.relative_error,
        "iterations": found.iterations,
        "converged": found.converged,
        "start": found.start,
    }


def _products(values: Tensor, h: Tensor) -> Tensor:
    """H A^T (K, T), float64, on the CPU."""
    back = torch.zeros(len(h), len(values), dtype=torch.float64)
    for block in column_blocks(values):
        back += (h[:, block] @ values[:, block].T).double().cpu()
    return back
