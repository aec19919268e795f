"""Rows of attributions as the worker computes them: plain parameters in, plain arrays out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ecco_widgets.analysis.attribution import AGGREGATIONS, Attribution, explain, summarise
from ecco_widgets.analysis.shared_forward import SharedForward
from ecco_widgets.live import Job
from ecco_widgets.models.trace import Trace

# Graphs of this many traces are kept for the next hover.
_KEPT = 2


@dataclass(frozen=True)
class Row:
    """The attribution of one output, and what its logits say."""

    values: NDArray[np.float32]
    probability: float
    rank: int
    target_value: float
    gap: float
    foil: int


class AttributionRows:
    """The analysis "attribution.rows": parameters of ``analysis.attribute``, answered with one ``Row`` a position.

    One backward pass serves every aggregation, so all of them are kept: changing the aggregation costs nothing. Called
    on the worker's thread only.
    """

    ANALYSIS: ClassVar[str] = "attribution.rows"

    def __init__(self) -> None:
        self._forwards: OrderedDict[str, SharedForward] = OrderedDict()

    def __call__(self, job: Job, trace: Trace, params: Mapping[str, Any]) -> list[Row]:
        """Rows of ``params["positions"]``, those in the cache without computing."""
        kind = ("row", params["method"], params["target"], params["foil"], tuple(params["ignore_tokens"]))
        aggregation = params["aggregation"]
        rows = {p: job.cache.get((*kind, aggregation, p)) for p in params["positions"]}
        missing = [p for p, row in rows.items() if row is None]
        if missing:
            explained = explain(
                trace,
                params["method"],
                params["target"],
                positions=missing,
                foil=params["foil"],
                progress=job.progress,
                shared=self._forward(trace),
            )
            for name in AGGREGATIONS:
                for p, row in zip(missing, rows_of(summarise(explained, name, params["ignore_tokens"])), strict=True):
                    job.cache.put((*kind, name, p), row)
                    if name == aggregation:
                        rows[p] = row
        return [rows[p] for p in params["positions"]]

    def _forward(self, trace: Trace) -> SharedForward:
        forward = self._forwards.pop(trace.id, None) or SharedForward(trace)
        self._forwards[trace.id] = forward
        while len(self._forwards) > _KEPT:
            self._forwards.popitem(last=False)
        return forward

    def release(self) -> None:
        """Drop the kept graphs (idle, or out of memory)."""
        self._forwards.clear()


def rows_of(attribution: Attribution) -> list[Row]:
    """The rows of an attribution, each with arrays of its own, so that a cache holds no more than the row."""
    return [
        Row(
            values=attribution.scores[r].copy(),
            probability=float(attribution.probability[r]),
            rank=int(attribution.rank[r]),
            target_value=float(attribution.target_value[r]),
            gap=float(attribution.completeness_gap[r]),
            foil=-1 if attribution.foils is None else int(attribution.foils[r]),
        )
        for r in range(len(attribution.positions))
    ]


def stack(positions: Sequence[int], rows: Sequence[Row]) -> dict[str, Any]:
    """Rows as the columns that travel to the front end: R positions, values (R, T), the rest (R,)."""
    return {
        "positions": list(positions),
        "values": np.stack([row.values for row in rows]),
        "probability": np.array([row.probability for row in rows], dtype=np.float32),
        "rank": np.array([row.rank for row in rows], dtype=np.int32),
        "target_value": np.array([row.target_value for row in rows], dtype=np.float32),
        "gap": np.array([row.gap for row in rows], dtype=np.float32),
        "foil": np.array([row.foil for row in rows], dtype=np.int32),
    }
