"""Pure functions: a trace or arrays in, frozen dataclasses of arrays out. No display, no threads, no globals.

Others may use what ``__all__`` lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecco_widgets._lazy import lazy_names

if TYPE_CHECKING:
    from ecco_widgets.analysis.attribution import Attribution, attribute
    from ecco_widgets.analysis.factor_statistics import (
        FactorStatistics,
        VocabularyEffect,
        factor_statistics,
        vocabulary_effect,
    )
    from ecco_widgets.analysis.interventions import Intervened, intervene
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
    from ecco_widgets.analysis.neuron_clusters import (
        NeuronActivations,
        NeuronClusters,
        cluster_neurons,
        neuron_activations,
    )

__all__ = [
    "Attribution",
    "FactorStatistics",
    "Intervened",
    "LensStatistics",
    "NeuronActivations",
    "NeuronClusters",
    "TopTokens",
    "VocabularyEffect",
    "Watched",
    "attribute",
    "cluster_neurons",
    "factor_statistics",
    "intervene",
    "lens_statistics",
    "method_named",
    "neuron_activations",
    "token_ranks",
    "top_tokens",
    "vocabulary_effect",
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
            ["FactorStatistics", "VocabularyEffect", "factor_statistics", "vocabulary_effect"],
            "ecco_widgets.analysis.factor_statistics",
        ),
        **dict.fromkeys(["Intervened", "intervene"], "ecco_widgets.analysis.interventions"),
        **dict.fromkeys(
            ["NeuronActivations", "NeuronClusters", "cluster_neurons", "neuron_activations"],
            "ecco_widgets.analysis.neuron_clusters",
        ),
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
