"""Methods that evaluate the model at many points for each output: Captum on the prefix that predicts it."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from captum.attr import Deconvolution, FeatureAblation, GradientShap, GuidedBackprop, IntegratedGradients
from torch import Tensor, nn

from ecco_widgets.analysis.problem import Problem
from ecco_widgets.models.logits import at_least_single

# Tokens that one evaluation takes together, all rows counted.
_TOKENS_TOGETHER = 2_048
# Distribution of baselines of GradientSHAP: the empty embedding and this many texts of random tokens.
_RANDOM_TEXTS = 8

Explained = tuple[Tensor, "Tensor | None"]


def integrated_gradients(problem: Problem) -> Explained:
    """Integrated Gradients from the zero embedding (Sundararajan et al. 2017, equation 1), Gauss-Legendre points.

    Returns:
        Attributions (R, T, D) and the completeness gap (R,): |sum of attributions - (f(x) - f(0))| / |f(x) - f(0)|.
    """
    steps = problem.n_steps
    report = problem.report_steps((steps + 2) * len(problem.positions), "integration step")
    gaps: list[Tensor] = []

    def explain(r: int, inputs: Tensor) -> Tensor:
        function = problem.function(r, report)
        captum = IntegratedGradients(function)
        together = max(1, min(steps, _TOKENS_TOGETHER // inputs.shape[1]))
        attributions: Tensor = captum.attribute(inputs, n_steps=steps, internal_batch_size=together)
        with torch.no_grad():
            change = function(inputs) - function(torch.zeros_like(inputs))
        total = at_least_single(attributions).sum()
        gap = (total - change).abs() / change.abs().clamp_min(torch.finfo(torch.float32).tiny)
        gaps.append(gap)
        return attributions

    attributions = _each(problem, explain)
    return attributions, torch.cat(gaps).detach()


def gradient_shap(problem: Problem) -> Explained:
    """Expected gradients over baselines: the empty text and texts of random tokens (Lundberg and Lee 2017)."""
    samples = problem.n_steps
    report = problem.report_steps(samples * len(problem.positions), "sample")
    generator = torch.Generator().manual_seed(problem.seed)

    def explain(r: int, inputs: Tensor) -> Tensor:
        random_ids = torch.randint(problem.parts.n_ids, (_RANDOM_TEXTS, inputs.shape[1]), generator=generator)
        random = problem.parts.embed(random_ids.to(inputs.device), problem.trace.n_source)
        baselines = torch.cat([torch.zeros_like(inputs), random])
        captum = GradientShap(problem.function(r, report))
        attributions: Tensor = captum.attribute(inputs, baselines=baselines, n_samples=samples, stdevs=0.0)
        return attributions

    with _seeded(problem.seed, problem.trace.lm.device):
        return _each(problem, explain), None


def occlusion(problem: Problem) -> Explained:
    """Change of the output when a token's embedding is set to zero (Zeiler and Fergus 2014), per token.

    A gate of 0 or 1 on each token is what Captum's ``FeatureAblation`` switches, so that each token is one feature. The
    attribution of a token is spread evenly over its D dimensions, which every aggregation but a sum leaves in
    proportion.
    """
    evaluations = sum(problem.trace.n_inputs_of(position) + 1 for position in problem.positions)
    report = problem.report_steps(evaluations, "token taken away")

    def explain(r: int, inputs: Tensor) -> Tensor:
        function = problem.function(r, report)

        def gated(gates: Tensor) -> Tensor:
            return function(inputs * gates[..., None])

        captum = FeatureAblation(gated)
        together = max(1, min(inputs.shape[1], _TOKENS_TOGETHER // inputs.shape[1]))
        gates = torch.ones(inputs.shape[:2], dtype=inputs.dtype, device=inputs.device)
        changes: Tensor = captum.attribute(gates, baselines=0.0, perturbations_per_eval=together)
        width = inputs.shape[-1]
        return changes[..., None].expand(-1, -1, width) / width

    with torch.no_grad():
        return _each(problem, explain), None


def guided_backprop(problem: Problem) -> Explained:
    """Guided Backpropagation (Springenberg et al. 2015): negative gradients cut at ReLU units."""
    return _modified_relu(problem, GuidedBackprop)


def deconvolution(problem: Problem) -> Explained:
    """Deconvolution (Zeiler and Fergus 2014): the backward signal rectified at ReLU units."""
    return _modified_relu(problem, Deconvolution)


def _modified_relu(problem: Problem, captum_class: Any) -> Explained:
    report = problem.report_steps(len(problem.positions), "backward pass")

    def explain(r: int, inputs: Tensor) -> Tensor:
        module = _AsModule(problem.parts.model, problem.function(r, report))
        with warnings.catch_warnings():  # that it sets hooks on ReLU units is its job, and it takes them off again
            warnings.filterwarnings("ignore", "Setting backward hooks on ReLU")
            attributions: Tensor = captum_class(module).attribute(inputs.requires_grad_())
        return attributions

    return _each(problem, explain), None


class _AsModule(nn.Module):
    """A function as a module, so that Captum finds the ReLU units of the base inside."""

    def __init__(self, base: nn.Module, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.base = base
        self._function = function

    def forward(self, embeddings: Tensor) -> Tensor:
        return self._function(embeddings)


def _each(problem: Problem, explain: Callable[[int, Tensor], Tensor]) -> Tensor:
    """Explain each output on its own inputs; attributions (R, N, E), zero where nothing can have led to an output."""
    trace = problem.trace
    shape = len(problem.positions), trace.n_tokens, problem.parts.input_width
    result = torch.zeros(shape, dtype=torch.float32, device=trace.lm.device)
    for r, position in enumerate(problem.positions):
        inputs = trace.inputs_for(position).clone()
        result[r, : inputs.shape[1]] = explain(r, inputs)[0].detach().float()
    return result


@contextlib.contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Captum draws from the global generators of torch and numpy: seed both and put them back."""
    devices = [device] if device.type == "cuda" else []
    before = np.random.get_state()  # noqa: NPY002 - the generator that Captum uses
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(before)  # noqa: NPY002
