"""One row of attributions as plain data, and sentences about it (as in ``js/src/views/attribution/describe.ts``)."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecco_widgets.export.format import format_probability, format_share, quote_token

_LONGEST_NAME = 40


@dataclass(frozen=True)
class TokenShares:
    """Tokens, and what share each has in the explained one.

    Attributes:
        texts: T token texts with their leading spaces.
        n_prompt: Tokens from this index on were generated.
        ids: T vocabulary indices.
        special: Indices of special tokens.
        fragments: Runs ``(start, n)`` of tokens that only together form one or more characters.
        position: The explained token.
        values: Shares (T,), NaN where a token has none; ``None`` while no row is at hand.
        domain: Share at which colours reach their end; 0 is the largest of ``values``.
        fixed: Whether ``domain`` is that of all rows.
        signed: Whether shares below zero speak against the output.
        target: Name of the explained scalar.
        foil: For a contrast, text of the other token.
        probability: Of the explained token.
        rank: Its rank, 0 if unknown.
        gap: Relative completeness gap, NaN if there is none.
        made_by: What made the numbers, e.g. "Gradient × Input of the logit, l2 · demo".
    """

    texts: Sequence[str]
    n_prompt: int
    ids: Sequence[int] = ()
    special: Collection[int] = ()
    fragments: Sequence[Sequence[int]] = ()
    position: int | None = None
    values: NDArray[np.floating[Any]] | None = None
    domain: float = 0.0
    fixed: bool = False
    signed: bool = False
    target: str = "logit"
    foil: str = ""
    probability: float = math.nan
    rank: int = 0
    gap: float = math.nan
    made_by: str = ""

    @property
    def full(self) -> float:
        """Share at which colours reach their end."""
        if self.domain > 0 or self.values is None:
            return self.domain
        return float(np.nanmax(np.abs(self.values), initial=0.0))

    def share(self, index: int) -> float:
        """Share of a token, NaN where it has none."""
        return math.nan if self.values is None else float(self.values[index])

    def piece(self, index: int) -> tuple[int, int, int] | None:
        """First token, number of tokens and place among them, for a part of a character."""
        for start, count in self.fragments:
            if start <= index < start + count:
                return start, count, index - start
        return None

    def name(self, index: int) -> str:
        """How a sentence names a token: ``" Denmark"``, or ``piece 2 of 3 of "🙂"``."""
        piece = self.piece(index)
        if piece is not None:
            return f"piece {piece[2] + 1} of {piece[1]} of {quote_token(self.texts[piece[0]])}"
        return quote_token(self.texts[index]) if self.texts[index] else self.number(index)

    def number(self, index: int) -> str:
        """How a token without text is called."""
        return f"#{self.ids[index] if index < len(self.ids) else index}"

    def explained(self) -> str:
        """What the shares are shares of: ``" Denmark"``, ``" Denmark" instead of " Estonia"``."""
        if self.position is None:
            return ""
        name = _shortened(self.name(self.position))
        if self.target == "contrast" and self.foil:
            return f"{name} instead of {_shortened(quote_token(self.foil))}"
        return f"the entropy before {name}" if self.target == "entropy" else name

    def facts(self) -> list[str]:
        """Position, rank, probability and completeness gap, as far as they are known."""
        facts = [] if self.position is None else [f"position {self.position}"]
        if self.rank > 0:
            facts.append(f"rank {self.rank:,}")
        if math.isfinite(self.probability):
            facts.append(f"p = {format_probability(self.probability)}")
        if math.isfinite(self.gap):
            facts.append(f"gap {format_share(self.gap)}")
        return facts

    def strongest(self, count: int = 3) -> list[int]:
        """Tokens with the largest absolute shares, largest first."""
        if self.values is None:
            return []
        sizes = np.nan_to_num(np.abs(self.values), nan=0.0)
        return [int(i) for i in np.argsort(-sizes, kind="stable")[:count] if sizes[i] > 0]

    def summary(self) -> str:
        """The row in a sentence, for those who can't see the colours."""
        if self.position is None:
            return f"{len(self.texts)} tokens, none explained."
        if self.values is None:
            return f"{self.explained()}, position {self.position}: not computed yet."
        parts = [f"{_shortened(self.name(i))} {format_share(self.share(i))}" for i in self.strongest()]
        return f"{self.explained()} ({', '.join(self.facts())}) is attributed to {', '.join(parts) or 'nothing'}."


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 11]}…{name[-10:]}"
