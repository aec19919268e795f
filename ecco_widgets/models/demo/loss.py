"""Cross-entropy over the vocabulary in pieces.

On a CPU the logits of a whole batch cost more in memory traffic than in arithmetic.
"""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["chunked_cross_entropy"]


class _ChunkedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor, chunk: int
    ) -> torch.Tensor:
        count = len(targets)
        rounded = weight.to(hidden.dtype)
        hidden_gradient, weight_gradient = torch.empty_like(hidden), torch.zeros_like(weight)
        total = torch.zeros((), dtype=torch.float32)
        for start in range(0, count, chunk):
            piece, wanted = hidden[start : start + chunk], targets[start : start + chunk, None]
            logits = (piece @ rounded.t()).float()
            log_total = logits.logsumexp(1, keepdim=True)
            total += (log_total - logits.gather(1, wanted)).sum()
            # d loss / d logits = softmax - one_hot, made in place of the logits.
            probabilities = logits.sub_(log_total).exp_()
            probabilities.scatter_add_(1, wanted, torch.full_like(log_total, -1.0))
            gradient = probabilities.to(hidden.dtype)
            hidden_gradient[start : start + chunk] = gradient @ rounded
            weight_gradient += gradient.t() @ piece
        ctx.save_for_backward(hidden_gradient, weight_gradient)
        ctx.count = count
        return total / count

    @staticmethod
    def backward(ctx: Any, *outputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None, None]:
        hidden_gradient, weight_gradient = ctx.saved_tensors
        scale = outputs[0] / ctx.count
        return (hidden_gradient * scale).to(hidden_gradient.dtype), weight_gradient * scale, None, None


def chunked_cross_entropy(
    hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor, chunk: int = 1024
) -> torch.Tensor:
    """Mean cross-entropy of ``hidden @ weight.T`` against the targets, with its gradient made in the same pass.

    Args:
        hidden: Final states, (N, D).
        weight: Unembedding, (V, D).
        targets: Token ids, (N,).
        chunk: Rows whose logits exist at one time.

    Returns:
        The loss in nats, a scalar.
    """
    loss: torch.Tensor = _ChunkedCrossEntropy.apply(hidden, weight, targets, chunk)  # type: ignore[no-untyped-call]
    return loss
