"""Which factor is which from picture to picture, and a picture of factors as it travels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecco_widgets.analysis.factor_matching import MINIMUM, matched_pairs
from ecco_widgets.analysis.factorization import Factors
from ecco_widgets.export.categorical import N_HUES
from ecco_widgets.widgets._factor_rows import is_signed, n_neurons
from ecco_widgets.widgets._shown_states import ShownStates

# Factors that have gone and come back as they were get their identity and colour back; so many are remembered.
_MOST_REMEMBERED = 200


@dataclass(frozen=True)
class Picture:
    """Factors as they are shown, or on their way there.

    Attributes:
        spec: What they are factors of (docs/explanation/messages.md).
        factors: K factors, in the order of the rows.
        ids: Their identities.
        fresh: Identities that the last finished picture did not have.
        done: Whether no better picture follows.
        stopped: Whether it was cancelled before.
    """

    spec: str
    factors: Factors
    ids: tuple[int, ...]
    fresh: tuple[int, ...]
    done: bool
    stopped: bool = False

    def row_of(self, identity: int) -> int:
        """Which row shows a factor."""
        return self.ids.index(identity)


@dataclass
class Identities:
    """Gives factors the identities of the factors they go on from.

    Attributes:
        ids: Identities of the factors shown last, in the order of their rows.
        finished: Identities of the last finished picture; ``None`` before there is one.
    """

    ids: tuple[int, ...] = ()
    finished: tuple[int, ...] | None = None
    _loadings: NDArray[Any] = field(default_factory=lambda: np.zeros((0, 0)))
    _remembered: dict[int, NDArray[Any]] = field(default_factory=dict)

    def follow(self, loadings: NDArray[Any], *, done: bool) -> tuple[list[int], tuple[int, ...], tuple[int, ...]]:
        """The next picture.

        Args:
            loadings: Token loadings (K, T) of the new factors.
            done: Whether no better picture follows.

        Returns:
            The order in which to show the factors (those that were there keep their order, new ones come last), their
            identities in that order, and those that the last finished picture did not have.
        """
        loadings = np.asarray(loadings, dtype=np.float32)
        known = _same(list(range(len(loadings))), loadings, self.ids, self._loadings)
        left = [k for k in range(len(loadings)) if k not in known]
        gone = [identity for identity in self._remembered if identity not in self.ids]
        known |= _same(left, loadings, gone, np.array([self._remembered[identity] for identity in gone]))
        for k in range(len(loadings)):
            if k not in known:
                known[k] = self._new(known.values())
        # Not by the number: what came back may be older than what stands above it.
        rows = {identity: row for row, identity in enumerate(self.ids)}
        order = sorted(known, key=lambda k: (rows.get(known[k], len(rows)), k))
        ids = tuple(known[k] for k in order)
        fresh = () if self.finished is None else tuple(i for i in ids if i not in self.finished)
        self.ids, self._loadings = ids, loadings[order]
        if done:
            self.finished = ids
            for identity, row in zip(ids, self._loadings, strict=True):
                self._remembered.pop(identity, None)
                self._remembered[identity] = row
            while len(self._remembered) > _MOST_REMEMBERED:
                del self._remembered[next(iter(self._remembered))]
        return order, ids, fresh

    def _new(self, taken: Any) -> int:
        """The first identity nobody has had whose colour the fewest factors have now."""
        taken = list(taken)
        had = {*taken, *self.ids, *self._remembered}
        used = [sum(identity % N_HUES == color for identity in taken) for color in range(N_HUES)]
        candidates = [i for i in range(max(had, default=-1) + 1 + N_HUES) if i not in had]
        return min(candidates, key=lambda identity: (used[identity % N_HUES], identity))


def _same(rows: Sequence[int], loadings: NDArray[Any], ids: Sequence[int], before: NDArray[Any]) -> dict[int, int]:
    """Which rows are which of the factors from before."""
    if not rows or not ids or before.shape[1] != loadings.shape[1]:
        return {}
    pairs = zip(*matched_pairs(loadings[list(rows)], before), strict=True)
    return {rows[int(row)]: ids[int(column)] for row, column, cosine in pairs if cosine >= MINIMUM}


def factors_data(shown: ShownStates, picture: Picture) -> dict[str, Any]:
    """A picture as it travels (``_schema_factors.Factors``)."""
    factors = picture.factors
    loadings = shown.shown(factors.token_loadings)
    none = np.zeros(0)
    return {
        "spec": picture.spec,
        "ids": list(picture.ids),
        "fresh": list(picture.fresh),
        "loadings": loadings,
        "peak": np.nanmax(np.abs(loadings), axis=1, initial=0.0).astype(np.float32),
        "explained": (factors.explained if picture.done else none).astype(np.float32),
        "n_neurons": (n_neurons(factors) if picture.done else none).astype(np.int32),
        "error": float(factors.relative_error),
        "iterations": int(factors.iterations),
        "done": picture.done,
        "stopped": picture.stopped,
        "method": factors.method,
        "signed": is_signed(factors.method),
        "layers": list(factors.layers),
        "total_neurons": int(factors.neuron_loadings.shape[1]),
    }
