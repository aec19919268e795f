"""Methods that need one gradient for each output: Captum's formulas on a shared forward pass."""

from __future__ import annotations

from typing import Any

from captum.attr import InputXGradient, Saliency
from torch import Tensor
from torch.nn import functional

from ecco_widgets.analysis.problem import Problem
from ecco_widgets.models.masked_trace import MaskedTrace


def gradient_x_input(problem: Problem) -> tuple[Tensor, None]:
    """Gradient x Input of R outputs, (R, T, D): Captum's ``InputXGradient`` driven by shared gradients."""
    captum = InputXGradient(_not_called)
    captum.gradient_func = _shared_gradients(problem)
    return captum.attribute(_inputs(problem)), None


def gradient(problem: Problem) -> tuple[Tensor, None]:
    """Gradients of R outputs, (R, T, D), with their sign: Captum's ``Saliency`` driven by shared gradients."""
    captum = Saliency(_not_called)
    captum.gradient_func = _shared_gradients(problem)
    return captum.attribute(_inputs(problem), abs=False), None


def _inputs(problem: Problem) -> Tensor:
    """Input embeddings, (1, N, E), or (R, N, E) where each output has inputs of its own."""
    trace = problem.trace
    if isinstance(trace, MaskedTrace):
        embeddings = trace.masked_embeddings(problem.positions)
    else:
        embeddings = problem.shared.inputs.detach()
    missing = trace.n_tokens - embeddings.shape[1]  # classes, which stand after the text, are no inputs
    embeddings = functional.pad(embeddings, (0, 0, 0, missing)) if missing else embeddings
    return embeddings.requires_grad_()  # Captum warns about inputs that don't ask for gradients


def _shared_gradients(problem: Problem) -> Any:
    # Captum calls this in place of its own "one forward and one backward pass a target" and multiplies what comes back;
    # inputs of shape (1, T, D) broadcast against gradients of shape (R, T, D).
    def gradient_func(_forward: Any, _inputs: Any, _target: Any = None, _additional: Any = None) -> tuple[Tensor]:
        return (problem.shared.gradients(problem.positions, problem.readings.seeds, problem.progress),)

    return gradient_func


def _not_called(*_: Any) -> Tensor:
    raise AssertionError("the shared forward pass takes the place of this function")
