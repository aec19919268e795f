"""One pass over layers x positions x vocabulary, piece by piece: ranks, best tokens, entropy, divergence.

Only a few numbers are kept for each layer and position, so memory grows neither with the vocabulary nor with the number
of positions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecco_widgets.analysis._lens_head import Head
from ecco_widgets.analysis._lens_sums import Best, Finals, Ranking, Sums
from ecco_widgets.errors import NonFinite
from ecco_widgets.models.trace import Trace

Progress = Callable[[int, int, str], None]

# The states of as many positions as fit are looked at together; a few copies of them are made on the way.
_STATE_BYTES = 4 << 20
# They are finished so many bytes at a time: the model makes several more copies of these.
_FINISH_BYTES = 1 << 20
# One piece of logits; sums over the softmax make four more like it.
_LOGIT_BYTES = 4 << 20


@dataclass(frozen=True)
class Wanted:
    """What a pass shall find out.

    Attributes:
        positions: P positions.
        tokens: W tokens at each position, which are ranked and whose probabilities are read, shape (P, W).
        final_norm: Whether the final norm is applied.
        site: Place in a block.
        top: How many best tokens.
        softmax: Whether log-probabilities are wanted.
        spread: Whether entropy and divergence are wanted, too.
    """

    positions: Sequence[int]
    tokens: Tensor | None = None
    final_norm: bool = True
    site: str = "block"
    top: int = 0
    softmax: bool = True
    spread: bool = False


@dataclass(frozen=True)
class Found:
    """Numbers for each of L layers and P positions; what was not wanted is NaN or has no entries.

    Attributes:
        rank: Of each token, 1 is best, shape (L, P, W).
        log_probability: Of each token, in nats, shape (L, P, W).
        top_ids: Best tokens, shape (L, P, k).
        top_log_probability: Theirs, shape (L, P, k).
        entropy: In nats, shape (L, P).
        kl: Of the final prediction from the layer's, in nats, shape (L, P).
    """

    rank: NDArray[np.int32]
    log_probability: NDArray[np.float32]
    top_ids: NDArray[np.int64]
    top_log_probability: NDArray[np.float32]
    entropy: NDArray[np.float32]
    kl: NDArray[np.float32]


@torch.no_grad()
def look(trace: Trace, wanted: Wanted, progress: Progress | None = None) -> Found:
    """Pass over all layers at some positions.

    Args:
        trace: The run.
        wanted: What to find out.
        progress: Called with (done, total, "positions") between pieces; raise in it to cancel.

    Returns:
        The numbers.

    Raises:
        NonFinite: If a logit is NaN or infinite in the positive direction, naming layer and position.
    """
    found: list[Found] = []
    total = len(wanted.positions)
    with trace.running():
        for group in _groups(trace, wanted):
            if progress is not None:
                progress(group.start, total, "positions")
            found.append(_Group(trace, wanted, group).look(progress))
    if progress is not None:
        progress(total, total, "positions")
    names = [field.name for field in fields(Found)]
    return Found(**{name: np.concatenate([getattr(part, name) for part in found], axis=1) for name in names})


def _groups(trace: Trace, wanted: Wanted) -> Iterator[slice]:
    """Positions whose states are looked at together."""
    parts, total = trace.lm.parts, len(wanted.positions)
    width = parts.vocabulary if trace.kind == "classification" else parts.width
    size = max(1, _STATE_BYTES // ((trace.lm.n_layers + 1) * width * 4))
    for start in range(0, total, size):
        yield slice(start, min(start + size, total))


class _Group:
    """All layers at some of the positions. Rows are (position, layer), positions outermost."""

    def __init__(self, trace: Trace, wanted: Wanted, group: slice) -> None:
        self._trace, self._wanted = trace, wanted
        self._positions = list(wanted.positions[group])
        self._total, self._first = len(wanted.positions), group.start
        # Last hidden states of all rows, then those of the final predictions where none of the rows has them.
        self._states, self.n_layers, appended = _last_states(trace, wanted, self._positions)
        self.n_rows = len(self._positions) * self.n_layers
        position = torch.arange(self.n_rows) // self.n_layers
        self._final = self.n_rows + position if appended else (position + 1) * self.n_layers - 1
        self._head = Head(trace.lm.parts, self._states)
        self._entered = self._head.enter(self._states)
        tokens = wanted.tokens
        chosen = torch.empty(len(self._positions), 0, dtype=torch.long) if tokens is None else tokens[group]
        self._tokens = chosen.to(self._head.device).repeat_interleave(self.n_layers, dim=0)

    def look(self, progress: Progress | None) -> Found:
        """The numbers of these positions."""
        wanted, head, device = self._wanted, self._head, self._head.device
        ranking = Ranking(self._tokens, self._own_logits())
        best = Best(self.n_rows, wanted.top, device)
        sums = Sums(self.n_rows, device)
        blocks = list(self._blocks(head.rows_together))
        done, total = 0, len(blocks) * -(-self._trace.lm.vocabulary // head.together)
        peaks = torch.full((len(self._entered),), -torch.inf, device=device)
        until = 0
        for columns in head.pieces():
            for block in blocks:
                if progress is not None:
                    progress(self._first + done * len(self._positions) // total, self._total, "positions")
                    done += 1
                # The last piece may begin with entries of the one before.
                logits = head.logits(block.entered, columns)[:, until - columns.first :]
                peaks[block.index] = torch.maximum(peaks[block.index], logits.amax(dim=-1).to(peaks.dtype))
                own = logits[: block.n_rows]
                ranking.take(block.rows, until, own)
                best.take(block.rows, until, own)
                if wanted.softmax or wanted.spread:
                    sums.take(block.rows, own, block.finals(logits) if wanted.spread else None)
            until = columns.first + head.together
        self._check(peaks)
        self._recount(ranking)
        return self._found(ranking, best, sums)

    def _blocks(self, at_most: int | None) -> Iterator[_Block]:
        """Rows whose logits are made together: whole positions, where as many fit."""
        fitting = at_most or max(1, _LOGIT_BYTES // (self._head.together * 4))
        size = fitting // self.n_layers * self.n_layers or fitting
        for start in range(0, self.n_rows, size):
            rows = slice(start, min(start + size, self.n_rows))
            final = self._final[rows] if self._wanted.spread else self._final[:0]
            yield _Block(self._entered, rows, final)

    def _own_logits(self) -> Tensor | None:
        """Logits of the tokens, from products as large as those of the pieces; ``None`` where a piece has them all."""
        tokens, head = self._tokens, self._head
        if not tokens.numel() or head.together == self._trace.lm.vocabulary:
            return None
        own: Tensor | None = None
        ids = tokens.unique()  # ascending
        for n, columns in enumerate(head.of_tokens(ids)):
            place = torch.searchsorted(ids, tokens) - n * head.together
            here = (place >= 0) & (place < head.together)
            for block in self._blocks(None):
                logits = head.logits(block.entered, columns)
                own = torch.zeros(tokens.shape, dtype=logits.dtype, device=logits.device) if own is None else own
                found = logits[: block.n_rows].gather(1, place[block.rows].clamp(0, head.together - 1))
                own[block.rows] = torch.where(here[block.rows], found, own[block.rows])
        return own

    def _recount(self, ranking: Ranking) -> None:
        """Count again, with the whole vocabulary at once, where a token's logit came out differently in two products.

        Nothing says that a library adds up the same in products of different columns; as a rule it does.
        """
        wrong = ranking.wrong
        if not len(wrong):
            return
        head = Head(self._trace.lm.parts, self._states, whole=True)
        for rows in wrong.split(head.rows_together or 1):
            again = Ranking(self._tokens[rows], None)
            logits = head.logits(self._states[rows.to(self._states.device)], next(iter(head.pieces())))
            again.take(slice(0, len(rows)), 0, logits.to(self._tokens.device))
            ranking.correct(rows, again)

    def _check(self, peaks: Tensor) -> None:
        # The largest logit of a row is NaN if any is; minus infinity is allowed: some models mask entries with it.
        bad = ~peaks.isfinite()
        if not bool(bad.any()):
            return
        row = int(bad.nonzero()[0, 0])
        layer = row % self.n_layers if row < self.n_rows else self.n_layers - 1
        position = row // self.n_layers if row < self.n_rows else row - self.n_rows
        raise NonFinite(
            f"The lens: logits of layer {layer} for position {self._positions[position]} contain NaN or infinity.",
            hint="Load the weights in float32 (dtype='float32'), or check the checkpoint.",
        )

    def _found(self, ranking: Ranking, best: Best, sums: Sums) -> Found:
        def layers_first(rows: Tensor) -> Tensor:
            return rows.reshape(len(self._positions), self.n_layers, *rows.shape[1:]).transpose(0, 1).cpu()

        missing = torch.full_like(sums.log_sum, torch.nan)
        spread = self._wanted.spread
        log_sum = (sums.log_sum if self._wanted.softmax or spread else missing)[:, None]
        return Found(
            rank=layers_first(ranking.ranks).numpy().astype(np.int32),
            log_probability=layers_first((ranking.logits - log_sum).float()).numpy(),
            top_ids=layers_first(best.ids).numpy(),
            top_log_probability=layers_first((best.logits - log_sum).float()).numpy(),
            entropy=layers_first((sums.entropy if spread else missing).float()).numpy(),
            kl=layers_first((sums.divergence if spread else missing).float()).numpy(),
        )


class _Block:
    """Some rows, and behind them the final predictions that belong to them and are not among them.

    Args:
        entered: What pieces are made from, for all rows and appended final predictions.
        rows: Consecutive rows.
        final: Where the final prediction of each of them is, shape (R,), or empty if none is wanted.
    """

    def __init__(self, entered: Tensor, rows: slice, final: Tensor) -> None:
        self.rows = rows
        self.n_rows = rows.stop - rows.start
        different, self._of_row = final.unique(return_inverse=True)
        outside = different[(different < rows.start) | (different >= rows.stop)]
        self.index = torch.cat([torch.arange(rows.start, rows.stop), outside])
        self.entered = entered[rows] if not len(outside) else entered[self.index]
        place = {int(row): n for n, row in enumerate(self.index)}
        self._finals = torch.tensor([place[int(row)] for row in different], dtype=torch.long)
        first = {int(n): row for row, n in reversed(list(enumerate(self._of_row.tolist())))}
        self._row = torch.tensor([first[n] for n in range(len(different))], dtype=torch.long)

    def finals(self, logits: Tensor) -> Finals:
        """The final predictions among logits (n, C) of ``entered``, as copies."""
        device = logits.device
        return Finals(logits[self._finals.to(device)], self._of_row.to(device), self._row.to(device))


def _last_states(trace: Trace, wanted: Wanted, positions: list[int]) -> tuple[Tensor, int, bool]:
    """Last hidden states (R, D), L, and whether those of the final predictions are appended, one for each position."""
    appended = wanted.spread and (wanted.site != "block" or not wanted.final_norm)
    if trace.kind == "classification":
        layers = _classified(trace, trace.hidden_states[1:], final_norm=wanted.final_norm)
        n_layers, states = len(layers), layers.repeat(len(positions), 1)
        final = _classified(trace, trace.hidden_states[-1:], final_norm=True).repeat(len(positions), 1)
    else:
        stream = trace.stream(positions) if wanted.site == "block" else trace.stream(positions, site=wanted.site)
        stream = stream[1:] if wanted.site == "block" else stream
        n_layers = len(stream)
        states = _finished(trace, stream.transpose(0, 1).flatten(0, 1), final_norm=wanted.final_norm)
        if not appended:
            return states, n_layers, False
        last = stream[-1] if wanted.site == "block" else trace.stream(positions)[-1]
        final = _finished(trace, last, final_norm=True)
    return (torch.cat([states, final]) if appended else states), n_layers, appended


def _finished(trace: Trace, states: Tensor, *, final_norm: bool) -> Tensor:
    size = max(1, _FINISH_BYTES // (states.shape[1] * states.element_size()))
    return torch.cat([trace.lm.blocks.finish(some, final_norm=final_norm) for some in states.split(size)])


def _classified(trace: Trace, states: Tensor, *, final_norm: bool) -> Tensor:
    """Logits (L, C) that the classifier makes of the states (L, T, D) that leave each block."""
    return torch.cat([trace.lm.blocks.classify(layer[None], final_norm=final_norm) for layer in states])
