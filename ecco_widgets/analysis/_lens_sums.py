"""What is kept of the logits of R states while the vocabulary passes by, a piece at a time.

Each ``take`` gets the logits of some rows for consecutive entries of the vocabulary; pieces come in order.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# Stands for minus infinity where differences are taken: its exponential is zero, and zero times it is zero.
LOWEST = -1e37


def accumulator(device: torch.device) -> torch.dtype:
    """Type that sums are kept in: double precision where there is one."""
    return torch.float32 if device.type == "mps" else torch.float64


class Ranking:
    """How many entries have a larger logit than some tokens have.

    Args:
        tokens: Shape (R, W).
        own: Their logits, known beforehand, shape (R, W); ``None`` where each piece has the whole vocabulary.
    """

    def __init__(self, tokens: Tensor, own: Tensor | None) -> None:
        self.tokens = tokens
        self._own = own
        self._larger = torch.zeros_like(tokens)
        # What the tokens' logits turn out to be when they pass by.
        self.logits = torch.full(tokens.shape, torch.nan, dtype=accumulator(tokens.device), device=tokens.device)

    def take(self, rows: slice, start: int, logits: Tensor) -> None:
        """Count in logits (R, C) of entries from ``start`` on."""
        if not self.tokens.shape[1]:
            return
        width = logits.shape[1]
        place = self.tokens[rows] - start
        found = logits.gather(1, place.clamp(0, width - 1))
        here = (place >= 0) & (place < width)
        self.logits[rows] = torch.where(here, found.to(self.logits.dtype), self.logits[rows])
        own = found if self._own is None else self._own[rows]
        # As numbers: a comparison that writes ones and zeros of the logits' own type is four times faster.
        larger = torch.empty_like(logits)
        for column in range(own.shape[1]):
            torch.gt(logits, own[:, column : column + 1], out=larger)
            self._larger[rows, column] += larger.sum(dim=-1).long()

    @property
    def ranks(self) -> Tensor:
        """1 + the number of larger ones, shape (R, W)."""
        return self._larger + 1

    @property
    def wrong(self) -> Tensor:
        """Rows (n,) where a logit known beforehand turned out otherwise, so that it may have beaten itself."""
        if self._own is None:
            return self.tokens.new_zeros(0)
        return (self._own.to(self.logits.dtype) != self.logits).any(dim=-1).nonzero()[:, 0]

    def correct(self, rows: Tensor, by: Ranking) -> None:
        """Put another count in the place of that of some rows."""
        self._larger[rows] = by._larger
        self.logits[rows] = by.logits


class Best:
    """The k largest logits.

    Args:
        n_rows: R.
        k: How many.
        device: Where the logits are.
    """

    def __init__(self, n_rows: int, k: int, device: torch.device) -> None:
        self._k = k
        self.ids = torch.zeros(n_rows, k, dtype=torch.long, device=device)
        self.logits = torch.zeros(n_rows, k, dtype=accumulator(device), device=device)

    def take(self, rows: slice, start: int, logits: Tensor) -> None:
        """Take logits (R, C) of entries from ``start`` on."""
        if not self._k:
            return
        some = logits.topk(min(self._k, logits.shape[1]), dim=-1)
        kept = min(self._k, start)
        values = torch.cat([self.logits[rows, :kept], some.values.to(self.logits.dtype)], dim=1)
        ids = torch.cat([self.ids[rows, :kept], some.indices + start], dim=1)
        best = values.topk(min(self._k, values.shape[1]), dim=-1)
        self.logits[rows, : best.values.shape[1]] = best.values
        self.ids[rows, : best.values.shape[1]] = ids.gather(1, best.indices)


@dataclass(frozen=True)
class Finals:
    """Logits of the final predictions that belong to some rows.

    Attributes:
        logits: Of each of P, shape (P, C). They are overwritten.
        of_row: Which of them belongs to each row, shape (R,).
        row: A row to which each of them belongs, shape (P,).
    """

    logits: Tensor
    of_row: Tensor
    row: Tensor


class Sums:
    """Sums over the softmax, relative to the largest logit so far, which moves while pieces pass by.

    With z the logits of a row less the largest of them and f those of its final prediction likewise, the sums of e^z,
    z e^z, e^f, f e^f and z e^f.

    Args:
        n_rows: R.
        device: Where the logits are.
    """

    def __init__(self, n_rows: int, device: torch.device) -> None:
        def zeros() -> Tensor:
            return torch.zeros(n_rows, dtype=accumulator(device), device=device)

        self._peak, self._e, self._z_e = zeros() + LOWEST, zeros(), zeros()
        self._final_peak, self._e_f, self._f_e_f, self._z_e_f = zeros() + LOWEST, zeros(), zeros(), zeros()

    def take(self, rows: slice, logits: Tensor, finals: Finals | None) -> None:
        """Add logits (R, C). They are overwritten.

        Args:
            rows: Which rows.
            logits: No NaN, no plus infinity.
            finals: Of their final predictions, where entropy and divergence are wanted.
        """
        logits.clamp_(min=LOWEST)
        rise, decay = self._raise(self._peak, rows, logits.amax(dim=-1))
        logits -= self._peak[rows].to(logits.dtype)[:, None]
        e = logits.exp()
        if finals is not None:
            self._take_finals(rows, logits, rise, finals)
            self._z_e[rows] = (self._z_e[rows] - rise * self._e[rows]) * decay
            self._e[rows] = self._e[rows] * decay + e.sum(dim=-1)
            self._z_e[rows] += e.mul_(logits).sum(dim=-1)
        else:
            self._e[rows] = self._e[rows] * decay + e.sum(dim=-1)

    def _take_finals(self, rows: slice, logits: Tensor, rise: Tensor, finals: Finals) -> None:
        f = finals.logits.clamp_(min=LOWEST)
        final_rise, decay = self._raise(self._final_peak, rows, f.amax(dim=-1)[finals.of_row])
        f -= self._final_peak[rows][finals.row].to(f.dtype)[:, None]
        e_f = f.exp()
        self._z_e_f[rows] = (self._z_e_f[rows] - rise * self._e_f[rows]) * decay
        self._f_e_f[rows] = (self._f_e_f[rows] - final_rise * self._e_f[rows]) * decay
        self._e_f[rows] = self._e_f[rows] * decay + e_f.sum(dim=-1)[finals.of_row]
        self._f_e_f[rows] += f.mul_(e_f).sum(dim=-1)[finals.of_row]
        self._z_e_f[rows] += e_f[finals.of_row].mul_(logits).sum(dim=-1)

    @staticmethod
    def _raise(peaks: Tensor, rows: slice, new: Tensor) -> tuple[Tensor, Tensor]:
        """By how much the largest logits rise, and the factor that makes of earlier exponentials."""
        before = peaks[rows].clone()
        peaks[rows] = torch.maximum(before, new.to(before.dtype))
        rise = peaks[rows] - before
        return rise, (-rise).exp()

    @property
    def log_sum(self) -> Tensor:
        """log(sum over the vocabulary of e^logit), shape (R,)."""
        return self._peak + self._e.log()

    @property
    def entropy(self) -> Tensor:
        """Entropy in nats, shape (R,): - sum p log p."""
        return self._e.log() - self._z_e / self._e

    @property
    def divergence(self) -> Tensor:
        """Divergence of the final prediction from the row's in nats, shape (R,): sum p_final log(p_final / p)."""
        final = self._f_e_f / self._e_f - self._e_f.log()
        own = self._z_e_f / self._e_f - self._e.log()
        # Infinite where the row gives no probability to what the final prediction gives some; never below zero.
        return torch.where(own < LOWEST / 1e7, torch.inf, (final - own).clamp(min=0.0))
