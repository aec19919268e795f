"""Ranks over layers as lines, a line for each token: best on top, the scale logarithmic."""

from __future__ import annotations

import itertools
import math

from ecco_widgets.export.drawing import MARGIN, check_picture, document, escaped, fitted, num
from ecco_widgets.export.figures import RankLines
from ecco_widgets.export.format import format_compact, quote_token
from ecco_widgets.export.frame import Frame
from ecco_widgets.export.glyphs import text_width
from ecco_widgets.export.palettes import THEMES, hexadecimal
from ecco_widgets.export.sequential import series_color

_HEIGHT = 220.0
_LABEL = 11.0
_NAMES = 110.0
# Distance of two names at the lines' ends.
_PITCH = 14.0


def to_rank_lines(lines: RankLines, *, theme: str = "light", width: float = 720) -> str:
    """The picture of ranks over layers.

    Args:
        lines: What to draw.
        theme: "light" or "dark".
        width: In pixels.

    Returns:
        A complete SVG document. Each token is a group with ``data-series``.

    Raises:
        InvalidInput: Unknown theme, or a width out of range.
    """
    check_picture(theme, width)
    colors, ink = THEMES[theme], hexadecimal(THEMES[theme].ink)
    frame = Frame(lines.caption, theme, width)
    parts = frame.parts
    top = frame.heading() + 16
    left, right = MARGIN + 44, width - MARGIN - _NAMES
    height = max(_HEIGHT, _PITCH * len(lines.names))
    last = max(1, len(lines.layers) - 1)

    def across(layer: int) -> float:
        return left + (right - left) * layer / last

    def down(rank: float) -> float:
        return top + height * min(1.0, math.log(max(1.0, rank)) / math.log(lines.worst))

    for power in range(len(str(lines.worst))):
        y = down(10**power)
        parts.append(f'<path d="M{num(left)} {num(y)}H{num(right)}" stroke="{colors.line}" stroke-width="1"/>')
        parts.append(_label(format_compact(10**power), left - 8, y + 4, "end", colors.soft))
    parts.append(_label("rank", left - 8, top - 10, "end", colors.soft))
    step = max(1, math.ceil(len(lines.layers) * 26 / max(1.0, right - left)))
    for layer in range(0, len(lines.layers), step):
        name = lines.layers[layer].removeprefix("layer ")
        parts.append(_label(name, across(layer), top + height + 18, "middle", colors.soft))
    parts.append(_label("layer", left - 14, top + height + 18, "end", colors.soft))
    ends = _apart([down(float(rank)) for rank in lines.ranks[-1]] if len(lines.layers) else [], top + height)
    for series, name in enumerate(lines.names):
        color = series_color(series, theme)
        points = [(across(layer), down(float(rank))) for layer, rank in enumerate(lines.ranks[:, series])]
        path = "M" + "L".join(f"{num(x)} {num(y)}" for x, y in points)
        ranks = ", ".join(format_compact(float(rank)) for rank in lines.ranks[:, series])
        parts.append(f'<g data-series="{series}"><title>{escaped(f"{quote_token(name)}: {ranks}")}</title>')
        parts.append(f'<path d="{path}" fill="none" stroke="{color}" stroke-width="2" stroke-linejoin="round"/>')
        parts += [f'<circle cx="{num(x)}" cy="{num(y)}" r="2.6" fill="{color}"/>' for x, y in points]
        rank = format_compact(float(lines.ranks[-1, series])) if points else ""
        content, wide = fitted(name, _NAMES - 14 - text_width(f" {rank}", _LABEL), 12, bold=True)
        y = ends[series] + 4
        style = f'font-size="12" font-weight="bold" fill="{color}"'
        parts.append(f'<text x="{num(right + 10)}" y="{num(y)}" {style}>{escaped(content)}</text>')
        parts.append(_label(rank, right + 10 + wide + 6, y, "start", ink))
        parts.append("</g>")
    bottom = frame.footing(top + height + 28)
    title = f"{lines.caption.title} ({lines.caption.note})."
    return document(parts, width, bottom, theme=theme, size=_LABEL, title=title)


def _label(text: str, x: float, y: float, anchor: str, fill: str) -> str:
    return f'<text x="{num(x)}" y="{num(y)}" text-anchor="{anchor}" fill="{fill}">{escaped(text)}</text>'


def _apart(heights: list[float], lowest: float) -> list[float]:
    """The same heights, moved where names would lie on each other: down first, and up again from ``lowest``."""
    placed = list(heights)
    order = sorted(range(len(heights)), key=heights.__getitem__)
    for above, below in itertools.pairwise(order):
        placed[below] = max(placed[below], placed[above] + _PITCH)
    limit = lowest
    for name in reversed(order):
        placed[name] = min(placed[name], limit)
        limit = placed[name] - _PITCH
    return placed
