"""A table of the best tokens of each layer as a picture: a cell for each token, its probability as a bar."""

from __future__ import annotations

from ecco_widgets.export.drawing import MARGIN, check_picture, document, escaped, fitted, num, svg_rect, svg_text
from ecco_widgets.export.figures import TokenTable
from ecco_widgets.export.format import format_compact, format_percent, quote_token
from ecco_widgets.export.frame import Frame
from ecco_widgets.export.glyphs import BOLD, text_width
from ecco_widgets.export.palettes import THEMES, hexadecimal
from ecco_widgets.export.sequential import series_color

_SIZE = 13.0
_NARROW_SIZE = 12.0
_SMALL = 10.5
_GAP = 3.0
_ONE_LINE, _TWO_LINES = 23.0, 36.0
# A cell this wide has room for a token and a percentage side by side; a narrower one has them on two lines.
_WIDE, _NARROWEST = 92.0, 48.0
_TAIL = 78.0
# Of the list that a single layer is.
_LINE, _LONGEST, _LONGEST_BAR = 22.0, 150.0, 420.0


def to_token_table(table: TokenTable, *, theme: str = "light", width: float = 720) -> str:
    """The picture of a table.

    Args:
        table: What to draw.
        theme: "light" or "dark".
        width: In pixels; the height follows. Where it has no room for all k tokens, the best ones are drawn.

    Returns:
        A complete SVG document. Each cell is a group with ``data-layer``, ``data-place`` and a tooltip.

    Raises:
        InvalidInput: Unknown theme, or a width out of range.
    """
    check_picture(theme, width)
    colors, ink = THEMES[theme], hexadecimal(THEMES[theme].ink)
    frame = Frame(table.caption, theme, width)
    top = frame.heading()
    if len(table.rows) == 1:
        bottom = _list(table, frame.parts, top, width, theme)
        return document(frame.parts, width, frame.footing(bottom + 4), theme=theme, size=_SIZE, title=table.summary())
    names = max((text_width(name, 11.5) for name in table.rows), default=0.0) + 10
    tail = _TAIL if table.tail and width >= 480 else 0.0
    left, room = MARGIN + names, width - 2 * MARGIN - names - tail
    k = max((len(texts) for texts in table.texts), default=1)
    shown = max(1, min(k, int((room + _GAP) // (_NARROWEST + _GAP))))
    cell = min(180.0, (room + _GAP) / shown - _GAP)
    height = _ONE_LINE if cell >= _WIDE else _TWO_LINES
    parts = frame.parts
    if tail:
        parts.append(_tail_head(table, left + shown * (cell + _GAP), top, tail, colors.soft))
        top += 14
    for row, name in enumerate(table.rows):
        y = top + row * (height + _GAP)
        baseline = y + height / 2 + 4
        parts.append(svg_text(name, MARGIN, baseline, text_width(name, 11.5), f'font-size="11.5" fill="{colors.soft}"'))
        for place, token in enumerate(table.texts[row][:shown]):
            x, p = left + place * (cell + _GAP), float(table.probabilities[row, place])
            actual, series = bool(table.actual[row, place]), int(table.series[row, place])
            label = f"{quote_token(token)}, {name}, rank {place + 1}: {format_percent(p)}"
            parts.append(f'<g data-layer="{escaped(name)}" data-place="{place}"><title>{escaped(label)}</title>')
            parts.append(
                svg_rect(x, y, cell, height, 3, f'fill="{colors.accent_soft if actual else colors.chip}" class="cell"')
            )
            parts += _words(
                token, p, x, y, cell, height, fill=colors.accent if actual else ink, bold=actual, soft=colors.soft
            )
            if series >= 0:
                parts.append(svg_rect(x, y, 3, height, 1.5, f'fill="{series_color(series, theme)}" class="watched"'))
            bar = max(0.6, cell * min(1.0, p)) if p > 0 else 0.0
            parts.append(svg_rect(x, y + height - 2, bar, 2, 1, f'fill="{colors.accent}" class="bar"'))
            parts.append("</g>")
        if tail:
            x = left + shown * (cell + _GAP) + 6
            parts += _tail(*table.tail[row], x, baseline, ink, colors.soft)
    bottom = top + len(table.rows) * (height + _GAP)
    more = f"the best {shown} of {k} are drawn" if shown < k else ""
    return document(parts, width, frame.footing(bottom + 4, more), theme=theme, size=_SIZE, title=table.summary())


def _list(table: TokenTable, parts: list[str], top: float, width: float, theme: str) -> float:
    """A single layer: a line for each token with its probability as a bar; returns the lower edge."""
    colors, ink = THEMES[theme], hexadecimal(THEMES[theme].ink)
    shown = [fitted(token, _LONGEST, _SIZE, bold=True) for token in table.texts[0]]
    left = MARGIN + max((length for _, length in shown), default=0.0) + 16
    room = min(_LONGEST_BAR, width - MARGIN - left - 52)
    for place, (content, length) in enumerate(shown):
        y, p, series = top + place * _LINE, float(table.probabilities[0, place]), int(table.series[0, place])
        actual = bool(table.actual[0, place])
        label = f"{quote_token(table.texts[0][place])}, {table.rows[0]}, rank {place + 1}: {format_percent(p)}"
        parts.append(f'<g data-layer="{escaped(table.rows[0])}" data-place="{place}"><title>{escaped(label)}</title>')
        if series >= 0:
            parts.append(
                svg_rect(MARGIN, y + 3, 3, _LINE - 6, 1.5, f'fill="{series_color(series, theme)}" class="watched"')
            )
        style = f'fill="{colors.accent}" font-weight="bold"' if actual else f'fill="{ink}"'
        parts.append(svg_text(content, MARGIN + 8, y + 15, length / (1 if actual else BOLD), style))
        parts.append(svg_rect(left, y + 4, room, _LINE - 8, 3, f'fill="{colors.chip}" class="cell"'))
        bar = max(1.0, room * min(1.0, p)) if p > 0 else 0.0
        parts.append(svg_rect(left, y + 4, bar, _LINE - 8, 3, f'fill="{colors.accent}" class="bar"'))
        percent = format_percent(p)
        wide = text_width(percent, 11.5)
        parts.append(svg_text(percent, left + room + 8, y + 15, wide, f'font-size="11.5" fill="{colors.soft}"'))
        parts.append("</g>")
    return top + len(shown) * _LINE


def _words(
    token: str, p: float, x: float, y: float, cell: float, height: float, *, fill: str, bold: bool, soft: str
) -> list[str]:
    percent = format_percent(p)
    wide = text_width(percent, _SMALL)
    weight = ' font-weight="bold"' if bold else ""
    if height == _ONE_LINE:
        content, length = fitted(token, cell - wide - 17, _SIZE, bold=bold)
        return [
            svg_text(content, x + 6, y + 15.5, length, f'fill="{fill}"{weight}'),
            svg_text(percent, x + cell - wide - 5, y + 15, wide, f'font-size="{_SMALL}" fill="{soft}"'),
        ]
    content, length = fitted(token, cell - 9, _NARROW_SIZE, bold=bold)
    return [
        svg_text(content, x + 5, y + 15, length, f'font-size="{_NARROW_SIZE:g}" fill="{fill}"{weight}'),
        svg_text(percent, x + 5, y + 29, min(wide, cell - 9), f'font-size="{_SMALL}" fill="{soft}"'),
    ]


def _tail_head(table: TokenTable, x: float, y: float, width: float, soft: str) -> str:
    content, length = fitted(table.tail_name, width - 6, 11, bold=True)
    return svg_text(content, x + 6, y + 6, length, f'font-size="11" font-weight="bold" fill="{soft}"')


def _tail(rank: int, probability: float, x: float, y: float, ink: str, soft: str) -> list[str]:
    place, percent = f"#{format_compact(rank)}", format_percent(probability)
    bold, small = ' font-weight="bold"' if rank == 1 else "", f'font-size="{_SMALL}" fill="{soft}" text-anchor="end"'
    return [
        f'<text x="{num(x)}" y="{num(y)}" font-size="11.5" fill="{ink}"{bold}>{place}</text>',
        f'<text x="{num(x + _TAIL - 8)}" y="{num(y)}" {small}>{escaped(percent)}</text>',
    ]
