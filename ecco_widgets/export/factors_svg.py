"""Factors as a picture: a sparkline for each, and the text coloured by the strongest factor of each token."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecco_widgets.export.categorical import hue_color, tinted
from ecco_widgets.export.drawing import MARGIN, check_picture, document, escaped, num, svg_rect, svg_text
from ecco_widgets.export.figures import Caption
from ecco_widgets.export.format import format_value, quote_token
from ecco_widgets.export.frame import Frame
from ecco_widgets.export.glyphs import text_width
from ecco_widgets.export.palettes import THEMES, hexadecimal
from ecco_widgets.export.shares import TokenShares
from ecco_widgets.export.svg import TokenDrawing

_ROW, _HIGH = 42.0, 24.0
_LABEL = 11.0
# Below this width the text stands under the sparklines.
_SIDE_BY_SIDE = 560.0
_LEFT = 0.36
_GAP = 20.0


@dataclass(frozen=True)
class FactorsFigure:
    """Factors of the tokens of one or more texts.

    Attributes:
        caption: Title and notes.
        texts: T token texts with their leading spaces, of all texts.
        loadings: Shape (K, T), NaN where a token has none.
        hues: Which colour each factor has.
        names: What each factor is called.
        facts: What is said beside each name, e.g. its number of neurons.
        shown: Rows that colour the text; all by default.
        spans: First and last + 1 of each text; one text by default.
        ids: Vocabulary indices.
        n_prompt: Tokens from this index on were generated.
        special: Indices of special tokens.
        fragments: Runs ``(start, n)`` of tokens that only together form characters.
    """

    caption: Caption
    texts: Sequence[str]
    loadings: NDArray[Any]
    hues: Sequence[int]
    names: Sequence[str]
    facts: Sequence[str]
    shown: Collection[int] = ()
    spans: Sequence[tuple[int, int]] = ()
    ids: Sequence[int] = ()
    n_prompt: int = 0
    special: Collection[int] = ()
    fragments: Sequence[Sequence[int]] = ()

    def strengths(self) -> NDArray[np.float64]:
        """Loadings (K, T) as shares of each factor's largest, 0 where there is none."""
        sizes = np.nan_to_num(np.abs(np.asarray(self.loadings, dtype=np.float64)), nan=0.0)
        peaks = sizes.max(axis=1, keepdims=True, initial=0.0)
        shares: NDArray[np.float64] = np.divide(sizes, peaks, out=np.zeros_like(sizes), where=peaks > 0)
        return shares

    def strongest(self) -> list[tuple[int, float]]:
        """Of each token the row of its strongest factor among those shown and how strong it is; -1 without any."""
        rows = sorted(self.shown) or list(range(len(self.names)))
        shares = self.strengths()[rows]
        if not len(shares):
            return [(-1, 0.0)] * len(self.texts)
        best = shares.argmax(axis=0)
        return [
            (rows[int(k)], float(shares[k, token])) if shares[k, token] > 0 else (-1, 0.0)
            for token, k in enumerate(best)
        ]

    def tokens_of(self, row: int, most: int = 3) -> list[str]:
        """Texts of the tokens with the largest loadings of a factor, each text once."""
        shares = self.strengths()[row]
        order = [int(i) for i in np.argsort(-shares, kind="stable") if shares[i] > 0]
        return list(dict.fromkeys(self.texts[i] for i in order if self.texts[i]))[:most]

    def summary(self) -> str:
        """The factors in a sentence."""
        if not self.names:
            return f"{self.caption.title}: not computed yet."
        said = [
            f"{name} ({fact}): {', '.join(quote_token(text) for text in self.tokens_of(row)) or 'nothing'}"
            for row, (name, fact) in enumerate(zip(self.names, self.facts, strict=True))
        ]
        return f"{self.caption.title} ({self.caption.note}). {'; '.join(said)}."


