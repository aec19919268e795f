"""What a solver gives, and what it tells while it works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

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


class Teller:
    """Passes steps on, and says between the parts of a start that work goes on.

    Args:
        on_step: Is told, if anyone is.
    """

    def __init__(self, on_step: OnStep | None) -> None:
        self._on_step = on_step
        self._error = 1.0

    def step(self, step: Step) -> None:
        """An iteration is done."""
        self._error = step.relative_error
        if self._on_step:
            self._on_step(step)

    def apart(self, step: Step) -> None:
        """An iteration is done that is part of the start."""
        self.step(Step(0, step.relative_error))

    def working(self) -> None:
        """A part of the start is done."""
        self.step(Step(0, self._error))

    def after(self, iterations: int) -> OnStep:
        """Tells of iterations that come after others."""
        return lambda step: self.step(replace(step, iteration=iterations + step.iteration))


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
