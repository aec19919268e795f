"""One row as a few lines of plain HTML, for where the widget can't be drawn: GitHub, nbconvert, a mail.

Such places remove scripts and style sheets, some of them inline styles too. So the sentence below the text says what
the colours say.
"""

from __future__ import annotations

import html
import math

from ecco_widgets.export.format import format_share
from ecco_widgets.export.layout import layout_free
from ecco_widgets.export.palettes import THEMES, colors_of, hexadecimal, level_of
from ecco_widgets.export.segments import Segment, layout_token
from ecco_widgets.export.shares import TokenShares

MOST_TOKENS = 400
"""A preview is saved into the notebook with every run of the cell."""

_LIGHT = THEMES["light"]


def to_preview(shares: TokenShares, *, note: str = "", most_tokens: int = MOST_TOKENS) -> str:
    """The row as HTML without scripts, style sheets, images or links.

    Args:
        shares: The row.
        note: A last sentence, e.g. how to get the live view.
        most_tokens: Of a longer text those around the explained token are shown.
    """
    shown = _window(len(shares.texts), shares.position, most_tokens)
    tokens = "".join(_token(shares, i) for i in shown)
    before, after = "… " if shown.start else "", " …" if shown.stop < len(shares.texts) else ""
    facts = " ".join(filter(None, [shares.summary(), shares.made_by and f"{shares.made_by}.", note]))
    ink, page = hexadecimal(_LIGHT.ink), hexadecimal(_LIGHT.page)
    box = f"background:{page};color:{ink};border:1px solid {_LIGHT.line};border-radius:8px;padding:10px 14px"
    return (
        f'<div style="{box};font:15px/1.9 sans-serif;max-width:1000px;overflow-wrap:anywhere">'
        f"<div>{before}{tokens}{after}</div>"
        f'<div style="color:{_LIGHT.soft};font-size:12px;line-height:1.5;margin-top:6px">{html.escape(facts)}</div>'
        "</div>"
    )


def _window(count: int, position: int | None, most: int) -> range:
    if count <= most:
        return range(count)
    # The explained token at the end: what led to it stands before it.
    stop = min(count, max(most, (position or 0) + 1 + most // 10))
    return range(stop - most, stop)


def _token(shares: TokenShares, index: int) -> str:
    text, piece, share = shares.texts[index], shares.piece(index), shares.share(index)
    if index in shares.special or not text:
        name = str(piece[2] + 1) if piece else layout_free(text) or shares.number(index)
        return _box(shares, index, share, f"<small>{html.escape(name)}</small>")
    layout = layout_token(text, shares.texts[index - 1] if index else "")
    before = "".join(_segment(segment) for segment in layout.before)
    inside = "".join(_segment(segment) for segment in layout.inside)
    return before + _box(shares, index, share, inside) + ("<br>" if layout.breaks else "")


def _box(shares: TokenShares, index: int, share: float, content: str) -> str:
    background, ink = colors_of(level_of(share, shares.full), "light")
    if index == shares.position:
        style = f"background:{_LIGHT.accent_soft};outline:2px solid {_LIGHT.accent};border-radius:4px;padding:2px"
    elif background:
        other = f"color:{ink};" if ink != hexadecimal(_LIGHT.ink) else ""
        style = f"background:{background};{other}border-radius:3px;padding:2px"
    elif shares.position is not None and index > shares.position:
        style = f"color:{_LIGHT.soft}"
    else:
        return content
    title = "" if math.isnan(share) else f' title="{html.escape(shares.name(index))}: {format_share(share)}"'
    return f'<span style="{style}"{title}>{content}</span>'


def _segment(segment: Segment) -> str:
    marks = {"newline": "↵", "break": "<br>", "space": "·", "tab": "→"}
    if segment.kind in marks:
        mark = marks[segment.kind]
        return mark if segment.kind == "break" else f'<span style="color:{_LIGHT.soft}">{mark}</span>'
    text = html.escape(segment.text)
    return f"<small>{text}</small>" if segment.kind == "code" else text