def to_factors(figure: FactorsFigure, *, theme: str = "light", width: float = 720) -> str:
    """The picture of factors.

    Args:
        figure: What to draw.
        theme: "light" or "dark".
        width: In pixels; the height follows. In narrow pictures the text stands under the sparklines.

    Returns:
        A complete SVG document. Each sparkline is a group with ``data-factor``, each token one with ``data-token``.

    Raises:
        InvalidInput: Unknown theme, or a width out of range.
    """
    check_picture(theme, width)
    frame = Frame(figure.caption, theme, width)
    top = frame.heading()
    beside = width >= _SIDE_BY_SIDE
    left = (width - 2 * MARGIN) * _LEFT if beside else width - 2 * MARGIN
    below = top
    for row in range(len(figure.names)):
        frame.parts.append(_sparkline(figure, row, MARGIN, below, left, theme))
        below += _ROW
    x, y = (MARGIN + left + _GAP, top) if beside else (MARGIN, below + 6)
    room = width - MARGIN - x
    strongest = figure.strongest()
    for start, stop in figure.spans or [(0, len(figure.texts))]:
        drawing = _Text(figure, strongest, start, stop, theme, room + 2 * MARGIN)
        bottom = drawing.text()
        # The drawing leaves a margin around itself.
        shift = f'transform="translate({num(x - MARGIN)} {num(y - MARGIN + 2)})"'
        frame.parts += [f'<g {shift} font-size="16">', *drawing.parts, "</g>"]
        y += bottom - MARGIN + 8
    height = frame.footing(max(below, y) + 2)
    return document(frame.parts, width, height, theme=theme, size=_LABEL, title=figure.summary())


def _sparkline(figure: FactorsFigure, row: int, x: float, y: float, width: float, theme: str) -> str:
    """A bar for each token, from left to right; what is below zero hangs from the line."""
    colors, color = THEMES[theme], hue_color(figure.hues[row], theme)
    values = np.asarray(figure.loadings[row], dtype=np.float64)
    peak = float(np.nanmax(np.abs(values), initial=0.0))
    signed = bool((values < 0).any())
    name, fact = figure.names[row], figure.facts[row]
    parts = [
        svg_rect(x, y + 1.5, 8, 8, 2, f'fill="{color}"'),
        svg_text(name, x + 13, y + 9.5, text_width(name, _LABEL), f'fill="{hexadecimal(colors.ink)}"'),
        f'<text x="{num(x + width)}" y="{num(y + 9.5)}" text-anchor="end" fill="{colors.soft}">{escaped(fact)}</text>',
    ]
    high = _HIGH / 2 if signed else _HIGH
    line, step = y + 14 + high, width / max(1, len(values))
    parts.append(svg_rect(x, line - 0.25, width, 0.5, 0, f'fill="{colors.line}"'))
    bars = []
    for token, value in enumerate(values.tolist()):
        if peak > 0 and value and not math.isnan(value):
            tall = value / peak * high
            left, wide = x + token * step, max(0.4, step - (0.8 if step > 3 else 0.0))
            bars.append(f"M{num(left)} {num(line)}v{num(-tall)}h{num(wide)}v{num(tall)}z")
    if bars:
        parts.append(f'<path d="{"".join(bars)}" fill="{color}"/>')
    for start, _ in list(figure.spans)[1:]:
        parts.append(svg_rect(x + start * step - 0.5, y + 14, 1, _HIGH, 0, f'fill="{colors.soft}" opacity="0.5"'))
    return f'<g data-factor="{row}"><title>{escaped(_tooltip(figure, row))}</title>{"".join(parts)}</g>'


def _tooltip(figure: FactorsFigure, row: int) -> str:
    tokens = ", ".join(quote_token(text) for text in figure.tokens_of(row))
    return f"{figure.names[row]}, {figure.facts[row]}: {tokens or 'nothing'}"


class _Text(TokenDrawing):
    """One text, each token in the colour of its strongest factor."""

    def __init__(
        self,
        figure: FactorsFigure,
        strongest: Sequence[tuple[int, float]],
        start: int,
        stop: int,
        theme: str,
        width: float,
    ) -> None:
        shares = TokenShares(
            texts=figure.texts[start:stop],
            n_prompt=(figure.n_prompt or len(figure.texts)) - start,
            ids=figure.ids[start:stop],
            special=[index - start for index in figure.special if start <= index < stop],
            fragments=[(first - start, n) for first, n in figure.fragments if start <= first < stop],
        )
        super().__init__(shares, theme, width, detailed=False)
        self._figure, self._strongest, self._start = figure, strongest, start

    def paint(self, token: int) -> tuple[str, str]:
        """Colours of the strongest factor."""
        row, strength = self._strongest[self._start + token]
        return ("", "") if row < 0 else tinted(self._figure.hues[row], strength, self.theme)

    def label(self, token: int) -> str:
        """The token and its strongest factor."""
        row, _ = self._strongest[self._start + token]
        place = self._start + token
        said = f"{self.shares.name(token)}, token {place}"
        if row < 0:
            return said
        return f"{said}: {self._figure.names[row]} {format_value(float(self._figure.loadings[row][place]))}"
