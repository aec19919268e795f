"""What a solver gives, and what it tells while it works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Step:
    """The factors after one iteration. Their tensors are the solver's own: read them before returning, change nothing.

    Attributes:
        iteration: Passes over the whole matrix so far; 0 while the start is made.
        relative_error: ||A - W H|| / ||A|| of these factors; on part of the matrix while the start is made, and 1.0
            before anything is known.
        token_loadings: W transposed, (K, T), float64, on the CPU; ``None`` while the start is made.
        neuron_loadings: H, (K, N), float32; ``None`` while the start is made.
    """

    iteration: int
    relative_error: float
    token_loadings: Tensor | None = None
    neuron_loadings: Tensor | None = None


OnStep = Callable[[Step], object]
"""Called after each iteration, and between the parts of the start; raising in it ends the computation."""


@dataclass(frozen=True)
class Solution:
    """A ~ W H with W, H >= 0.

    Attributes:
        token_loadings: W transposed, (K, T), float64, on the CPU.
        neuron_loadings: H, (K, N), float32, on the matrix's device.
        relative_error: ||A - W H|| / ||A|| from the residual itself; 0.0 for a matrix of zeros.
        iterations: Passes over the whole matrix.
        converged: Whether it stopped because the error no longer fell.
        start: Name of the start it went on from.
        squares: ||A||^2 that shares refer to, where the solver changed A; else ``None``.
    """

    token_loadings: Tensor
    neuron_loadings: Tensor
    relative_error: float
    iterations: int
    converged: bool
    start: str
    squares: float | None = None
