"""Least squares under X >= 0 by coordinate descent over rows, the inner step of HALS, and the sums around it.

Source: Cichocki and Phan 2009 (HALS); Gillis and Glineur 2012 (several sweeps for one product with the matrix).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

# Entries of one block of columns of the matrix: large enough for full speed, small beside any matrix worth factorizing.
_BLOCK_ENTRIES = 1 << 18
# Above so many entries numpy's BLAS would start threads, which cost more than they bring here.
_FEW = 1 << 13
# A factor whose squared norm is below this has no direction left.
_TINY = 1e-30
# What is added to a Gram matrix before it is inverted, times its mean diagonal.
_RIDGE = 1e-6


def sweep(x: Tensor, gram: Tensor, target: Tensor, n_sweeps: int) -> Tensor:
    """Lower ||A - W^T X|| for each of S problems, one row of X after the other, in place.

    Row k becomes ``max(0, (target_k - sum_{j != k} gram_kj x_j) / gram_kk)``, its minimiser with the other rows fixed.
    Where gram_kk is zero the row stays as it is, so that a factor that lost one side can come back.

    Args:
        x: X >= 0, (S, K, M); changed.
        gram: W W^T, (S, K, K).
        target: W A, (S, K, M); overwritten.
        n_sweeps: How often each row is updated.

    Returns:
        ``x``.

    Example:
        >>> x = sweep(torch.zeros(1, 1, 2), torch.full((1, 1, 1), 2.0), torch.tensor([[[4.0, -1.0]]]), 1)
        >>> x.tolist()
        [[[2.0, 0.0]]]
    """
    diagonal = torch.diagonal(gram, dim1=1, dim2=2)
    alive = diagonal > _TINY
    inverse = torch.where(alive, 1.0 / diagonal.clamp(min=_TINY), 0.0)
    weights = gram * -inverse[:, :, None]
    torch.diagonal(weights, dim1=1, dim2=2).copy_((~alive).to(weights.dtype))
    target.mul_(inverse[:, :, None])
    for _ in range(n_sweeps):
        for k in range(x.shape[1]):
            row = torch.baddbmm(target[:, k : k + 1], weights[:, k : k + 1], x)
            torch.clamp(row, min=0, out=x[:, k : k + 1])
    return x


def sweep_few(x: Tensor, gram: Tensor, target: Tensor, n_sweeps: int) -> Tensor:
    """The same for one problem with few columns, on the CPU: numpy's calls cost a third of torch's there.

    Args:
        x: X >= 0, (K, M), float64; changed.
        gram: W W^T, (K, K), float64.
        target: W A, (K, M), float64; not changed.
        n_sweeps: How often each row is updated.

    Returns:
        ``x``.
    """
    if x.numel() > _FEW:
        return sweep(x[None], gram[None], target[None].clone(), n_sweeps)[0]
    rows, diagonal = x.numpy(), np.diagonal(gram.numpy())
    alive = diagonal > _TINY
    inverse = np.where(alive, 1.0 / np.maximum(diagonal, _TINY), 0.0)[:, None]
    weights, shift = gram.numpy() * -inverse, target.numpy() * inverse
    np.fill_diagonal(weights, ~alive)
    row = np.empty(rows.shape[1])
    for _ in range(n_sweeps):
        for k in range(len(rows)):
            np.dot(weights[k], rows, out=row)
            np.add(row, shift[k], out=row)
            np.maximum(row, 0.0, out=rows[k])
    return x


def least_squares(gram: Tensor, target: Tensor) -> Tensor:
    """Where to begin the sweeps: the unconstrained solution (S, K, M), negative entries set to zero."""
    gram = gram.double().cpu()
    level = torch.diagonal(gram, dim1=1, dim2=2).mean(dim=1).clamp(min=_TINY)
    ridge = _RIDGE * level[:, None, None] * torch.eye(gram.shape[-1], dtype=gram.dtype)
    inverse: Tensor = torch.linalg.inv(gram + ridge)
    return (inverse.to(target) @ target).clamp_(min=0)


def column_blocks(values: Tensor) -> Iterator[slice]:
    """Slices over the columns of a matrix (T, N), each of about 260,000 entries."""
    size = max(256, _BLOCK_ENTRIES // max(1, values.shape[0]))
    for start in range(0, values.shape[1], size):
        yield slice(start, min(start + size, values.shape[1]))


@dataclass(frozen=True)
class Energies:
    """Where the squared entries of a matrix (T, N) are.

    Attributes:
        tokens: Sums over each row, (T,), float64, on the CPU.
        neurons: Sums over each column, (N,), float64, on the CPU.
    """

    tokens: Tensor
    neurons: Tensor

    @property
    def total(self) -> float:
        """||A||^2."""
        return float(self.tokens.sum())


def energies(values: Tensor) -> Energies:
    """Squared entries summed over rows and columns, in one pass and without a matrix of their size."""
    tokens = torch.zeros(values.shape[0], dtype=torch.float64)
    neurons = torch.empty(values.shape[1], dtype=torch.float64)
    ones = values.new_ones(1, values.shape[0])
    for block in column_blocks(values):
        squared = values[:, block].square()
        # As products with ones: several times faster than sums over the first dimension.
        neurons[block] = (ones @ squared)[0].double().cpu()
        tokens += (squared @ ones.new_ones(squared.shape[1])).double().cpu()
    return Energies(tokens, neurons)


def residual_squares(values: Tensor, token_loadings: Tensor, neuron_loadings: Tensor) -> float:
    """||A - W H||^2 from the residual itself, block by block.

    Args:
        values: A (T, N).
        token_loadings: W transposed, (K, T).
        neuron_loadings: H (K, N).
    """
    w = token_loadings.to(values).T
    total = 0.0
    for block in column_blocks(values):
        residual = torch.addmm(values[:, block], w, neuron_loadings[:, block], alpha=-1)
        # Norms of rows in float32, each a sum of few thousand terms; their sum in float64.
        total += float(torch.linalg.vector_norm(residual, dim=1).double().square().sum())
    return total


def gram_squares(total: float, token_loadings: Tensor, target: Tensor, gram: Tensor) -> float:
    """||A - W H||^2 = ||A||^2 - 2 <W^T, H A^T> + <W^T W, H H^T>, without a pass over A.

    Rounding of the products leaves about 1e-6 of ||A||^2, so it is for errors well above 1e-3.

    Args:
        total: ||A||^2.
        token_loadings: W transposed, (K, T), float64.
        target: H A^T, (K, T).
        gram: H H^T, (K, K).
    """
    cross = float((token_loadings * target).sum())
    own = float(((token_loadings @ token_loadings.T) * gram).sum())
    return max(0.0, total - 2.0 * cross + own)
