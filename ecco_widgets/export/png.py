"""Pictures as pixels: the SVG rasterised by resvg, without a browser."""

from __future__ import annotations

from functools import cache
from typing import Any

from ecco_widgets.errors import EccoError, InvalidInput

SCALES = (0.25, 8)

# What the generic family and the picture's own (see glyphs.FAMILY) come to on the three systems.
_SANS = "Arial"
_PROBE = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">{}</svg>'


class MissingExtra(EccoError, ImportError):
    """An optional dependency is not installed."""

    kind = "missing_extra"


class NoFonts(EccoError, RuntimeError):
    """The machine has no font to draw text with."""

    kind = "no_fonts"


def to_png(svg: str, *, scale: float = 2.0) -> bytes:
    """An SVG as PNG.

    Args:
        svg: What ``to_svg`` returns.
        scale: Pixels per unit of the SVG; 2 is sharp on most screens, 4 in print.

    Raises:
        MissingExtra: Without ``pip install "ecco-widgets[png]"``.
        NoFonts: If no font is installed; text would silently be missing.
        InvalidInput: For a scale out of range.
    """
    if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not SCALES[0] <= scale <= SCALES[1]:
        raise InvalidInput(f"scale must be a number in {SCALES[0]}..{SCALES[1]}, got {scale!r}.")
    render = _renderer()
    if not _has_fonts():
        raise NoFonts(
            "this machine has no font, so the picture would have no text.",
            hint="Install one (Debian, Ubuntu: apt-get install fonts-liberation), or save as .svg.",
        )
    return bytes(render(svg_string=svg, zoom=float(scale), sans_serif_family=_SANS))


def _renderer() -> Any:
    try:
        from resvg_py import svg_to_bytes
    except ImportError:
        raise MissingExtra(
            "PNG needs the package resvg-py, which is not installed.",
            hint='Run: pip install "ecco-widgets[png]". Or save as .svg, which needs nothing.',
        ) from None
    return svg_to_bytes


@cache
def _has_fonts() -> bool:
    render = _renderer()
    text = '<text x="2" y="16" font-family="Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif">M</text>'
    return bytes(render(svg_string=_PROBE.format(text))) != bytes(render(svg_string=_PROBE.format("")))
