"""Pure functions: a trace or arrays in, frozen dataclasses of arrays out. No display, no threads, no globals.

Others may use what ``__all__`` lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecco_widgets._lazy import lazy_names

if TYPE_CHECKING:
    from ecco_widgets.analysis.attribution import Attribution, attribute
    from ecco_widgets.analysis.lens import (
        LensStatistics,
        TopTokens,
        Watched,
        lens_statistics,
        token_ranks,
        top_tokens,
        watched,
        watched_ranks,
    )
    from ecco_widgets.analysis.methods import method_named

__all__ = [
    "Attribution",
    "LensStatistics",
    "TopTokens",
    "Watched",
    "attribute",
    "lens_statistics",
    "method_named",
    "token_ranks",
    "top_tokens",
    "watched",
    "watched_ranks",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Attribution": "ecco_widgets.analysis.attribution",
        "attribute": "ecco_widgets.analysis.attribution",
        "method_named": "ecco_widgets.analysis.methods",
        **dict.fromkeys(
            [
                "LensStatistics",
                "TopTokens",
                "Watched",
                "lens_statistics",
                "token_ranks",
                "top_tokens",
                "watched",
                "watched_ranks",
            ],
            "ecco_widgets.analysis.lens",
        ),
    },
)
