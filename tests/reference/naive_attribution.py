"""Attributions the obvious way: plain Captum, one call a target, the whole model each time."""

from __future__ import annotations

from collections.abc import Callable

import torch
from captum.attr import InputXGradient, IntegratedGradients, Saliency
from torch import Tensor

from ecco_widgets.models import Trace


def prefix_embeddings(trace: Trace, position: int) -> Tensor:
    """Embeddings (1, p, D) of the tokens before a position."""
    ids = torch.tensor(trace.token_ids[:position])[None]
    return trace.lm.model.get_input_embeddings()(ids).detach().requires_grad_()


def explained_scalar(trace: Trace, position: int, target: str, foil: int | None = None) -> Callable[[Tensor], Tensor]:
    """Embeddings (B, p, D) to the explained scalar (B,), written out from its definition."""
    token = int(trace.token_ids[position])

    def scalar(embeddings: Tensor) -> Tensor:
        logits = trace.lm.model(inputs_embeds=embeddings).logits[:, -1]
        log_p = logits - logits.logsumexp(dim=-1, keepdim=True)
        if target == "logit":
            return logits[:, token]
        if target == "probability":
            return log_p.exp()[:, token]
        if target == "log_probability":
            return log_p[:, token]
        if target == "contrast":
            return logits[:, token] - logits[:, foil]
        if target == "entropy":
            return -(log_p.exp() * log_p).sum(dim=-1)
        raise ValueError(target)

    return scalar


def naive(
    trace: Trace, position: int, method: str, target: str, foil: int | None = None, *, n_steps: int = 32
) -> Tensor:
    """Attributions (p, D) of one output by plain Captum."""
    inputs = prefix_embeddings(trace, position)
    scalar = explained_scalar(trace, position, target, foil)
    if method == "grad_x_input":
        return InputXGradient(scalar).attribute(inputs)[0]
    if method == "gradient":
        return Saliency(scalar).attribute(inputs, abs=False)[0]
    if method == "integrated_gradients":
        return IntegratedGradients(scalar).attribute(inputs, n_steps=n_steps)[0]
    raise ValueError(method)
