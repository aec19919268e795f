"""How many threads a model's computations get."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cache

import torch
from threadpoolctl import ThreadpoolController

# Below this width the threads of a matrix product wait for each other longer than they compute. Measured with the demo
# model (256 wide) on two cores: one more output took 9 ms on one thread and 17 ms on two, and up to 300 ms on two while
# something else used a core.
_ONE_THREAD_BELOW = 512


@contextlib.contextmanager
def suited_threads(width: int, device: torch.device) -> Iterator[None]:
    """Runs narrow models on the CPU on one thread inside the context.

    Only the calling thread is limited. (``torch.set_num_threads`` would also decide for every thread that first uses
    torch in the meantime, and for good.)

    Args:
        width: D, width of the hidden states.
        device: Where the model is.

    Example:
        >>> with suited_threads(256, torch.device("cpu")):
        ...     torch.get_num_threads()
        1
    """
    if width >= _ONE_THREAD_BELOW or device.type != "cpu" or torch.get_num_threads() == 1:
        yield
        return
    with _controller().limit(limits=1, user_api="openmp"):
        yield


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()  # looks through all loaded libraries, so once; torch's is loaded by now
