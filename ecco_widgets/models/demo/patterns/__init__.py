"""Generated training text: one module a pattern, each with `document(rng)` for training and `probes(rng)` for tests.

What identifies an instance is hashed (`holdout.is_held_out`); held-out instances can't be generated for training.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from ecco_widgets.models.demo.patterns import agreement, births, counting, facts, lists, markup
from ecco_widgets.models.demo.patterns.holdout import Probe, is_held_out

__all__ = ["GENERATORS", "PROBES", "Probe", "document", "is_held_out", "take_probes"]

GENERATORS: dict[str, tuple[Callable[[random.Random], str], float]] = {
    "counting": (counting.document, 0.32),
    "lists": (lists.document, 0.10),
    "agreement": (agreement.document, 0.12),
    "births": (births.document, 0.17),
    "facts": (facts.document, 0.11),
    "markup": (markup.document, 0.18),
}
"""Pattern -> (its generator, its share of the generated documents)."""

PROBES: tuple[Callable[[random.Random], Iterator[Probe]], ...] = (
    counting.probes,
    lists.probes,
    agreement.probes,
    agreement.unseen_probes,
    births.probes,
    markup.probes,
    facts.probes,
)


def document(rng: random.Random) -> str:
    """Draws one training document of any pattern."""
    makers, shares = zip(*GENERATORS.values(), strict=True)
    make: Callable[[random.Random], str] = rng.choices(makers, shares)[0]
    return make(rng)


def take_probes(per_task: int, seed: int) -> dict[str, list[Probe]]:
    """Draws test instances.

    Args:
        per_task: Different instances wanted of each task; fewer where a task has fewer (some are small, finite sets).
        seed: Seed of the draw.

    Returns:
        Task -> different instances.
    """
    found: dict[str, dict[Probe, None]] = {}
    for make in PROBES:
        stream = make(random.Random(seed))
        # Finite sets repeat themselves: a bounded number of draws ends the search for more.
        for _ in range(60 * per_task):
            probe = next(stream)
            group = found.setdefault(probe.task, {})
            if len(group) < per_task:
                group[probe] = None
    return {task: list(group) for task, group in found.items()}
