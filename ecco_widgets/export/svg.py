"""One row as a picture that needs no browser: plain SVG, sharp at any size, editable in any drawing program."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ecco_widgets.export.drawing import MARGIN, check_picture, document, escaped, num, svg_rect, svg_text
from ecco_widgets.export.format import format_share
from ecco_widgets.export.glyphs import text_width
from ecco_widgets.export.layout import SIZE, SMALL, Atom, Box, lay_out
from ecco_widgets.export.palettes import LEVELS, THEMES, Theme, colors_of, gradient, hexadecimal, level_of
from ecco_widgets.export.shares import TokenShares

_FACE = 26.0
_BASELINE = 18.6
_TRACK = 26.0
_PLAIN = 34.0
"""Height of a line of boxes."""
_TALL = 80.0
"""Height of a line of boxes with bars and percentages."""
_LEGEND = 11.5
_RAMP = 130.0
_GAP = 7.0
_STRONG = math.floor(LEVELS * 0.4 + 0.5)


def to_svg(shares: TokenShares, *, theme: str = "light", width: float = 720, detailed: bool = False) -> str:
    """The picture of one row.

    Args:
        shares: The row.
        theme: "light" or "dark".
        width: Width in pixels; the height follows from the text.
        detailed: Whether each token also has a bar and a percentage.

    Returns:
        A complete SVG document. Each token is a group with ``data-token`` and ``data-share`` and a tooltip.

    Raises:
        InvalidInput: Unknown theme, or a width out of range.
    """
    check_picture(theme, width)
    return TokenDrawing(shares, theme, float(width), detailed=detailed).document()


class TokenDrawing:
    """Draws tokens with what belongs to each.

    Args:
        shares: The tokens.
        theme: "light" or "dark".
        width: Of the picture.
        detailed: Whether each token also has a bar and a percentage.
    """

    def __init__(self, shares: TokenShares, theme: str, width: float, *, detailed: bool) -> None:
        self.shares = shares
        self.theme = theme
        self.colors: Theme = THEMES[theme]
        self.ink = hexadecimal(self.colors.ink)
        self.width = width
        self.detailed = detailed
        self.tops: list[float] = []
        self.measured: list[bool] = []
        self.parts: list[str] = []

    def document(self) -> str:
        """The whole picture."""
        height = self._legend(self.text() + 8) + MARGIN - 4
        title = self.shares.summary()
        return document(self.parts, self.width, height, theme=self.theme, size=SIZE, title=title)

    # --------------------------------------------------------------------------------------------------------- tokens

    def text(self) -> float:
        """Draw the tokens into ``parts``; returns where the last line ends."""
        boxes = lay_out(self.shares, self.width - 2 * MARGIN, detailed=self.detailed)
        groups: dict[int, list[Box]] = {}
        for box in boxes:
            groups.setdefault(box.token, []).append(box)
        bottom = self._measure(boxes)
        for token, group in groups.items():
            self._token(token, group)
        if self.shares.position is not None:
            self._outline(groups[self.shares.position])
        return bottom

    def paint(self, token: int) -> tuple[str, str]:
        """Background and text colour of a token; "" for the page's."""
        return colors_of(level_of(self.shares.share(token), self.shares.full), self.theme)

    def label(self, token: int) -> str:
        """The tooltip of a token."""
        share = self.shares.share(token)
        return f"{self.shares.name(token)}, token {token}" + ("" if math.isnan(share) else f": {format_share(share)}")

    def _measure(self, boxes: Sequence[Box]) -> float:
        """Find where each line begins; returns where the last one ends."""
        lines = 1 + max((box.line for box in boxes), default=0)
        self.measured = [False] * lines
        for box in boxes:
            # Bars and percentages take room only on lines that have some.
            if self.detailed and box.token >= 0 and not math.isnan(self.shares.share(box.token)):
                self.measured[box.line] = True
        edges = [MARGIN - 2]
        for measured in self.measured:
            edges.append(edges[-1] + (_TALL if measured else _PLAIN))
        self.tops = edges[:-1]
        return edges[-1]

    def _token(self, token: int, boxes: Sequence[Box]) -> None:
        shares = self.shares
        if token < 0:
            self.parts += [self._atom(atom, box, self.colors.soft) for box in boxes for atom in box.atoms]
            return
        share = shares.share(token)
        level = level_of(share, shares.full)
        background, ink = self.paint(token)
        chosen = token == shares.position
        if shares.position is not None and token > shares.position:
            ink = self.colors.soft
        value = "" if math.isnan(share) else f' data-share="{share:.6g}"'
        self.parts.append(f'<g data-token="{token}"{value}><title>{escaped(self.label(token))}</title>')
        for box in boxes:
            if self.measured[box.line]:
                self._bar(box, share)
            self._face(box, self.colors.accent_soft if chosen else background, generated=token >= shares.n_prompt)
            self.parts += [self._atom(atom, box, ink or self.ink) for atom in box.atoms]
            if self.detailed and not math.isnan(share):
                self._percentage(box, share, strong=abs(level) >= _STRONG)
        self.parts.append("</g>")

    def _top(self, box: Box) -> float:
        """Upper edge of the coloured part."""
        return self.tops[box.line] + (_TRACK + 3 if self.measured[box.line] else (_PLAIN - _FACE) / 2)

    def _edges(self, box: Box) -> tuple[float, float]:
        """Left edge and width of the coloured part."""
        inset = 1.0 if self.detailed else 0.0
        return MARGIN + box.x + inset, box.width - 2 * inset

    def _face(self, box: Box, background: str, *, generated: bool) -> None:
        (x, width), y = self._edges(box), self._top(box)
        if background:
            self.parts.append(svg_rect(x, y, width, _FACE, 3, f'fill="{background}" class="face"'))
        if generated:
            self.parts.append(
                svg_rect(x + 0.5, y + _FACE - 1.5, width - 1, 1.5, 0.75, f'fill="{self.colors.generated}"')
            )

    def _bar(self, box: Box, share: float) -> None:
        (x, width), bottom = self._edges(box), self._top(box) - 3
        self.parts.append(svg_rect(x, bottom - 0.75, width, 0.75, 0, f'fill="{self.colors.line}"'))
        if math.isnan(share) or not self.shares.full > 0 or share == 0:
            return
        height = max(0.6, (_TRACK - 1) * min(1.0, abs(share) / self.shares.full))
        fill = self.colors.bar if share > 0 else self.colors.bar_negative
        # Only the upper corners are round: bars stand on their line.
        radius = min(2.0, height)
        r, start, up = num(radius), f"{num(x + width / 2 - 6)} {num(bottom)}", num(radius - height)
        d = f"M{start}v{up}q0 -{r} {r} -{r}h{num(12 - 2 * radius)}q{r} 0 {r} {r}V{num(bottom)}z"
        self.parts.append(f'<path d="{d}" fill="{fill}"/>')

    def _percentage(self, box: Box, share: float, *, strong: bool) -> None:
        text, bold = format_share(share), ' font-weight="bold"' if strong else ""
        x, y = MARGIN + box.x + box.width / 2, self._top(box) + _FACE + 12
        fill = self.ink if strong else self.colors.soft
        style = f'font-size="10.5" text-anchor="middle" fill="{fill}"{bold}'
        self.parts.append(f'<text x="{num(x)}" y="{num(y)}" {style}>{escaped(text)}</text>')

    def _outline(self, boxes: Sequence[Box]) -> None:
        for box in boxes:
            (x, width), y = self._edges(box), self._top(box)
            style = f'fill="none" stroke="{self.colors.accent}" stroke-width="2" class="chosen"'
            self.parts.append(svg_rect(x - 1, y - 1, width + 2, _FACE + 2, 5, style))

    def _atom(self, atom: Atom, box: Box, ink: str) -> str:
        x, y = MARGIN + box.x + atom.x, self._top(box) + _BASELINE
        if atom.kind == "text":
            return svg_text(atom.text, x, y, atom.width, f'fill="{ink}"')
        if atom.kind == "space":
            return f'<circle cx="{num(x + atom.width / 2)}" cy="{num(y - 5)}" r="1" fill="{self.colors.soft}"/>'
        stroke = f'fill="none" stroke="{self.colors.soft}" stroke-width="1.1" opacity="0.75"'
        if atom.kind == "newline":
            d = f"M{num(x + 12)} {num(y - 10)}v5h-9m3-3l-3 3l3 3"
            return f'<path d="{d}" {stroke} stroke-linecap="round" stroke-linejoin="round"/>'
        if atom.kind == "tab":
            d = f"M{num(x + 3)} {num(y - 5)}h11m-3-3l3 3l-3 3"
            return f'<path d="{d}" {stroke} stroke-linecap="round" stroke-linejoin="round"/>'
        dashes = ' stroke-dasharray="2 1.5"' if atom.kind == "piece" else ""
        room = 2.0 if atom.kind == "piece" else 6.0
        frame = svg_rect(x + 1, y - 13, atom.width - 2, 16, 4, f'fill="none" stroke="{ink}" opacity="0.35"{dashes}')
        style = f'fill="{ink}" font-size="{num(SMALL)}" opacity="0.85"'
        return frame + svg_text(atom.text, x + 1 + room, y - 1.2, atom.width - 2 - 2 * room, style)

    # --------------------------------------------------------------------------------------------------------- legend

    def _legend(self, top: float) -> float:
        """What the colours mean, in as many lines as it needs; returns its lower edge."""
        shares = self.shares
        items: list[list[tuple[str, str]]] = []
        if shares.position is not None and shares.values is not None:
            full = format_share(shares.full)
            ends = (f"against {format_share(-shares.full)}", f"{full} for") if shares.signed else ("0%", full)
            items = [
                [("share of the attribution of", "plain"), (shares.explained(), "bold")],
                [(ends[0], "plain"), ("", "ramp"), (ends[1], "plain")],
                [(f"scale: {'all tokens' if shares.fixed else 'this token'}", "plain")],
            ]
        items.append([(" · ".join(shares.facts()), "plain")])
        items.append([(shares.made_by, "plain")])
        x, y, right = MARGIN, top + 12, self.width - MARGIN
        for item in items:
            widths = [_RAMP if kind == "ramp" else _legend_width(text, kind) for text, kind in item]
            length = sum(widths) + _GAP * (len(item) - 1)
            if not any(widths):
                continue
            if x > MARGIN and x + length > right:
                x, y = MARGIN, y + 19
            for (text, kind), width in zip(item, widths, strict=True):
                self.parts.append(self._ramp(x, y) if kind == "ramp" else self._legend_text(text, kind, x, y, width))
                x += width + _GAP
            x += 9
        return y + 4

    def _legend_text(self, text: str, kind: str, x: float, y: float, width: float) -> str:
        style = f'fill="{self.ink}" font-weight="bold"' if kind == "bold" else f'fill="{self.colors.soft}"'
        # What is longer than a line is squeezed into it.
        return svg_text(text, x, y, min(width, self.width - MARGIN - x), f'{style} font-size="{_LEGEND}"')

    def _ramp(self, x: float, y: float) -> str:
        colors = gradient(self.theme, signed=self.shares.signed)
        stops = "".join(
            f'<stop offset="{num(100 * i / (len(colors) - 1))}%" stop-color="{color}"/>'
            for i, color in enumerate(colors)
        )
        name = f"ew-ramp-{self.theme}-{'signed' if self.shares.signed else 'plain'}"
        return f'<defs><linearGradient id="{name}">{stops}</linearGradient></defs>' + svg_rect(
            x, y - 8, _RAMP, 8, 4, f'fill="url(#{name})" stroke="{self.colors.line}" stroke-width="0.8"'
        )


def _legend_width(text: str, kind: str) -> float:
    return text_width(text, _LEGEND, bold=kind == "bold")
