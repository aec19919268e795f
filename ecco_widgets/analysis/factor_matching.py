"""Which factor is which when the number of factors or the layers change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from ecco_widgets.errors import InvalidInput

if TYPE_CHECKING:
    from ecco_widgets.analysis.factorization import Factors

# Below this cosine two factors are not the same. Loadings that have nothing to do with each other reach about 0.5,
# since none is negative.
MINIMUM = 0.7
# What is remembered, so that a factor that comes back is known: how many sets of loadings of all factors together, and
# the cosine above which two are not worth keeping apart.
_REMEMBERED, _SAME = 256, 0.98


@dataclass(frozen=True)
class Known:
    """A factor as it was shown once.

    Attributes:
        id: Its identity.
        slot: Its place in a palette.
        token_loadings: Shape (T,).
    """

    id: int
    slot: int
    token_loadings: NDArray[np.float32]


@dataclass(frozen=True)
class Identities:
    """Who each of K factors is.

    Attributes:
        ids: Identities, (K,): equal for what is the same factor before and after a change, never given to another.
        slots: Places in a palette, (K,): small numbers, distinct among those shown, kept as long as the identity is
            shown.
        new: Whether a factor was not there just before, (K,). All are new at first.
        similarity: Cosine of token loadings to the factor that passed its identity on, (K,); 0 for identities never
            seen.
        token_loadings: What they were read from, (K, T).
        next_id: The next identity to be given.
        seen: Factors as they were shown, latest first; an identity can be there several times.
    """

    ids: NDArray[np.int64]
    slots: NDArray[np.int64]
    new: NDArray[np.bool_]
    similarity: NDArray[np.float32]
    token_loadings: NDArray[np.float32] = field(repr=False)
    next_id: int
    seen: tuple[Known, ...] = field(default=(), repr=False)


def matched_pairs(
    loadings1: NDArray[np.float32], loadings2: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """The pairing of two sets of factors with the largest sum of cosines.

    Args:
        loadings1: Token loadings (K1, T); signs do not matter.
        loadings2: Token loadings (K2, T).

    Returns:
        Indices into the first, ascending, indices into the second, and the cosines, each (min(K1, K2),).

    Raises:
        InvalidInput: If the numbers of tokens differ.

    Source:
        Kuhn 1955 (assignment).

    Example:
        >>> a = np.eye(3, dtype=np.float32)
        >>> matched_pairs(a, a[[2, 0, 1]])[1].tolist()
        [1, 2, 0]
    """
    if loadings1.shape[1] != loadings2.shape[1]:
        raise InvalidInput(
            f"factors can be matched if they are of the same tokens, got loadings on {loadings1.shape[1]} and "
            f"{loadings2.shape[1]} tokens."
        )
    cosines = np.abs(_unit(loadings1) @ _unit(loadings2).T)
    rows, columns = linear_sum_assignment(-cosines)
    return rows.astype(np.int64), columns.astype(np.int64), cosines[rows, columns].astype(np.float32)


def match_factors(factors: Factors, previous: Identities | None = None, *, minimum: float = MINIMUM) -> Identities:
    """Who each factor is, given who was shown before.

    Each of the factors just shown passes its identity on to at most one of those to be shown, so that the sum of
    cosines is the largest; pairs below ``minimum`` are not the same. What is left over is looked for among all factors
    shown earlier, so that moving a slider there and back brings the same identities back. Where the tokens are others,
    all factors are new.

    Args:
        factors: The factors now.
        previous: What this function said before; ``None`` at first.
        minimum: Least cosine of token loadings of what is the same factor.

    Returns:
        Identities of the K factors, to be passed as ``previous`` next time.

    Example:
        >>> from ecco_widgets.analysis.factorization import factorize
        >>> a = np.kron(np.eye(3), np.ones((2, 4)))
        >>> before = match_factors(factorize(a, 2))
        >>> after = match_factors(factorize(a, 3), before)
        >>> set(before.ids.tolist()) <= set(after.ids.tolist()), int(after.new.sum())
        (True, 1)
    """
    loadings = factors.token_loadings
    if previous is None or previous.token_loadings.shape[1] != loadings.shape[1]:
        # Identities go on where they were, so that none is given twice.
        first = 0 if previous is None else previous.next_id
        previous = Identities(*_nobody(), np.zeros((0, loadings.shape[1]), np.float32), first)
    just_shown = [
        Known(int(one), int(slot), row)
        for one, slot, row in zip(previous.ids, previous.slots, previous.token_loadings, strict=True)
    ]
    n = len(loadings)
    ids, similarity = np.full(n, -1, dtype=np.int64), np.zeros(n, dtype=np.float32)
    for candidates in (just_shown, previous.seen):
        free = np.flatnonzero(ids < 0)
        for k, one, cosine in _same(loadings[free], [known for known in candidates if known.id not in ids], minimum):
            ids[free[k]], similarity[free[k]] = one, cosine
    unknown = ids < 0
    ids[unknown] = previous.next_id + np.arange(unknown.sum())
    slots = _slots(ids, [*just_shown, *previous.seen], previous.ids)
    now = [Known(int(one), int(slot), row) for one, slot, row in zip(ids, slots, loadings, strict=True)]
    return Identities(
        ids=ids,
        slots=slots,
        new=~np.isin(ids, previous.ids),
        similarity=similarity,
        token_loadings=loadings,
        next_id=previous.next_id + int(unknown.sum()),
        seen=_remembered(now, previous.seen),
    )


def _same(loadings: NDArray[np.float32], known: list[Known], minimum: float) -> list[tuple[int, int, float]]:
    """(Row, identity, cosine) of rows (K, T) that are a known factor; of each identity's loadings the nearest count."""
    if not len(loadings) or not known:
        return []
    cosines = np.abs(_unit(loadings) @ _unit(np.stack([one.token_loadings for one in known])).T)
    each = sorted({one.id for one in known})
    owner = np.array([each.index(one.id) for one in known])
    nearest = np.stack([cosines[:, owner == column].max(axis=1) for column in range(len(each))], axis=1)
    rows, columns = linear_sum_assignment(-nearest)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(row, each[column], nearest[row, column]) for row, column in pairs if nearest[row, column] >= minimum]


def _slots(ids: NDArray[np.int64], known: list[Known], just_shown: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places in a palette: those shown before keep theirs, those that come back get theirs if it is free."""
    slots = np.full(len(ids), -1, dtype=np.int64)
    before: dict[int, int] = {}
    for one in reversed(known):
        before[one.id] = one.slot
    for k in sorted(range(len(ids)), key=lambda k: ids[k] not in just_shown):
        slot = before.get(int(ids[k]), -1)
        if slot >= 0 and slot not in slots:
            slots[k] = slot
    for k in np.flatnonzero(slots < 0).tolist():
        slots[k] = min(set(range(len(ids))) - set(slots.tolist()))
    return slots


def _remembered(now: list[Known], seen: tuple[Known, ...]) -> tuple[Known, ...]:
    loadings = {one.id: _unit(one.token_loadings[None])[0] for one in now}
    kept = []
    for one in seen:
        again = loadings.get(one.id)
        if again is None or abs(float(again @ _unit(one.token_loadings[None])[0])) < _SAME:
            kept.append(one)
    return tuple([*now, *kept][:_REMEMBERED])


def _nobody() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_], NDArray[np.float32]]:
    none = np.zeros(0, dtype=np.int64)
    return none, none, none.astype(np.bool_), none.astype(np.float32)


def _unit(loadings: NDArray[np.float32]) -> NDArray[np.float64]:
    values = loadings.astype(np.float64)
    unit: NDArray[np.float64] = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-300)
    return unit
