"""Figures of the lens as plain HTML tables, for where the widget can't be drawn: GitHub, nbconvert, a mail.

Such places remove scripts and style sheets, some of them inline styles too; the numbers stay.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

from ecco_widgets.export.figures import Caption, Heatmap, TokenTable
from ecco_widgets.export.format import format_percent, plain_token, quote_token
from ecco_widgets.export.palettes import THEMES, hexadecimal
from ecco_widgets.export.sequential import cell_colors, series_color

MOST_CELLS = 480
"""A preview is saved into the notebook with every run of the cell."""

_LIGHT = THEMES["light"]
_CELL = "padding:2px 7px;border-radius:3px;border:0"


def table_preview(table: TokenTable, *, note: str = "") -> str:
    """A table of tokens as HTML without scripts, style sheets, images or links.

    Args:
        table: What to show; only the best tokens where it is large.
        note: A last sentence, e.g. how to get the live view.
    """
    k = max((len(texts) for texts in table.texts), default=0)
    shown = max(1, min(k, MOST_CELLS // max(1, len(table.rows))))
    rows = []
    for row, name in enumerate(table.rows):
        cells = [_head(name)]
        for place, text in enumerate(table.texts[row][:shown]):
            actual, series = bool(table.actual[row, place]), int(table.series[row, place])
            style = f"{_CELL};text-align:left;background:{_LIGHT.accent_soft if actual else _LIGHT.chip}"
            style += f";border-left:3px solid {series_color(series, 'light')}" if series >= 0 else ""
            word = html.escape(_short(text))
            word = f"<b>{word}</b>" if actual else word
            percent = format_percent(float(table.probabilities[row, place]))
            cells.append(
                f'<td style="{style}" title="{html.escape(quote_token(text))}">{word} '
                f'<small style="color:{_LIGHT.soft}">{html.escape(percent)}</small></td>'
            )
        rows.append(cells)
    more = f"The best {shown} of {k} tokens." if shown < k else ""
    return _box(table.caption, [], rows, " ".join(filter(None, [more, note])))


def heatmap_preview(heatmap: Heatmap, *, note: str = "") -> str:
    """A heat map as HTML without scripts, style sheets, images or links.

    Args:
        heatmap: What to show; of a wide one the columns up to the chosen (else the last) one.
        note: A last sentence.
    """
    total = len(heatmap.columns)
    shown = _window(total, heatmap.chosen, max(1, MOST_CELLS // max(1, len(heatmap.rows))))
    head = ["<th></th>"]
    for column in shown:
        color = series_color(heatmap.series[column], "light") if heatmap.series else _LIGHT.soft
        text = html.escape(_short(heatmap.columns[column]))
        style = f"{_CELL};text-align:center;font-weight:normal;font-size:12px;color:{color}"
        bold = column == heatmap.chosen or bool(heatmap.series)
        head.append(f'<th style="{style}">{f"<b>{text}</b>" if bold else text}</th>')
    rows = []
    for row, name in enumerate(heatmap.rows):
        cells = [_head(name)]
        for column in shown:
            background, ink = cell_colors(heatmap.scale.ramp, float(heatmap.scale.strengths[row, column]), "light")
            style = f"{_CELL};text-align:center;background:{background or _LIGHT.chip};color:{ink or _LIGHT.soft}"
            cells.append(f'<td style="{style}">{html.escape(heatmap.scale.texts[row][column])}</td>')
        rows.append(cells)
    more = f"{len(shown)} of {total} tokens." if len(shown) < total else ""
    return _box(heatmap.caption, head, rows, " ".join(filter(None, [more, note])))


def _window(total: int, chosen: int | None, most: int) -> range:
    if total <= most:
        return range(total)
    stop = min(total, max(most, (chosen if chosen is not None else total - 1) + 1))
    return range(stop - most, stop)


def _head(name: str) -> str:
    style = f"{_CELL};text-align:left;font-weight:normal;font-size:12px;white-space:nowrap;color:{_LIGHT.soft}"
    return f'<th style="{style}">{html.escape(name)}</th>'


def _short(text: str) -> str:
    text = plain_token(text)
    return text if len(text) <= 24 else f"{text[:23]}…"


def _box(caption: Caption, head: Sequence[str], rows: Sequence[Sequence[str]], note: str) -> str:
    ink, page = hexadecimal(_LIGHT.ink), hexadecimal(_LIGHT.page)
    lines = [f"<tr>{''.join(cells)}</tr>" for cells in ([head] if head else [])]
    lines += [f"<tr>{''.join(cells)}</tr>" for cells in rows]
    facts = " ".join(filter(None, [caption.made_by and f"{caption.made_by}.", note]))
    box = f"background:{page};color:{ink};border:1px solid {_LIGHT.line};border-radius:8px;padding:10px 14px"
    small = f"color:{_LIGHT.soft};font-size:12px;line-height:1.5"
    table = f'<table style="border-spacing:2px;border-collapse:separate;margin:6px 0">{"".join(lines)}</table>'
    return (
        f'<div style="{box};font:13px/1.5 sans-serif;max-width:1000px;overflow-x:auto">'
        f'<div><b>{html.escape(caption.title)}</b> <span style="{small}">{html.escape(caption.note)}</span></div>'
        f'{table if rows else "<div>Not computed yet.</div>"}<div style="{small}">{html.escape(facts)}</div></div>'
    )
