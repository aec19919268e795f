"""The widgets: which traits each has, what a change asks of ``live``, and how the result becomes messages and traits.

Others may use what ``__all__`` lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecco_widgets._lazy import lazy_names

if TYPE_CHECKING:
    from ecco_widgets.widgets.attribution import AttributionWidget
    from ecco_widgets.widgets.factors import FactorsWidget
    from ecco_widgets.widgets.layer_predictions import LayerPredictionsWidget
    from ecco_widgets.widgets.neurons import NeuronsWidget
    from ecco_widgets.widgets.nmf import NMF
    from ecco_widgets.widgets.rankings import RankingsWidget
    from ecco_widgets.widgets.rankings_watch import RankingsWatchWidget

__all__ = [
    "NMF",
    "AttributionWidget",
    "FactorsWidget",
    "LayerPredictionsWidget",
    "NeuronsWidget",
    "RankingsWatchWidget",
    "RankingsWidget",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "AttributionWidget": "ecco_widgets.widgets.attribution",
        "FactorsWidget": "ecco_widgets.widgets.factors",
        "LayerPredictionsWidget": "ecco_widgets.widgets.layer_predictions",
        "NMF": "ecco_widgets.widgets.nmf",
        "NeuronsWidget": "ecco_widgets.widgets.neurons",
        "RankingsWatchWidget": "ecco_widgets.widgets.rankings_watch",
        "RankingsWidget": "ecco_widgets.widgets.rankings",
    },
)
