"""The logit lens the obvious way: final norm and head written out for each family, a full sort for each cell."""

from __future__ import annotations

import torch
from torch import Tensor

from ecco_widgets.models import Trace

FINAL_NORM = {
    "gpt2": "transformer.ln_f",
    "gpt_neo": "transformer.ln_f",
    "llama": "model.norm",
    "qwen2": "model.norm",
    "gemma2": "model.norm",
}


def naive_logits(trace: Trace, family: str, layer: int, position: int, *, final_norm: bool = True) -> Tensor:
    """Logits (V,) that the state after one block gives for one position."""
    model = trace.lm.model
    seen: list[Tensor] = []
    blocks = model.get_submodule("transformer.h" if family.startswith("gpt") else "model.layers")
    handle = blocks[layer].register_forward_hook(
        lambda _m, _a, out: seen.append(out[0] if isinstance(out, tuple) else out)
    )
    with torch.no_grad():
        model(torch.tensor(trace.token_ids)[None])
        handle.remove()
        state = seen[0][0, position - 1]
        if final_norm:
            state = model.get_submodule(FINAL_NORM[family])(state)
        logits = model.lm_head(state)
        if family == "gemma2":
            cap = model.config.final_logit_softcapping
            logits = cap * torch.tanh(logits / cap)
    return logits


def naive_rank(logits: Tensor, token: int) -> int:
    """Place of a token in the full sort, 1 is best."""
    return logits.argsort(descending=True).tolist().index(token) + 1
