"""Rows to draw: harmless ones, and texts that try to break out of what they are written into."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ecco_widgets.export import TokenShares

ATTACKS = [
    "</script><script>alert(1)",
    "<img src=x onerror=alert(1)>",
    "\"'><b onmouseover='alert(1)'>",
    "]]></title><!-- &lt;&amp; {{x}} ${x}",
    "</style><style>*{display:none}",
    "\u2028\u2029",
    "\x00\x0b\x1b[31m\x7f",
    "\ud83d",
    "\ufffe\uffff",
    "\u202eabc\u202c\u200b",
    "🎉👩‍🚀",
    "مرحبا",
    " \n\n\t \r\n",
    "a" * 500,
    "東京" * 60,
]
COUNTRIES = ["The", " countries", " are", ":", "\n", "1", ".", " Austria", "\n", "2", ".", " Belgium", "\n", "3"]


def shares_of(texts: Sequence[str], position: int | None = None, *, signed: bool = False, **fields: Any) -> TokenShares:
    """A row of random shares that add up to 1."""
    position = len(texts) - 1 if position is None else position
    random = np.random.default_rng(len(texts))
    values = random.gamma(0.5, size=len(texts)) * (np.where(random.random(len(texts)) < 0.4, -1, 1) if signed else 1)
    values[position:] = np.nan
    values /= np.nansum(np.abs(values))
    given = {"ids": list(range(len(texts))), "probability": 0.71, "rank": 3, "made_by": "Gradient × Input · demo"}
    return TokenShares(
        texts, max(position, 0), position=position, values=values.astype(np.float32), signed=signed, **given | fields
    )
