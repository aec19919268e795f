"""Ten colours of things that are told apart (factors), each with a ramp from the page to it, as the front end has them.

The source of truth is ``js/src/charts/categorical.ts``; a test holds this copy against it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ecco_widgets.export.palettes import Rgb, along, contrast, hexadecimal

STEPS = 24
"""Steps from the page to a colour."""


@dataclass(frozen=True)
class Hues:
    """The colours of a theme.

    Attributes:
        page: Behind everything.
        ink: Of text.
        other_ink: Of text where ``ink`` could not be read.
        reach: How far a strong value goes from the page: the text on it has to be read.
        hues: The colours.
    """

    page: Rgb
    ink: Rgb
    other_ink: Rgb
    reach: float
    hues: tuple[Rgb, ...]


HUES = {
    "light": Hues(
        page=(255, 255, 255),
        ink=(31, 35, 40),
        other_ink=(255, 255, 255),
        reach=0.9,
        hues=(
            (63, 116, 181),
            (222, 125, 24),
            (63, 145, 66),
            (160, 92, 168),
            (205, 66, 62),
            (42, 157, 151),
            (146, 104, 72),
            (214, 88, 146),
            (140, 142, 28),
            (96, 108, 126),
        ),
    ),
    "dark": Hues(
        page=(21, 24, 29),
        ink=(230, 233, 238),
        other_ink=(13, 12, 20),
        reach=0.82,
        hues=(
            (110, 168, 236),
            (242, 160, 75),
            (114, 194, 116),
            (205, 150, 218),
            (240, 127, 120),
            (95, 207, 198),
            (206, 164, 132),
            (240, 146, 192),
            (204, 204, 92),
            (160, 172, 190),
        ),
    ),
}
N_HUES = len(HUES["light"].hues)
"""Distinct colours; further things take them again."""


def hue_color(number: int, theme: str) -> str:
    """The colour of a thing.

    Example:
        >>> hue_color(0, "light"), hue_color(10, "light")
        ('#3f74b5', '#3f74b5')
    """
    return hexadecimal(HUES[theme].hues[number % N_HUES])


def tinted(number: int, strength: float, theme: str) -> tuple[str, str]:
    """Background and text colour of what belongs to a thing with a strength of 0 to 1; two empty strings for nothing.

    Example:
        >>> tinted(0, 0.01, "light"), tinted(0, 1.0, "light")
        (('', ''), ('#5282bd', '#1f2328'))
    """
    colors = HUES[theme]
    if not strength >= 0.5 / STEPS:  # a tint that nobody can name
        return "", ""
    step = min(STEPS, max(1, math.floor(strength * STEPS + 0.5)))
    color = along((colors.page, colors.hues[number % N_HUES]), colors.reach * step / STEPS)
    readable = contrast(color, colors.ink) >= contrast(color, colors.other_ink)
    return hexadecimal(color), hexadecimal(colors.ink if readable else colors.other_ink)
