"""A module's forward pass replaced or listened to for the duration of a context, on one thread only.

A model is shared with whoever holds it: a cell may run or train it while a widget's worker is in here. What happens on
other threads must neither be changed nor be seen.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

from torch import nn


@contextlib.contextmanager
def forward_replaced(module: nn.Module, forward: Callable[..., Any]) -> Iterator[None]:
    """Inside the context the module computes something else on this thread; hooks on it still run.

    Args:
        module: Any module; hold the model's lock.
        forward: Takes what the module's own forward takes.
    """
    had_own = "forward" in vars(module)  # e.g. placed there by accelerate's device hooks
    original = module.forward
    here = threading.get_ident()

    def forward_here(*args: Any, **kwargs: Any) -> Any:
        return forward(*args, **kwargs) if threading.get_ident() == here else original(*args, **kwargs)

    module.forward = forward_here
    try:
        yield
    finally:
        if had_own:
            module.forward = original
        else:
            del module.forward


def on_this_thread(hook: Callable[..., None]) -> Callable[..., None]:
    """A hook that only observes, and only what runs on the thread that made it."""
    here = threading.get_ident()

    def hook_here(*args: Any) -> None:
        if threading.get_ident() == here:
            hook(*args)

    return hook_here
