"""What lens widgets ask of the worker: plain parameters in, plain arrays out, a position at a time in the cache."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecco_widgets.analysis.lens import lens_statistics, top_tokens, watched
from ecco_widgets.analysis.shared_forward import Progress
from ecco_widgets.live import Engine, Job
from ecco_widgets.models.trace import Trace

TOP, GRID, RANKS, IDLE = "lens.top", "lens.grid", "lens.ranks", "lens.idle"
GRID_TOP = 5
"""Best tokens kept for each cell of a grid."""

# A grid is computed in pieces of about this long, between which it can be cancelled.
_PIECE_SECONDS = 0.1
_MOST_TOGETHER = 64


@dataclass(frozen=True)
class Top:
    """The k best tokens of each layer at one position.

    Attributes:
        ids: Best first, int32 (L, k).
        probabilities: float32 (L, k).
        texts: L lists of k texts.
        actual: Id of the token that stands there; -1 for the position after the last token.
        actual_text: Its text.
        actual_ranks: Its ranks, int32 (L,), or (0,) without one.
        actual_probabilities: float32 (L,), or (0,).
    """

    ids: NDArray[np.int32]
    probabilities: NDArray[np.float32]
    texts: list[list[str]]
    actual: int
    actual_text: str
    actual_ranks: NDArray[np.int32]
    actual_probabilities: NDArray[np.float32]


@dataclass(frozen=True)
class Column:
    """One position of a grid, L layers.

    Attributes:
        rank: int32 (L,), of the token that stands there.
        log_probability: float32 (L,).
        entropy: float32 (L,).
        kl: float32 (L,).
        top_ids: int32 (L, 5).
        top_probabilities: float32 (L, 5).
    """

    rank: NDArray[np.int32]
    log_probability: NDArray[np.float32]
    entropy: NDArray[np.float32]
    kl: NDArray[np.float32]
    top_ids: NDArray[np.int32]
    top_probabilities: NDArray[np.float32]


@dataclass(frozen=True)
class Ranks:
    """Ranks and probabilities of W watched tokens at one position, int32 and float32 (L, W)."""

    ranks: NDArray[np.int32]
    probabilities: NDArray[np.float32]


def register(engine: Engine) -> None:
    """Let requests ask for these analyses."""
    engine.register(TOP, _tops)
    engine.register(GRID, _grid)
    engine.register(RANKS, _ranks)
    engine.register(IDLE, _nothing)


def tops_at(
    trace: Trace, positions: Sequence[int], k: int, *, final_norm: bool, site: str, progress: Progress | None = None
) -> list[Top]:
    """The predictions at some positions; that after the last token counts."""
    own = [position for position in positions if position != trace.next_position]
    tops = {}
    if own:
        found = lens_statistics(trace, own, final_norm=final_norm, site=site, top=k, progress=progress)
        for p, (position, actual) in enumerate(zip(own, trace.ids_at(own).tolist(), strict=True)):
            ids, ranks, log_p = found.top_ids[:, p], found.rank[:, p].copy(), found.log_probability[:, p]
            tops[position] = _top(trace, ids, found.top_probabilities[:, p], actual, ranks, np.exp(log_p))
    if len(own) < len(positions):
        last = trace.n_tokens
        best = top_tokens(trace, last, k, final_norm=final_norm, site=site, progress=progress)
        none = np.zeros(0)
        tops[last] = _top(trace, best.ids, best.probabilities, -1, none.astype(np.int32), none.astype(np.float32))
    return [tops[position] for position in positions]


def _top(
    trace: Trace,
    ids: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    actual: int,
    ranks: NDArray[np.int32],
    actual_probabilities: NDArray[np.float32],
) -> Top:
    return Top(
        ids=ids.astype(np.int32),
        probabilities=probabilities.copy(),
        texts=[[trace.lm.token_text(token) for token in row] for row in ids.tolist()],
        actual=actual,
        actual_text="" if actual < 0 else trace.lm.token_text(actual),
        actual_ranks=ranks,
        actual_probabilities=actual_probabilities,
    )


def ranks_at(trace: Trace, watch: Sequence[int], position: int, *, final_norm: bool, site: str) -> Ranks:
    """The watched tokens at one position."""
    found = watched(trace, list(watch), position, final_norm=final_norm, site=site)
    return Ranks(found.ranks, found.probabilities)


def columns_at(
    trace: Trace, positions: Sequence[int], *, final_norm: bool, site: str, progress: Progress | None = None
) -> list[Column]:
    """Columns of a grid."""
    top = min(GRID_TOP, trace.lm.vocabulary)
    found = lens_statistics(trace, positions, final_norm=final_norm, site=site, top=top, progress=progress)
    return [
        Column(
            rank=found.rank[:, p].copy(),
            log_probability=found.log_probability[:, p].copy(),
            entropy=found.entropy[:, p].copy(),
            kl=found.kl[:, p].copy(),
            top_ids=found.top_ids[:, p].astype(np.int32),
            top_probabilities=found.top_probabilities[:, p].copy(),
        )
        for p in range(len(positions))
    ]


def _tops(job: Job, trace: Trace, params: Mapping[str, Any]) -> list[Top]:
    k, final_norm, site = params["k"], params["final_norm"], params["site"]
    keys = {position: ("top", k, final_norm, site, position) for position in params["positions"]}
    known = {position: job.cache.get(key) for position, key in keys.items()}
    missing = [position for position, top in known.items() if top is None]
    job.check()
    if missing:
        progress = _checking(job)
        found = tops_at(trace, missing, k, final_norm=final_norm, site=site, progress=progress)
        for position, top in zip(missing, found, strict=True):
            job.cache.put(keys[position], top)
            known[position] = top
    return [known[position] for position in params["positions"]]


def _grid(job: Job, trace: Trace, params: Mapping[str, Any]) -> list[Column]:
    final_norm, site, positions = params["final_norm"], params["site"], params["positions"]
    columns = {p: job.cache.get(("column", final_norm, site, p)) for p in positions}
    missing = [p for p, column in columns.items() if column is None]
    size = 1
    while missing:
        job.progress(len(positions) - len(missing), len(positions), "positions")
        piece, missing = missing[:size], missing[size:]
        began = time.monotonic()
        found = columns_at(trace, piece, final_norm=final_norm, site=site, progress=_checking(job))
        for p, column in zip(piece, found, strict=True):
            job.cache.put(("column", final_norm, site, p), column)
            columns[p] = column
        took = max(time.monotonic() - began, 1e-3)
        size = max(1, min(2 * size, _MOST_TOGETHER, round(size * _PIECE_SECONDS / took)))
    return [columns[p] for p in positions]


def _checking(job: Job) -> Progress:
    """Looks whether the job is still wanted, and says nothing: what is asked for is told in its own steps."""

    def check(done: int, total: int, label: str) -> None:
        del done, total, label
        job.check()

    return check


def _ranks(job: Job, trace: Trace, params: Mapping[str, Any]) -> Ranks:
    final_norm, site, position = params["final_norm"], params["site"], params["position"]
    keys = {token: ("rank", final_norm, site, position, token) for token in params["ids"]}
    known = {token: job.cache.get(key) for token, key in keys.items()}
    missing = [token for token, ranks in known.items() if ranks is None]
    job.check()
    if missing:
        found = ranks_at(trace, missing, position, final_norm=final_norm, site=site)
        for column, token in enumerate(missing):
            known[token] = (found.ranks[:, column].copy(), found.probabilities[:, column].copy())
            job.cache.put(keys[token], known[token])
    ordered = [known[token] for token in params["ids"]]
    return Ranks(np.stack([ranks for ranks, _ in ordered], 1), np.stack([p for _, p in ordered], 1))


def _nothing(job: Job, subject: object, params: Mapping[str, Any]) -> None:
    """Asked for in the background: its answer comes when the worker has nothing else to do."""
    del subject, params
    job.check()
