"""A module's forward pass replaced for the duration of a context."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from torch import nn


@contextlib.contextmanager
def forward_replaced(module: nn.Module, forward: Callable[..., Any]) -> Iterator[None]:
    """Inside the context the module computes something else; hooks on it still run.

    Args:
        module: Any module; hold the model's lock.
        forward: Takes what the module's own forward takes.
    """
    had_own = "forward" in vars(module)  # e.g. placed there by accelerate's device hooks
    original = module.forward
    module.forward = forward
    try:
        yield
    finally:
        if had_own:
            module.forward = original
        else:
            del module.forward
