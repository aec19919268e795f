"""How many threads a model's computations get."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

# Below this width the threads of a matrix product wait for each other longer than they compute. Measured with the demo
# model (256 wide) on two cores: one more output took 9 ms on one thread and 17 ms on two, and up to 300 ms on two while
# something else used a core.
_ONE_THREAD_BELOW = 512


@contextlib.contextmanager
def suited_threads(width: int, device: torch.device) -> Iterator[None]:
    """Runs narrow models on the CPU on one thread inside the context.

    The number of torch's threads is a setting of the process, so it is put back at once.

    Args:
        width: D, width of the hidden states.
        device: Where the model is.

    Example:
        >>> with suited_threads(256, torch.device("cpu")):
        ...     torch.get_num_threads()
        1
    """
    before = torch.get_num_threads()
    if before == 1 or width >= _ONE_THREAD_BELOW or device.type != "cpu":
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
