"""A heat map as a picture: layers down, tokens across, a number in each cell; in bands where it is too wide."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ecco_widgets.export.drawing import MARGIN, check_picture, document, escaped, fitted, num, svg_rect
from ecco_widgets.export.figures import Heatmap, Scale
from ecco_widgets.export.format import quote_token
from ecco_widgets.export.frame import Frame
from ecco_widgets.export.glyphs import text_width
from ecco_widgets.export.palettes import THEMES, Theme, hexadecimal
from ecco_widgets.export.sequential import STOPS, cell_colors, series_color

_LABEL = 11.0
_NUMBER = 11.0
_GAP = 2.0
_LONGEST = 74.0
_SLOPE = math.sqrt(0.5)
# How far a label at an angle may reach beyond its column, as a share of its height.
_OVERHANG = 0.8
_WIDEST, _WATCHED = 44.0, 64.0
_RAMP = 160.0
# Above so many cells numbers would make the picture taller than anybody reads: colours alone.
_MOST_NUMBERS = 4_000
_PLAIN_CELL = 9.0


@dataclass(frozen=True)
class _Cells:
    """Sizes, in pixels."""

    width: float
    height: float
    numbers: bool
    turned: bool
    labels: float  # height of the column labels


def to_heatmap(heatmap: Heatmap, *, theme: str = "light", width: float = 720) -> str:
    """The picture of a heat map.

    Args:
        heatmap: What to draw.
        theme: "light" or "dark".
        width: In pixels; the height follows. Columns that have no room go into further bands below.

    Returns:
        A complete SVG document. Each cell is a rectangle with ``data-row``, ``data-column`` and a tooltip.

    Raises:
        InvalidInput: Unknown theme, or a width out of range.
    """
    check_picture(theme, width)
    frame = Frame(heatmap.caption, theme, width)
    top = frame.heading()
    names = max((text_width(name, _LABEL) for name in heatmap.rows), default=0.0) + 10
    left = MARGIN + names
    cells = _sizes(heatmap, width - MARGIN - left)
    overhang = cells.labels * _OVERHANG if cells.turned else 0.0
    fitting = max(1, int((width - MARGIN - left - overhang + _GAP) // (cells.width + _GAP)))
    for start in range(0, len(heatmap.columns), fitting):
        band = range(start, min(start + fitting, len(heatmap.columns)))
        frame.parts += _band(heatmap, band, cells, left, top, theme)
        top += cells.labels + len(heatmap.rows) * (cells.height + _GAP) + 14
    frame.parts += _legend(heatmap.scale, left, top, THEMES[theme], theme)
    height = frame.footing(top + 26)
    return document(frame.parts, width, height, theme=theme, size=_LABEL, title=heatmap.summary())


def _sizes(heatmap: Heatmap, room: float) -> _Cells:
    numbers = len(heatmap.rows) * len(heatmap.columns) <= _MOST_NUMBERS
    widest = max((text_width(text, _NUMBER) for row in heatmap.scale.texts for text in row), default=0.0)
    cell = max(30.0, widest + 8) if numbers else _PLAIN_CELL
    labels = [fitted(column, _LONGEST, _LABEL, bold=True)[1] for column in heatmap.columns]
    # Few columns are drawn wide enough for their labels, many at an angle.
    wanted = max([cell, _WATCHED if heatmap.series else cell, *(label + 6 for label in labels)])
    if len(labels) * (wanted + _GAP) <= room:
        return _Cells(wanted, 20.0, numbers, turned=False, labels=20.0)
    height = max(labels) * _SLOPE + 12
    if numbers:
        # As wide as the picture has room for, if that spares it a second band.
        cell = max(cell, min(_WIDEST, (room - height * _OVERHANG) / len(labels) - _GAP))
    return _Cells(cell, 20.0 if numbers else _PLAIN_CELL, numbers, turned=True, labels=height)


def _band(heatmap: Heatmap, band: range, cells: _Cells, left: float, top: float, theme: str) -> list[str]:
    colors = THEMES[theme]
    parts = []
    first = top + cells.labels
    step = max(1, math.ceil(13 / (cells.width + _GAP))) if cells.turned else 1
    for at, column in enumerate(band):
        x = left + at * (cells.width + _GAP)
        if at % step == 0 or column == heatmap.chosen:
            parts.append(_column_label(heatmap, column, x, first, cells, colors, theme))
    rows = max(1, math.ceil(13 / (cells.height + _GAP)))
    for row, name in enumerate(heatmap.rows):
        y = first + row * (cells.height + _GAP)
        if row % rows == 0:
            parts.append(
                f'<text x="{num(left - 8)}" y="{num(y + cells.height / 2 + 4)}" text-anchor="end" '
                f'fill="{colors.soft}">{escaped(name)}</text>'
            )
        for at, column in enumerate(band):
            parts += _cell(heatmap, row, column, left + at * (cells.width + _GAP), y, cells, theme)
    if heatmap.chosen is not None and heatmap.chosen in band:
        x = left + band.index(heatmap.chosen) * (cells.width + _GAP)
        height = len(heatmap.rows) * (cells.height + _GAP) - _GAP
        outline = f'fill="none" stroke="{colors.accent}" stroke-width="2" class="chosen"'
        parts.append(svg_rect(x - 1, first - 1, cells.width + 2, height + 2, 4, outline))
    return parts


def _cell(heatmap: Heatmap, row: int, column: int, x: float, y: float, cells: _Cells, theme: str) -> list[str]:
    background, ink = cell_colors(heatmap.scale.ramp, float(heatmap.scale.strengths[row, column]), theme)
    text = heatmap.scale.texts[row][column]
    note = f" ({heatmap.notes[column]})" if heatmap.notes else ""
    label = f"{heatmap.rows[row]}, {quote_token(heatmap.columns[column])}{note}: {text}"
    fill = background or THEMES[theme].chip
    place = f'data-row="{row}" data-column="{column}" class="cell"'
    radius = 3 if cells.numbers else 1
    # The tooltip makes it a pair of tags.
    shape = svg_rect(x, y, cells.width, cells.height, radius, f'fill="{fill}" {place}')
    parts = [f"{shape[:-2]}><title>{escaped(label)}</title></rect>"]
    if cells.numbers:
        middle = f'x="{num(x + cells.width / 2)}" y="{num(y + cells.height / 2 + 4)}" text-anchor="middle"'
        # Of several watched tokens the one that the layer prefers.
        best = len(heatmap.series) > 1 and heatmap.values[row, column] == heatmap.values[row].min()
        style = f'font-size="{_NUMBER:g}" fill="{ink or THEMES[theme].soft}"' + (' font-weight="bold"' if best else "")
        parts.append(f"<text {middle} {style}>{escaped(text)}</text>")
    return parts


def _column_label(
    heatmap: Heatmap, column: int, x: float, first: float, cells: _Cells, colors: Theme, theme: str
) -> str:
    chosen = column == heatmap.chosen
    bold = chosen or bool(heatmap.series)
    room = _LONGEST if cells.turned else cells.width
    content, _ = fitted(heatmap.columns[column], room, _LABEL, bold=bold)
    fill = colors.accent if chosen else series_color(heatmap.series[column], theme) if heatmap.series else colors.soft
    style = f'fill="{fill}"' + (' font-weight="bold"' if bold else "")
    middle = x + cells.width / 2
    if not cells.turned:
        return f'<text x="{num(middle)}" y="{num(first - 6)}" text-anchor="middle" {style}>{escaped(content)}</text>'
    turn = f'transform="translate({num(middle + 3)} {num(first - 5)}) rotate(-45)"'
    return f"<text {turn} {style}>{escaped(content)}</text>"


def _legend(scale: Scale, x: float, y: float, colors: Theme, theme: str) -> list[str]:
    stops = STOPS[theme][scale.ramp]
    ramp = "".join(
        f'<stop offset="{num(100 * i / (len(stops) - 1))}%" stop-color="{hexadecimal(stop)}"/>'
        for i, stop in enumerate(stops)
    )
    name = f"ew-cells-{theme}-{scale.ramp}"
    weak, strong = scale.ends
    style = f'font-size="10.5" fill="{colors.soft}"'
    start = x + (text_width(weak, 10.5) + 8 if weak else 0)
    parts = [
        f'<defs><linearGradient id="{name}">{ramp}</linearGradient></defs>',
        svg_rect(start, y, _RAMP, 8, 4, f'fill="url(#{name})" stroke="{colors.line}" stroke-width="0.8"'),
    ]
    if weak:
        parts.append(f'<text x="{num(x)}" y="{num(y + 8)}" {style}>{escaped(weak)}</text>')
    if strong:
        parts.append(f'<text x="{num(start + _RAMP + 8)}" y="{num(y + 8)}" {style}>{escaped(strong)}</text>')
    for strength, label in _apart(scale.ticks):
        parts.append(
            f'<text x="{num(start + _RAMP * strength)}" y="{num(y + 20)}" text-anchor="middle" {style}>'
            f"{escaped(label)}</text>"
        )
    return parts


def _apart(ticks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Ticks inside the ramp whose labels don't touch."""
    kept: list[tuple[float, str]] = []
    for strength, label in sorted(ticks):
        free = not kept or (strength - kept[-1][0]) * _RAMP > text_width(label + kept[-1][1], 10.5) / 2 + 5
        if -0.001 <= strength <= 1.001 and free:
            kept.append((strength, label))
    return kept
