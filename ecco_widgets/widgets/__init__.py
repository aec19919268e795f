"""The widgets: which traits each has, what a change asks of ``live``, and how the result becomes messages and traits.

Others may use what ``__all__`` lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecco_widgets._lazy import lazy_names

if TYPE_CHECKING:
    from ecco_widgets.widgets.attribution import AttributionWidget
    from ecco_widgets.widgets.layer_predictions import LayerPredictionsWidget
    from ecco_widgets.widgets.rankings import RankingsWidget
    from ecco_widgets.widgets.rankings_watch import RankingsWatchWidget

__all__ = ["AttributionWidget", "LayerPredictionsWidget", "RankingsWatchWidget", "RankingsWidget"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "AttributionWidget": "ecco_widgets.widgets.attribution",
        "LayerPredictionsWidget": "ecco_widgets.widgets.layer_predictions",
        "RankingsWatchWidget": "ecco_widgets.widgets.rankings_watch",
        "RankingsWidget": "ecco_widgets.widgets.rankings",
    },
)
