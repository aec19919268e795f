"""The colours of the front end, for pictures drawn without it.

The source of truth is ``js/src/charts/palettes.ts`` (ramps) and ``js/src/styles/tokens.css`` (the rest); a test holds
this copy against both. Mixing is in Oklab, where equal steps look equal (Björn Ottosson, "A perceptual color space",
2020).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

Rgb = tuple[int, int, int]

LEVELS = 63
"""Levels on each side of zero; level 0 is no colour at all."""


@dataclass(frozen=True)
class Theme:
    """The colours of one theme.

    Attributes:
        page: Background, from which the ramps start.
        ink: Text.
        other_ink: Text on colours on which ``ink`` reads badly.
        positive: Stops of the ramp for positive shares.
        negative: Stops of the ramp for negative shares.
        soft: Text that is less important.
        line: Lines.
        accent: The chosen token.
        accent_soft: Its background.
        generated: Line under generated tokens.
        bar: Bars of positive shares.
        bar_negative: Bars of negative shares.
        chip: Cells without a colour of their own.
    """

    page: Rgb
    ink: Rgb
    other_ink: Rgb
    positive: tuple[Rgb, ...]
    negative: tuple[Rgb, ...]
    soft: str
    line: str
    accent: str
    accent_soft: str
    generated: str
    bar: str
    bar_negative: str
    chip: str


THEMES = {
    "light": Theme(
        page=(255, 255, 255),
        ink=(31, 35, 40),
        other_ink=(255, 255, 255),
        positive=((254, 237, 214), (253, 207, 153), (246, 163, 90), (226, 112, 38)),
        negative=((228, 239, 252), (180, 211, 245), (122, 175, 232), (88, 150, 222)),
        soft="#646d77",
        line="#e4e7eb",
        accent="#5b4bd6",
        accent_soft="#ecebfb",
        generated="#d9dde3",
        bar="#e1722a",
        bar_negative="#4a89d4",
        chip="#f4f6f8",
    ),
    "dark": Theme(
        page=(21, 24, 29),
        ink=(230, 233, 238),
        other_ink=(20, 16, 12),
        positive=((58, 42, 30), (108, 65, 28), (172, 95, 32), (247, 158, 76)),
        negative=((30, 44, 64), (34, 70, 116), (48, 108, 180), (118, 178, 250)),
        soft="#98a2ae",
        line="#2b313a",
        accent="#a79bff",
        accent_soft="#2a2748",
        generated="#3b434e",
        bar="#f29640",
        bar_negative="#64a5f2",
        chip="#222831",
    ),
}


def level_of(value: float, domain: float) -> int:
    """The level of a share: 0 for nothing (and NaN), ±1..LEVELS by its size relative to ``domain``.

    A faint share still gets level 1, so that it differs from none.

    Example:
        >>> level_of(0.1, 0.2), level_of(-1e-9, 0.2), level_of(float("nan"), 0.2)
        (32, -1, 0)
    """
    if not domain > 0 or math.isnan(value) or value == 0:
        return 0
    level = max(1, math.floor(min(1.0, abs(value) / domain) * LEVELS + 0.5))
    return -level if value < 0 else level


@cache
def colors_of(level: int, theme: str) -> tuple[str, str]:
    """Background and text colour of a level, as ``#rrggbb``; two empty strings at level 0.

    Example:
        >>> colors_of(63, "light")
        ('#e27026', '#1f2328')
    """
    if level == 0:
        return "", ""
    palette = THEMES[theme]
    stops = (palette.page, *(palette.negative if level < 0 else palette.positive))
    color = along(stops, abs(level) / LEVELS)
    readable = contrast(color, palette.ink) >= min(4.5, contrast(color, palette.other_ink))
    return hexadecimal(color), hexadecimal(palette.ink if readable else palette.other_ink)


def gradient(theme: str, *, signed: bool) -> list[str]:
    """Equally spaced colours of the whole ramp, for legends."""
    palette = THEMES[theme]
    positive = [palette.page, *palette.positive]
    stops = [*reversed(palette.negative), *positive] if signed else positive
    return [hexadecimal(stop) for stop in stops]


def hexadecimal(color: Rgb) -> str:
    """``#rrggbb``."""
    return "#{:02x}{:02x}{:02x}".format(*color)


def along(stops: Sequence[Rgb], t: float) -> Rgb:
    """The colour at ``t`` (0 to 1) of a ramp through equally spaced stops."""
    last = len(stops) - 1
    x = min(1.0, max(0.0, t)) * last
    i = min(last - 1, math.floor(x))
    return _mix(stops[i], stops[i + 1], x - i)


def _mix(start: Rgb, end: Rgb, t: float) -> Rgb:
    return _from_oklab([a + (b - a) * t for a, b in zip(_to_oklab(start), _to_oklab(end), strict=True)])


def _to_linear(component: int) -> float:
    x = component / 255
    return x / 12.92 if x <= 0.04045 else float(((x + 0.055) / 1.055) ** 2.4)


def _from_linear(x: float) -> int:
    component = 12.92 * x if x <= 0.0031308 else 1.055 * x ** (1 / 2.4) - 0.055
    return math.floor(255 * min(1.0, max(0.0, component)) + 0.5)


def _to_oklab(color: Rgb) -> list[float]:
    r, g, b = (_to_linear(component) for component in color)
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    medium = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return [
        0.2104542553 * long + 0.793617785 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.428592205 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.808675766 * short,
    ]


def _from_oklab(color: Sequence[float]) -> Rgb:
    lightness, a, b = color
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3
    return (
        _from_linear(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short),
        _from_linear(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short),
        _from_linear(-0.0041960863 * long - 0.7034186147 * medium + 1.707614701 * short),
    )


def contrast(first: Rgb, second: Rgb) -> float:
    """Contrast ratio (WCAG 2): 1 to 21."""
    darker, lighter = sorted(_luminance(color) for color in (first, second))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: Rgb) -> float:
    red, green, blue = (_to_linear(component) for component in color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
