"""What surrounds a figure: its title and a note above, what made it below."""

from __future__ import annotations

from ecco_widgets.export.drawing import MARGIN, svg_text
from ecco_widgets.export.figures import Caption
from ecco_widgets.export.glyphs import text_width
from ecco_widgets.export.palettes import THEMES, hexadecimal

_TITLE = 14.0
_NOTE = 11.5


class Frame:
    """Collects the parts of a picture, from the heading down.

    Args:
        caption: What is written.
        theme: "light" or "dark".
        width: Of the picture.
    """

    def __init__(self, caption: Caption, theme: str, width: float) -> None:
        self.caption = caption
        self.colors = THEMES[theme]
        self.ink = hexadecimal(self.colors.ink)
        self.room = width - 2 * MARGIN
        self.parts: list[str] = []

    def heading(self) -> float:
        """Draw title and note; returns where the figure may begin."""
        y = MARGIN + 11
        wide = min(self.room, text_width(self.caption.title, _TITLE, bold=True))
        style = f'font-size="{_TITLE:g}" font-weight="bold" fill="{self.ink}"'
        self.parts.append(svg_text(self.caption.title, MARGIN, y, wide, style))
        return self._lines(self.caption.note, y + 18) + 12

    def footing(self, top: float, more: str = "") -> float:
        """Draw what made the figure, from ``top`` down; returns the picture's height."""
        text = " · ".join(filter(None, [self.caption.made_by, more]))
        return self._lines(text, top + 14) + MARGIN - 2 if text else top + MARGIN - 4

    def _lines(self, text: str, y: float) -> float:
        """A small text in as many lines as it needs; returns the last one's baseline."""
        style = f'font-size="{_NOTE:g}" fill="{self.colors.soft}"'
        line = ""
        for word in text.split(" "):
            longer = f"{line} {word}" if line else word
            if line and text_width(longer, _NOTE) > self.room:
                self.parts.append(svg_text(line, MARGIN, y, text_width(line, _NOTE), style))
                line, y = word, y + 16
            else:
                line = longer
        # What is longer than a line is squeezed into it.
        self.parts.append(svg_text(line, MARGIN, y, min(self.room, text_width(line, _NOTE)), style))
        return y
