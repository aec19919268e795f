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


def format_percent(probability: float) -> str:
    """A probability as a percentage of fixed fineness.

    Example:
        >>> [format_percent(p) for p in (0.71, 0.042, 0.0025, 0.00001, 0.9996)]
        ['71%', '4.2%', '0.25%', '<0.01%', '100%']
    """
    if math.isnan(probability):
        return "–"
    percent = probability * 100
    if percent == 0:
        return "0%"
    if percent < 0.01:
        return "<0.01%"
    if percent < 0.995:
        return f"{percent:.2f}%"
    # What is not quite certain is not written as certain.
    if percent < 9.95 or 99.5 <= percent < 99.95:
        return f"{percent:.1f}%"
    return f"{math.floor(percent + 0.5)}%"


def format_compact(count: float) -> str:
    """A count in at most four characters.

    Example:
        >>> [format_compact(count) for count in (1, 834, 1234, 56000, 1.3e6)]
        ['1', '834', '1.2k', '56k', '1.3M']
    """
    if not math.isfinite(count):
        return "–" if math.isnan(count) else "∞"
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if count >= size * 0.9995:  # 999.6 thousand would be written as 1000k
            value = count / size
            return f"{value:.1f}".removesuffix(".0") + unit if value < 9.95 else f"{math.floor(value + 0.5)}{unit}"
    return str(math.floor(count + 0.5))


def format_short(value: float) -> str:
    """A value in at most four characters.

    Example:
        >>> [format_short(value) for value in (0.31, -4.12, -12.4, 104.2, -0.01)]
        ['0.3', '−4.1', '−12', '104', '0.0']
    """
    if math.isnan(value):
        return "–"
    sign, size = _MINUS if value < 0 else "", abs(value)
    if math.isinf(size):
        return f"{sign}∞"
    digits = f"{size:.1f}" if size < 9.95 else str(math.floor(size + 0.5))
    return sign + digits if float(digits) else digits


def format_value(value: float) -> str:
    """A value with three significant digits.

    Example:
        >>> [format_value(value) for value in (12.44, -0.0312, 2.0)]
        ['12.4', '−0.0312', '2']
    """
    if math.isnan(value):
        return "–"
    return f"{value:.3g}".replace("-", _MINUS)


def plain_token(text: str) -> str:
    r"""A token's text on one line, without its leading space, with what can't be seen made visible.

    Example:
        >>> plain_token(" Denmark"), plain_token("\n"), plain_token("  "), plain_token("")
        ('Denmark', '↵', '··', '(empty)')
    """
    if not text:
        return "(empty)"
    shown = quote_token(text)[1:-1]
    return shown.strip(" ") or "·" * len(shown)


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
