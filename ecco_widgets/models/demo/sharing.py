"""Sharing a machine: how many threads pay while other processes want the cores too.

Two threads that wait for each other at every operation are slower than one as soon as another process holds one of
two cores.
"""

from __future__ import annotations

import time
from pathlib import Path

__all__ = ["CoreWatch", "threads_that_pay"]

_STAT = Path("/proc/stat")
_TICKS_PER_SECOND = 100


class CoreWatch:
    """Measures how many cores processes of normal priority keep busy.

    Run the training itself under `nice`, so that it does not count.
    """

    def __init__(self) -> None:
        self._last = self._read()

    def busy(self) -> float:
        """Cores kept busy since the last call, by processes that are not niced; 0 where the system does not tell."""
        now = self._read()
        (ticks, moment), self._last = self._last, now
        return (now[0] - ticks) / _TICKS_PER_SECOND / max(now[1] - moment, 1e-3)

    @staticmethod
    def _read() -> tuple[int, float]:
        if not _STAT.exists():
            return 0, time.monotonic()
        user = int(_STAT.read_text(encoding="ascii").split(maxsplit=2)[1])
        return user, time.monotonic()


def threads_that_pay(wanted: int, busy: float) -> int:
    """Threads to use for the next step.

    Args:
        wanted: Threads on an idle machine.
        busy: Cores that others keep busy.

    Returns:
        `wanted` less the cores in use by others, at least one.

    Example:
        >>> threads_that_pay(2, 0.1), threads_that_pay(2, 0.8), threads_that_pay(2, 5.0)
        (2, 1, 1)
    """
    return max(1, wanted - int(busy + 0.6))
