"""What the lens shows, as plain data ready to draw: a table of tokens, a heat map, lines; and sentences about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecco_widgets.export.format import format_compact, format_percent, format_short, format_value, quote_token
from ecco_widgets.export.sequential import nice_ceiling, rank_strengths, ticks_to, worst_rank

# Ticks of a legend of nats.
_TICKS = 5


@dataclass(frozen=True)
class Caption:
    """What is written above and below a figure.

    Attributes:
        title: In a few words.
        note: What is shown, of which run and position.
        made_by: What made the numbers.
    """

    title: str
    note: str
    made_by: str = ""


@dataclass(frozen=True)
class TokenTable:
    """The k best tokens of each of L layers.

    Attributes:
        caption: Title and notes.
        rows: Names of the layers from the top row to the bottom row.
        texts: L lists of k texts.
        probabilities: Shape (L, k).
        actual: Which cells hold the token that stands there, bool (L, k).
        series: Which watched token a cell holds, int (L, k), -1 for none.
        tail: What each layer makes of the token that stands there: L pairs of rank and probability, or none.
        tail_name: That token's text.
    """

    caption: Caption
    rows: Sequence[str]
    texts: Sequence[Sequence[str]]
    probabilities: NDArray[np.floating[Any]]
    actual: NDArray[np.bool_]
    series: NDArray[np.integer[Any]]
    tail: Sequence[tuple[int, float]] = ()
    tail_name: str = ""

    def summary(self) -> str:
        """The table in a sentence."""
        if not self.rows:
            return f"{self.caption.title}: not computed yet."
        said = [
            f"{name}: {quote_token(texts[0])} {format_percent(float(p[0]))}"
            for name, texts, p in zip(self.rows, self.texts, self.probabilities, strict=True)
        ]
        return f"{self.caption.title} ({self.caption.note}). {'; '.join(_shortened(said))}."


@dataclass(frozen=True)
class Scale:
    """How values are coloured and written.

    Attributes:
        ramp: "violet", "amber", "teal" or "moss".
        strengths: 0 to 1 for each cell, NaN without a value.
        texts: What is written into each cell.
        ticks: Strengths with labels, for the legend.
        ends: What the weak and the strong end mean.
    """

    ramp: str
    strengths: NDArray[np.float64]
    texts: Sequence[Sequence[str]]
    ticks: Sequence[tuple[float, str]]
    ends: tuple[str, str]


@dataclass(frozen=True)
class Heatmap:
    """A number for each of L layers and P columns.

    Attributes:
        caption: Title and notes.
        rows: Names of the layers from the top row to the bottom row.
        columns: P token texts.
        values: Shape (L, P).
        scale: Their colours and texts.
        chosen: The column that is open.
        series: The colour of each column's token, where the columns are watched tokens.
        notes: What is said of each column in tooltips, e.g. "position 31".
    """

    caption: Caption
    rows: Sequence[str]
    columns: Sequence[str]
    values: NDArray[Any]
    scale: Scale
    chosen: int | None = None
    series: Sequence[int] = ()
    notes: Sequence[str] = field(default_factory=tuple)

    def summary(self) -> str:
        """The last row of layers in a sentence."""
        if not self.rows or not self.columns:
            return f"{self.caption.title}: not computed yet."
        bottom = max(range(len(self.rows)), key=lambda row: _layer_number(self.rows[row]))
        said = [
            f"{quote_token(column)} {text}" for column, text in zip(self.columns, self.scale.texts[bottom], strict=True)
        ]
        where = f"{self.caption.title} ({self.caption.note})"
        return f"{where}. {self.rows[bottom]}: {', '.join(_shortened(said))}."


@dataclass(frozen=True)
class RankLines:
    """Ranks of W tokens over L layers.

    Attributes:
        caption: Title and notes.
        layers: Names of the layers, layer 0 first.
        names: W token texts.
        ranks: Shape (L, W).
        worst: Where the logarithmic scale ends.
    """

    caption: Caption
    layers: Sequence[str]
    names: Sequence[str]
    ranks: NDArray[np.integer[Any]]
    worst: int


def rank_scale(ranks: NDArray[Any], vocabulary: int) -> Scale:
    """Violet, the stronger the better; logarithmic."""
    worst = worst_rank(vocabulary)
    powers = [10**n for n in range(len(str(worst)))]
    return Scale(
        ramp="violet",
        strengths=rank_strengths(ranks, worst),
        texts=_texts(ranks, format_compact),
        ticks=[
            (float(s), format_compact(p)) for p, s in zip(powers, rank_strengths(np.array(powers), worst), strict=True)
        ],
        ends=("", "best"),
    )


def nats_scale(measure: str, values: NDArray[Any], vocabulary: int) -> Scale:
    """The scale of "log_probability", "entropy" or "kl"."""
    # A guess without any idea has this entropy, and this log-probability below zero.
    guess = float(np.log(max(2, vocabulary)))
    if measure == "log_probability":
        ticks = [(1 - tick / guess, format_value(-tick if tick else 0.0)) for tick in ticks_to(guess, _TICKS)]
        return Scale("violet", 1 + values / guess, _texts(values, format_short), ticks, ("", "certain"))
    end = guess
    if measure == "kl":
        finite = values[np.isfinite(values)]
        end = nice_ceiling(min(float(finite.max(initial=0.0)), 2 * guess))
    return Scale(
        ramp="amber" if measure == "entropy" else "teal",
        strengths=values / end,
        texts=_texts(values, format_short),
        ticks=[(tick / end, format_value(tick)) for tick in ticks_to(end, _TICKS)],
        ends=("certain", "") if measure == "entropy" else ("as the last", ""),
    )


def _texts(values: NDArray[Any], written: Any) -> list[list[str]]:
    return [[written(float(value)) for value in row] for row in values]


def _shortened(said: list[str], most: int = 12) -> list[str]:
    return said if len(said) <= most else [*said[: most - 1], f"… ({len(said)} in all)"]


def _layer_number(name: str) -> int:
    digits = "".join(character for character in name if character.isdigit())
    return int(digits) if digits else -1
