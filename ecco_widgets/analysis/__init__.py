"""Pure functions: a trace or arrays in, frozen dataclasses of arrays out. No display, no threads, no globals.

Others may use what ``__all__`` lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecco_widgets._lazy import lazy_names

if TYPE_CHECKING:
    from ecco_widgets.analysis.attribution import Attribution, attribute
    from ecco_widgets.analysis.factor_matching import Identities, match_factors
    from ecco_widgets.analysis.factor_summary import FactorStatistics, factor_neurons, factor_statistics, top_neurons
    from ecco_widgets.analysis.factorization import Factors, factorize
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
        ActivationHeatmap,
        NeuronClusters,
        activation_heatmap,
        cluster_neurons,
    )
    from ecco_widgets.analysis.neuron_vocabulary import VocabularyEffect, vocabulary_effect

__all__ = [
    "ActivationHeatmap",
    "Attribution",
    "FactorStatistics",
    "Factors",
    "Identities",
    "Intervened",
    "LensStatistics",
    "NeuronClusters",
    "TopTokens",
    "VocabularyEffect",
    "Watched",
    "activation_heatmap",
    "attribute",
    "cluster_neurons",
    "factor_neurons",
    "factor_statistics",
    "factorize",
    "intervene",
    "lens_statistics",
    "match_factors",
    "method_named",
    "token_ranks",
    "top_neurons",
    "top_tokens",
    "vocabulary_effect",
    "watched",
    "watched_ranks",
]

_MODULES = {
    "attribution": ["Attribution", "attribute"],
    "factor_matching": ["Identities", "match_factors"],
    "factor_summary": ["FactorStatistics", "factor_neurons", "factor_statistics", "top_neurons"],
    "factorization": ["Factors", "factorize"],
    "interventions": ["Intervened", "intervene"],
    "lens": [
        "LensStatistics",
        "TopTokens",
        "Watched",
        "lens_statistics",
        "token_ranks",
        "top_tokens",
        "watched",
        "watched_ranks",
    ],
    "methods": ["method_named"],
    "neuron_clusters": ["ActivationHeatmap", "NeuronClusters", "activation_heatmap", "cluster_neurons"],
    "neuron_vocabulary": ["VocabularyEffect", "vocabulary_effect"],
}

__getattr__, __dir__ = lazy_names(
    __name__, {name: f"{__name__}.{module}" for module, names in _MODULES.items() for name in names}
)
