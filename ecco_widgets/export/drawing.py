"""The parts every picture is made of: text, boxes, the frame of the document. Plain SVG, no scripts, no links."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape

from ecco_widgets.errors import InvalidInput
from ecco_widgets.export.format import plain_token
from ecco_widgets.export.glyphs import FAMILY, text_width
from ecco_widgets.export.palettes import THEMES, hexadecimal

WIDTHS = (240, 4000)

MARGIN = 16.0
# Text may be this much wider than its place and is squeezed into it rather than cut off.
_SQUEEZE = 1.2
# What XML has no way to write, not even escaped.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def check_picture(theme: str, width: float) -> None:
    """Refuse a theme or a width that can't be drawn.

    Raises:
        InvalidInput: Unknown theme, or a width out of range.
    """
    if theme not in THEMES:
        raise InvalidInput(f"theme must be 'light' or 'dark', got {theme!r}.")
    if isinstance(width, bool) or not isinstance(width, (int, float)) or not WIDTHS[0] <= width <= WIDTHS[1]:
        raise InvalidInput(f"width must be {WIDTHS[0]}..{WIDTHS[1]} pixels, got {width!r}.")


def document(parts: Sequence[str], width: float, height: float, *, theme: str, size: float, title: str) -> str:
    """A whole picture on the theme's page."""
    colors = THEMES[theme]
    box = f'width="{num(width)}" height="{num(height)}" viewBox="0 0 {num(width)} {num(height)}" role="img"'
    font = f'font-family="{FAMILY}" font-size="{num(size)}" fill="{hexadecimal(colors.ink)}"'
    page = f'<rect width="100%" height="100%" fill="{hexadecimal(colors.page)}"/>'
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" {box} {font}>'
    return "\n".join([opening, f"<title>{escaped(title)}</title>", page, *parts, "</svg>", ""])


def svg_text(content: str, x: float, y: float, width: float, style: str) -> str:
    """A line of text from ``x`` on its baseline ``y``, as wide as estimated in every font."""
    # One glyph can't be spaced out, and stretching a comma to its estimate gains nothing.
    length = f' textLength="{num(width)}" lengthAdjust="spacingAndGlyphs"' if len(content) > 1 and width > 0 else ""
    space = ' xml:space="preserve"' if " " in content[:1] + content[-1:] or "  " in content else ""
    return f'<text x="{num(x)}" y="{num(y)}"{length}{space} {style}>{escaped(content)}</text>'


def svg_rect(x: float, y: float, width: float, height: float, radius: float, style: str) -> str:
    """A box."""
    size = f'x="{num(x)}" y="{num(y)}" width="{num(max(0.0, width))}" height="{num(height)}"'
    return f'<rect {size} rx="{num(radius)}" {style}/>'


def fitted(token: str, width: float, size: float, *, bold: bool = False) -> tuple[str, float]:
    """A token's text on one line, cut off with "…" where it is wider than ``width``; and how wide it is now."""
    content = plain_token(token)
    length = text_width(content, size, bold=bold)
    if length <= width * _SQUEEZE:
        return content, min(length, width)
    room = width - text_width("…", size, bold=bold)
    kept = ""
    for character in content:
        if text_width(kept + character, size, bold=bold) > room:
            break
        kept += character
    content = f"{kept}…"
    return content, min(width, text_width(content, size, bold=bold))


def escaped(content: str) -> str:
    """Text as XML text or attribute."""
    return escape(_FORBIDDEN.sub("\ufffd", content), {'"': "&quot;"})


def num(value: float) -> str:
    """A coordinate, to a hundredth of a pixel."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
