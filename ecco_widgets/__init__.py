"""Live, bidirectional explorables for transformer language models, as Jupyter widgets.

Example:
    >>> import ecco_widgets as ecco
    >>> lm = ecco.load_demo()
    >>> out = lm.generate(" 1, 2, 3,", generate=4)
    >>> out.tokens[-4:]
    [' 4', ',', ' 5', ',']
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecco_widgets._lazy import lazy_names
from ecco_widgets._version import __version__
from ecco_widgets.errors import EccoError

if TYPE_CHECKING:
    from ecco_widgets import analysis, models, widgets
    from ecco_widgets.models import LanguageModel, Trace, from_model, from_pretrained, load_demo
    from ecco_widgets.widgets import (
        NMF,
        AttributionWidget,
        FactorsWidget,
        LayerPredictionsWidget,
        NeuronsWidget,
        RankingsWatchWidget,
        RankingsWidget,
    )

__all__ = [
    "NMF",
    "AttributionWidget",
    "EccoError",
    "FactorsWidget",
    "LanguageModel",
    "LayerPredictionsWidget",
    "NeuronsWidget",
    "RankingsWatchWidget",
    "RankingsWidget",
    "Trace",
    "__version__",
    "analysis",
    "from_model",
    "from_pretrained",
    "load_demo",
    "models",
    "widgets",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        **dict.fromkeys(
            [
                "AttributionWidget",
                "FactorsWidget",
                "LayerPredictionsWidget",
                "NMF",
                "NeuronsWidget",
                "RankingsWatchWidget",
                "RankingsWidget",
            ],
            "ecco_widgets.widgets",
        ),
        "LanguageModel": "ecco_widgets.models",
        "Trace": "ecco_widgets.models",
        "analysis": "ecco_widgets.analysis",
        "from_model": "ecco_widgets.models",
        "from_pretrained": "ecco_widgets.models",
        "load_demo": "ecco_widgets.models",
        "models": "ecco_widgets.models",
        "widgets": "ecco_widgets.widgets",
    },
)
