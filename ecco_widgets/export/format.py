"""Numbers and tokens as people read them; the same words as ``js/src/charts/format.ts``."""

from __future__ import annotations

import math
import re

_MINUS = "\N{MINUS SIGN}"
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
# Controls, zero-width and direction-changing characters: invisible, or able to scramble what is around them; and what
# XML forbids (lone surrogates, non-characters).
INVISIBLE = "\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffd-\uffff\ud800-\udfff"
_INVISIBLE = re.compile(f"[{INVISIBLE}]")


def format_share(share: float) -> str:
    """A share as a percentage.

    Example:
        >>> [format_share(share) for share in (0.187, 0.042, 0.0004, -0.118, float("nan"))]
        ['19%', '4.2%', '<0.1%', '−12%', '–']
    """
    if math.isnan(share):
        return "–"
    size, sign = abs(share) * 100, _MINUS if share < 0 else ""
    if size == 0:
        return "0%"
    if size < 0.1:
        return "<0.1%"
    return f"{sign}{size:.1f}%" if size < 9.95 else f"{sign}{math.floor(size + 0.5)}%"


def format_probability(probability: float) -> str:
    """A probability as a percentage; tiny ones as a power of ten.

    Example:
        >>> [format_probability(p) for p in (0.71, 0.003, 4.2e-6)]
        ['71%', '0.3%', '4×10⁻⁶']
    """
    if math.isnan(probability) or probability == 0 or probability >= 0.001:
        return format_share(probability)
    exponent = math.floor(math.log10(probability))
    return f"{probability / 10.0**exponent:.0f}×10⁻{str(-exponent).translate(_SUPERSCRIPTS)}"


def quote_token(text: str) -> str:
    r"""A token's text in quotes, with what can't be seen made visible.

    Example:
        >>> quote_token(" Denmark"), quote_token("\n"), quote_token("\u200b")
        ('" Denmark"', '"↵"', '"U+200B"')
    """
    text = text.replace("\r\n", "↵").replace("\n", "↵").replace("\t", "→")
    return f'"{_INVISIBLE.sub(lambda found: code_point(found[0]), text)}"'


def code_point(character: str) -> str:
    """``U+200B``."""
    return f"U+{ord(character):04X}"
