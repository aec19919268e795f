"""Tokens as boxes on lines, the way the front end wraps them: words stay whole, spaces stay outside the boxes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ecco_widgets.export.glyphs import text_width
from ecco_widgets.export.segments import Segment, TokenLayout, is_slim, layout_token
from ecco_widgets.export.shares import TokenShares

SIZE = 16.0
SMALL = 11.0
_TAB = 18.0
_NEWLINE = 15.0


@dataclass(frozen=True)
class Atom:
    """A segment with its place in the box."""

    kind: str
    text: str
    x: float
    width: float


@dataclass
class Box:
    """A token, or the part of it that is on one line.

    Attributes:
        token: Index of the token; -1 for marked spaces between boxes.
        atoms: What is written in it, from its left edge.
        width: Its width.
        x: Left edge.
        line: Line from 0.
    """

    token: int
    atoms: list[Atom]
    width: float
    x: float = 0.0
    line: int = 0


@dataclass
class _Word:
    """Boxes that stay on one line if they fit, and the space before them."""

    gap: float = 0.0
    marks: list[Atom] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)


def lay_out(shares: TokenShares, width: float, *, detailed: bool = False) -> list[Box]:
    """Boxes of all tokens, in lines of at most ``width``.

    Args:
        shares: The tokens.
        width: Longest line.
        detailed: Whether boxes leave room for a percentage below.
    """
    flow = _Flow(width)
    word = _Word()
    for index in range(len(shares.texts)):
        layout = _layout_of(shares, index)
        gap, marks = _before(layout)
        if gap or _may_break_before(layout):
            flow.place(word)
            word = _Word(gap, marks)
        lines = list(_lines(layout, join=detailed))
        for number, segments in enumerate(lines):
            boxes = _boxes(index, segments, flow.width, detailed=detailed, slim=is_slim(shares.texts[index]))
            word.boxes.extend(boxes)
            if number < len(lines) - 1 or layout.breaks:
                flow.place(word)
                flow.break_line()
                word = _Word()
    flow.place(word)
    _turn_right_to_left(flow.boxes, shares)
    return flow.boxes


class _Flow:
    def __init__(self, width: float) -> None:
        self.width = width
        self.boxes: list[Box] = []
        self._x = 0.0
        self._line = 0

    def place(self, word: _Word) -> None:
        if not word.boxes:
            return
        length = sum(box.width for box in word.boxes)
        # An ordinary space at the beginning of a line would only look like a slip.
        gap = word.gap if self._x or word.marks else 0.0
        if self._x and self._x + gap + length > self.width and (length <= self.width or self._x + gap > self.width / 2):
            self.break_line()
            gap = 0.0
        elif word.marks:
            self.boxes.append(Box(-1, word.marks, word.gap, self._x, self._line))
        self._x += gap
        for box in word.boxes:
            if self._x and self._x + box.width > self.width + 0.1:
                self.break_line()
            self.boxes.append(replace(box, x=self._x, line=self._line))
            self._x += box.width

    def break_line(self) -> None:
        self._x = 0.0
        self._line += 1


def _layout_of(shares: TokenShares, index: int) -> TokenLayout:
    text, piece = shares.texts[index], shares.piece(index)
    if index in shares.special:
        return TokenLayout((), (Segment("chip", layout_free(text) or shares.number(index)),), breaks=False)
    if piece is not None and piece[2] > 0:
        return TokenLayout((), (Segment("piece", str(piece[2] + 1)),), breaks=False)
    if not text:
        return TokenLayout((), (Segment("chip", shares.number(index)),), breaks=False)
    return layout_token(text, shares.texts[index - 1] if index else "")


def layout_free(text: str) -> str:
    """A text that is written as it is: white space and invisible characters become visible."""
    return "".join(segment.text for segment in layout_token(text).inside if segment.kind not in {"newline", "break"})


def _before(layout: TokenLayout) -> tuple[float, list[Atom]]:
    if [segment.kind for segment in layout.before] == ["text"]:
        return text_width(" ", SIZE), []
    marks = _atoms(layout.before, 0.0)
    return sum(atom.width for atom in marks), marks


def _may_break_before(layout: TokenLayout) -> bool:
    """Scripts that write no spaces break between any two signs."""
    text = layout.inside[0].text if layout.inside else ""
    return bool(text) and unicodedata.east_asian_width(text[0]) in "WF"


def _lines(layout: TokenLayout, *, join: bool) -> Iterator[tuple[Segment, ...]]:
    """The segments between the breaks inside a token; all of them where the token is drawn as one cell."""
    segments: list[Segment] = []
    for segment in layout.inside:
        if segment.kind != "break":
            segments.append(segment)
        elif not join:
            yield tuple(segments)
            segments = []
    yield tuple(segments)


def _boxes(token: int, segments: tuple[Segment, ...], longest: float, *, detailed: bool, slim: bool) -> list[Box]:
    padding = 6.0 if detailed else 3.0 if slim else 2.0
    smallest = 40.0 if detailed else 0.0
    boxes = []
    for atoms in _cut(_atoms(segments, 0.0), longest - 2 * padding):
        inside = sum(atom.width for atom in atoms)
        width = max(smallest, inside + 2 * padding)
        x = (width - inside) / 2
        placed = []
        for atom in atoms:
            placed.append(replace(atom, x=x))
            x += atom.width
        boxes.append(Box(token, placed, width))
    return boxes


def _atoms(segments: tuple[Segment, ...], x: float) -> list[Atom]:
    atoms = []
    for segment in segments:
        atoms.append(Atom(segment.kind, segment.text, x, _width(segment)))
        x += atoms[-1].width
    return atoms


def _width(segment: Segment) -> float:
    if segment.kind in {"code", "chip"}:
        return text_width(segment.text, SMALL) + 14
    if segment.kind == "piece":
        return max(13.0, text_width(segment.text, SMALL) + 7)
    if segment.kind == "space":
        return max(4.5, text_width(segment.text, SIZE))
    # A combining mark alone still needs a place.
    return {"tab": _TAB, "newline": _NEWLINE}.get(segment.kind, max(4.0, text_width(segment.text, SIZE)))


def _cut(atoms: list[Atom], longest: float) -> Iterator[list[Atom]]:
    """Atoms in portions that fit a line; a text that is longer than a line is cut between characters."""
    portion: list[Atom] = []
    used = 0.0
    for atom in atoms:
        for part in _parts(atom, longest):
            if portion and used + part.width > longest:
                yield portion
                portion, used = [], 0.0
            portion.append(part)
            used += part.width
    yield portion


def _parts(atom: Atom, longest: float) -> Iterator[Atom]:
    if atom.width <= longest or atom.kind == "space":
        yield atom
        return
    extra = atom.width - text_width(atom.text, SIZE) if atom.kind == "text" else 14.0
    size = SIZE if atom.kind == "text" else SMALL
    start = 0
    for end in range(1, len(atom.text) + 1):
        if end == len(atom.text) or text_width(atom.text[start : end + 1], size) + extra > longest:
            text = atom.text[start:end]
            yield Atom(atom.kind, text, 0.0, text_width(text, size) + extra)
            start = end


def _turn_right_to_left(boxes: list[Box], shares: TokenShares) -> None:
    """Mirror the places of neighbouring boxes whose script runs from right to left."""
    run: list[Box] = []

    def turn() -> None:
        if len(run) > 1:
            left, right = run[0].x, run[-1].x + run[-1].width
            for box in run:
                box.x = left + right - box.x - box.width

    for box in boxes:
        rightward = box.token >= 0 and _is_right_to_left(shares.texts[box.token])
        if not rightward or (run and run[-1].line != box.line):
            turn()
            run.clear()
        if rightward:
            run.append(box)
    turn()


def _is_right_to_left(text: str) -> bool:
    strong = (unicodedata.bidirectional(character) for character in text)
    return next((kind for kind in strong if kind in {"L", "R", "AL"}), "L") != "L"
