"""Factors as plain HTML, for where the widget can't be drawn: GitHub, nbconvert, a mail."""

from __future__ import annotations

import html

from ecco_widgets.export.categorical import hue_color, tinted
from ecco_widgets.export.factors_svg import FactorsFigure
from ecco_widgets.export.format import plain_token, quote_token
from ecco_widgets.export.palettes import THEMES, hexadecimal

MOST_TOKENS = 400
"""A preview is saved into the notebook with every run of the cell."""

_LIGHT = THEMES["light"]


def factors_preview(figure: FactorsFigure, *, note: str = "") -> str:
    """Factors as HTML without scripts, style sheets, images or links: a line for each, and the coloured text.

    Args:
        figure: What to show; of a long text the beginning.
        note: A last sentence, e.g. how to get the live view.
    """
    small = f"color:{_LIGHT.soft};font-size:12px;line-height:1.5"
    rows = []
    for row, (name, fact) in enumerate(zip(figure.names, figure.facts, strict=True)):
        color = hue_color(figure.hues[row], "light")
        tokens = ", ".join(quote_token(text) for text in figure.tokens_of(row, 5)) or "nothing"
        rows.append(
            f'<div><span style="color:{color}">■</span> <b>{html.escape(name)}</b> '
            f'<span style="{small}">{html.escape(fact)}</span> {html.escape(tokens)}</div>'
        )
    strongest = figure.strongest()
    words = []
    for token, text in enumerate(figure.texts[:MOST_TOKENS]):
        row, strength = strongest[token]
        background, ink = tinted(figure.hues[row], strength, "light") if row >= 0 else ("", "")
        style = f"background:{background};color:{ink};border-radius:3px;padding:1px 2px" if background else ""
        gap = " " if text[:1] == " " else ""
        # As the texts' own white space would not show: plain_token makes it visible.
        word = html.escape(plain_token(text)) if text else ""
        words.append(f'{gap}<span style="{style}">{word}</span>' if style else f"{gap}{word}")
        if any(token + 1 == stop for _, stop in figure.spans):
            words.append("<br>")
    more = f"The first {MOST_TOKENS} of {len(figure.texts)} tokens." if len(figure.texts) > MOST_TOKENS else ""
    facts = " ".join(filter(None, [figure.caption.made_by and f"{figure.caption.made_by}.", more, note]))
    ink, page = hexadecimal(_LIGHT.ink), hexadecimal(_LIGHT.page)
    box = f"background:{page};color:{ink};border:1px solid {_LIGHT.line};border-radius:8px;padding:10px 14px"
    body = "".join(rows) + f'<p style="line-height:1.8;margin:6px 0">{"".join(words)}</p>'
    return (
        f'<div style="{box};font:13px/1.5 sans-serif;max-width:1000px">'
        f"<div><b>{html.escape(figure.caption.title)}</b> "
        f'<span style="{small}">{html.escape(figure.caption.note)}</span></div>'
        f"{body if figure.names else '<div>Not computed yet.</div>'}"
        f'<div style="{small}">{html.escape(facts)}</div></div>'
    )
