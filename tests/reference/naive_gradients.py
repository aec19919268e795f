"""Gradient x Input of any kind of model the obvious way: the whole model on token ids, leaves put in by hooks.

Unlike the package, which feeds embeddings and cuts the model in two, this runs the model as its users do and takes the
gradient at whatever its embedding modules return.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ecco_widgets.models import Trace


def whole_model(trace: Trace, position: int, gates: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
    """Logits (V,) that predict a position, with their graph, and the leaves (1, n, E) they were made from, in order.

    The embedding of token i is multiplied by ``gates[i]`` first.
    """
    model, ids = trace.lm.model, torch.tensor(trace.token_ids)
    leaves: list[Tensor] = []

    def cut(_module: object, _args: object, output: Tensor) -> Tensor:
        start = sum(leaf.shape[1] for leaf in leaves)
        gate = 1.0 if gates is None else gates[start : start + output.shape[1], None]
        leaves.append((output * gate).detach().requires_grad_())
        return leaves[-1]

    modules = {model.get_input_embeddings()}
    if trace.kind == "seq2seq":
        modules = {model.get_encoder().get_input_embeddings(), model.get_decoder().get_input_embeddings()}
    handles = [module.register_forward_hook(cut) for module in modules]
    try:
        with torch.enable_grad():
            return _logits(trace, model, ids, position), leaves
    finally:
        for handle in handles:
            handle.remove()


def gradient_x_input(trace: Trace, position: int, token: int) -> Tensor:
    """(d logit / d x_i) * x_i of every token that can have led to the prediction, shape (n, E)."""
    logits, leaves = whole_model(trace, position)
    gradients = torch.autograd.grad(logits[token], leaves)
    return torch.cat([gradient[0] * leaf.detach()[0] for gradient, leaf in zip(gradients, leaves, strict=True)])


def integrated_gradients(trace: Trace, position: int, token: int, n_steps: int) -> Tensor:
    """Integral of the gradient from the zero embedding, times the embedding (n, E), by Gauss-Legendre quadrature."""
    _, leaves = whole_model(trace, position)
    embeddings = torch.cat([leaf[0] for leaf in leaves]).detach()
    total = torch.zeros_like(embeddings)
    for node, weight in zip(*np.polynomial.legendre.leggauss(n_steps), strict=True):
        gates = torch.full((len(embeddings),), float(1 + node) / 2)
        logits, leaves = whole_model(trace, position, gates)
        total += float(weight) / 2 * torch.cat([g[0] for g in torch.autograd.grad(logits[token], leaves)])
    return total * embeddings


def occlusion(trace: Trace, position: int, token: int) -> Tensor:
    """Change of the logit when each token's embedding is set to zero, shape (n,)."""
    logits, leaves = whole_model(trace, position)
    gates = 1 - torch.eye(sum(leaf.shape[1] for leaf in leaves))
    return torch.stack([logits[token] - whole_model(trace, position, gate)[0][token] for gate in gates]).detach()


def _logits(trace: Trace, model: torch.nn.Module, ids: Tensor, position: int) -> Tensor:
    if trace.kind == "seq2seq":
        source, answer = ids[: trace.n_source], ids[trace.n_source : position]
        logits: Tensor = model(input_ids=source[None], decoder_input_ids=answer[None]).logits[0, -1]
    elif trace.kind == "masked":
        masked = ids.clone()
        masked[position] = trace.lm.tokenizer.mask_token_id
        logits = model(input_ids=masked[None]).logits[0, position]
    elif trace.kind == "classification":
        logits = model(input_ids=ids[None, : trace.n_prompt]).logits[0]
    else:
        logits = model(input_ids=ids[None, :position]).logits[0, -1]
    return logits
