"""How a token's text is written: which part its box covers, which white space is marked, what follows outside.

The same rules as ``js/src/ui/strip/segments.ts``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ecco_widgets.export.format import INVISIBLE, code_point

_SPACES = " \u00a0\u2000-\u200a\u202f\u3000"
_PIECES = re.compile(
    rf"(?P<newline>\r\n|\n|\r)|(?P<tab>\t)|(?P<code>[{INVISIBLE}])|(?P<space>[{_SPACES}])|(?P<text>[^{INVISIBLE}{_SPACES}]+)"
)
_SLIM = re.compile("[.,:;'’\"`!|()\\[\\]{}ijl·•°/\\\\-]")


@dataclass(frozen=True)
class Segment:
    """A part of a token.

    Attributes:
        kind: "text"; "space", "tab", "newline" (marked); "break" (the line break itself); "code" (an invisible
            character by its code point); "chip" (a special token); "piece" (a part of a character).
        text: What is written.
    """

    kind: str
    text: str


@dataclass(frozen=True)
class TokenLayout:
    """A token's segments.

    Attributes:
        before: White space before the box; a single "text" of one space is an ordinary space.
        inside: What the box covers.
        breaks: Whether the line ends after the box.
    """

    before: tuple[Segment, ...]
    inside: tuple[Segment, ...]
    breaks: bool


def layout_token(text: str, previous: str = "") -> TokenLayout:
    r"""Lays out one token.

    Args:
        text: Its text, with its leading space.
        previous: Text of the token before: a space after white space is a double space, and is marked.

    Example:
        >>> layout = layout_token(" Denmark\n")
        >>> [segment.kind for segment in layout.inside], layout.breaks
        (['text', 'newline'], True)
    """
    inside = _split(text)
    before: list[Segment] = []
    first_ink = next((i for i, segment in enumerate(inside) if segment.kind != "space"), 0)
    # White space alone is what the token is: then the box covers it.
    if first_ink > 0 and inside[first_ink].kind == "text":
        before, inside = inside[:first_ink], inside[first_ink:]
        if len(before) == 1 and before[0].text == " " and not previous.endswith((" ", "\u00a0")):
            before = [Segment("text", " ")]
    breaks = bool(inside) and inside[-1].kind == "break"
    return TokenLayout(tuple(before), tuple(_joined(inside[:-1] if breaks else inside)), breaks)


def is_slim(text: str) -> bool:
    """Whether a token is a glyph so slim that it needs a wider box."""
    return _SLIM.fullmatch(text.strip()) is not None


def _split(text: str) -> list[Segment]:
    segments: list[Segment] = []
    for found in _PIECES.finditer(text):
        kind = found.lastgroup or "text"
        segments.append(Segment(kind, code_point(found[0]) if kind == "code" else found[0]))
        if kind == "newline":
            segments.append(Segment("break", "\n"))
    return segments


def _joined(segments: list[Segment]) -> list[Segment]:
    """Joins single spaces between two pieces of text to the text around them."""
    out: list[Segment] = []
    for i, segment in enumerate(segments):
        around = [s.kind for s in (*segments[i - 1 : i], *segments[i + 1 : i + 2])]
        plain = segment.kind == "text" or (segment.text == " " and around == ["text", "text"])
        if plain and out and out[-1].kind == "text":
            out[-1] = Segment("text", out[-1].text + segment.text)
        else:
            out.append(Segment("text", segment.text) if plain else segment)
    return out
