"""How wide a text is, without a font.

Widths are those of Helvetica, which Arial, Liberation Sans and many others share. Pictures pin each text to its
estimate with ``textLength``, so another font is squeezed or stretched a little and nothing sticks out.
"""

from __future__ import annotations

import unicodedata

FAMILY = "Helvetica Neue, Helvetica, Arial, Liberation Sans, Nimbus Sans, DejaVu Sans, sans-serif"
BOLD = 1.1
"""How much wider bold text is."""

_GROUPS = {
    191: "'",
    222: "ijlſ",
    260: "|¦",
    278: " !,./:;I[\\]ft\u00a0·ıÌÍÎÏìíîï",
    333: "()-`r°“”‘’",
    334: "{}",
    355: '"',
    389: "*",
    469: "^",
    500: "Jckscvxyzçýÿ",
    549: "±÷",
    584: "+<=>~¬×−",
    611: "FTZß",
    667: "&ABEKPSVXYÀÁÂÃÄÅÈÉÊËÝ",
    722: "CDHNRUwÇÑÙÚÛÜ",
    778: "GOQÒÓÔÕÖØ",
    833: "Mm",
    889: "%æ",
    944: "W",
    1000: "Æ—…→",
    1015: "@",
}
_WIDTHS = {character: width for width, characters in _GROUPS.items() for character in characters}
_LOWER = 556
_UPPER = 690
_WIDE = 1000
_SYMBOL = 800


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Estimated width of a text, in the unit of ``size`` (height of the font).

    Example:
        >>> text_width("Denmark", 16)
        64.9
    """
    return round(sum(map(glyph_width, text)) * size / 1000 * (BOLD if bold else 1), 1)


def glyph_width(character: str) -> int:
    """Estimated width of a character in thousandths of the font's height."""
    known = _WIDTHS.get(character)
    if known is not None:
        return known
    category = unicodedata.category(character)
    if category in {"Mn", "Me", "Cf"}:  # drawn onto what is before
        return 0
    if unicodedata.east_asian_width(character) in "WF":
        return _WIDE if category != "So" else 1200
    if category[0] == "S" and character > "\u00ff":
        return _SYMBOL
    return _UPPER if category == "Lu" else _LOWER
