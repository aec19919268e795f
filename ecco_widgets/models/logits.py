"""Logits that can be worked with: precise enough for sums, and finite."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ecco_widgets.errors import NonFinite


def at_least_single(values: Tensor) -> Tensor:
    """Half precision as float32, for sums and softmaxes; float32 and float64 as they are."""
    return values.float() if values.dtype.itemsize < torch.float32.itemsize else values


def check_logits(logits: Tensor, positions: Sequence[int]) -> None:
    """Raise if logits (R, V) are unusable, naming the first position.

    Minus infinity is allowed: some models mask vocabulary entries with it.

    Raises:
        NonFinite: If any is NaN or plus infinity.
    """
    # The largest logit of a row is NaN if any is: one pass, and nothing of the matrix's size is made.
    bad = ~logits.amax(dim=-1).isfinite()
    if bool(bad.any()):
        row = int(bad.nonzero()[0, 0])
        n_bad = int((logits[row].isnan() | logits[row].isposinf()).sum())
        raise NonFinite(
            f"The model's logits for position {positions[row]} contain NaN or infinity ({n_bad} of "
            f"{logits.shape[-1]}).",
            hint="Load the weights in float32 (dtype='float32'), or check the checkpoint.",
        )
