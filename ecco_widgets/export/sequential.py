"""Colours and scales of cells with a number in them, as the front end has them.

The source of truth is ``js/src/charts/sequential.ts`` (ramps), ``js/src/charts/intervals.ts`` (scales) and
``js/src/styles/tokens.css`` (colours of series); a test holds this copy against them.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecco_widgets.export.palettes import Rgb, along, contrast, hexadecimal

STEPS = 128
"""Steps of a ramp; more than an eye tells apart."""
WORST_RANK = 10_000
"""Ranks beyond this are equally hopeless."""

DARK_INK: Rgb = (13, 12, 20)
LIGHT_INK: Rgb = (255, 255, 255)
STOPS: dict[str, dict[str, tuple[Rgb, ...]]] = {
    "light": {
        "violet": ((246, 245, 252), (222, 214, 242), (182, 162, 224), (133, 103, 196), (84, 52, 148)),
        "amber": ((252, 246, 236), (252, 222, 182), (243, 178, 112), (211, 117, 44), (143, 67, 16)),
        "teal": ((240, 247, 247), (196, 228, 227), (128, 192, 194), (58, 138, 146), (20, 84, 95)),
        "moss": ((248, 249, 246), (222, 230, 214), (170, 192, 154), (104, 136, 90), (46, 74, 40)),
    },
    "dark": {
        "violet": ((32, 28, 48), (66, 44, 112), (118, 73, 170), (176, 123, 222), (228, 194, 252)),
        "amber": ((40, 32, 25), (84, 54, 27), (148, 87, 32), (214, 137, 60), (254, 208, 145)),
        "teal": ((24, 37, 41), (25, 70, 77), (36, 112, 119), (82, 168, 171), (178, 230, 226)),
        "moss": ((27, 31, 30), (45, 62, 44), (80, 114, 74), (138, 180, 122), (214, 240, 196)),
    },
}
SERIES = {
    "light": ("#3f74b5", "#d97a16", "#3f9142", "#c2428c", "#c8403a", "#2a9d97", "#8a6d3b", "#6f5fd0"),
    "dark": ("#6ea8ec", "#f2a04b", "#72c274", "#ec86bd", "#f07f78", "#5fcfc6", "#cbaa6d", "#a79bff"),
}
"""Colours of things that are told apart: watched tokens, factors."""


def series_color(index: int, theme: str) -> str:
    """The colour of a series; after the last one they come again."""
    colors = SERIES[theme]
    return colors[index % len(colors)]


@cache
def cell_colors(ramp: str, strength: float, theme: str) -> tuple[str, str]:
    """Background and text colour of a cell; two empty strings for NaN.

    Args:
        ramp: "violet", "amber", "teal" or "moss".
        strength: 0 is weak, 1 is strong; beyond is cut off.
        theme: "light" or "dark".

    Example:
        >>> cell_colors("violet", 1.0, "light")
        ('#543494', '#ffffff')
    """
    if math.isnan(strength):
        return "", ""
    step = math.floor(min(1.0, max(0.0, strength)) * (STEPS - 1) + 0.5)
    color = along(STOPS[theme][ramp], step / (STEPS - 1))
    dark = contrast(color, DARK_INK) >= contrast(color, LIGHT_INK)
    return hexadecimal(color), hexadecimal(DARK_INK if dark else LIGHT_INK)


def worst_rank(vocabulary: int) -> int:
    """Where the scale of ranks ends: at the vocabulary's size, or at ``WORST_RANK``."""
    return max(2, min(WORST_RANK, vocabulary))


def rank_strengths(ranks: NDArray[Any], worst: int) -> NDArray[np.float64]:
    """1 for rank 1, 0 for ``worst``; equal ratios of ranks are equal steps.

    Example:
        >>> rank_strengths(np.array([1, 10, 100]), 100).tolist()
        [1.0, 0.5, 0.0]
    """
    strengths: NDArray[np.float64] = 1 - np.log(ranks) / math.log(worst)
    return strengths


def nice_ceiling(value: float) -> float:
    """The smallest "round" number (1, 2, 5 times a power of ten) that is not smaller.

    Example:
        >>> nice_ceiling(3.2), nice_ceiling(0.11)
        (5.0, 0.2)
    """
    if not value > 0 or not math.isfinite(value):
        return 1.0
    unit = 10.0 ** math.floor(math.log10(value))
    factor = next((factor for factor in (1, 2, 5, 10) if factor * unit >= value * (1 - 1e-9)), 10)
    return float(f"{factor * unit:.0e}")


def ticks_to(end: float, count: int) -> list[float]:
    """Round values from 0 to ``end``, at most ``count`` + 1 of them."""
    if not end > 0 or not math.isfinite(end):
        return [0.0]
    step = nice_ceiling(end / count)
    return [round(i * step, 9) for i in range(math.floor(end / step + 1e-9) + 1)]
