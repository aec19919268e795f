"""Neurons of a GPT-2 read with hooks placed by hand, to compare with and to measure on."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def neurons_by_hand(model: Any, ids: Tensor) -> list[Tensor]:
    """Inputs (T, N) of each block's output projection ``mlp.c_proj``, for ids (T,)."""
    seen: list[Tensor] = []
    handles = [
        block.mlp.c_proj.register_forward_pre_hook(lambda _, args: seen.append(args[0][0].detach().clone()))
        for block in model.transformer.h
    ]
    try:
        with torch.no_grad():
            model(ids[None])
    finally:
        for handle in handles:
            handle.remove()
    return seen
