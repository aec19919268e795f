"""The synced traits of the widgets of neurons and factors; see ``_schema.py``."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from ecco_widgets.widgets._schema_shared import BinaryArray, ModelCaption, Tokens


class Span(TypedDict):
    """One text of a batch in the shown sequence."""

    start: int
    stop: Annotated[int, "the first index after it"]


class FactorMethod(TypedDict):
    """A way to decompose activations."""

    name: Literal["nmf", "pca", "ica"]
    label: str
    note: Annotated[str, "what to know before reading its factors"]
    unavailable: Annotated[str, "empty, or the reason why it can't be used here"]
    signed: Annotated[bool, "loadings may be below zero"]
    seeded: Annotated[bool, "the seed makes a difference"]


class FactorBounds(TypedDict):
    """What can be chosen."""

    most: Annotated[int, "largest n_components: 50, or the number of states where that is smaller"]
    layers: Annotated[int, "L layers, 0 first"]
    widths: Annotated[list[int], "neurons of each of the L layers"]
    texts: Annotated[list[Span], "the texts of a batch, one for a single run; they cover all tokens"]
    methods: list[FactorMethod]
    shifted: Annotated[bool, "a generated token shows the state that produced it, that of the token before it"]
    stack: Annotated[Literal["only", "decoder", "encoder"], "whose neurons; only: the model has one stack"]
    ablation: Annotated[str, "empty, or the reason why neurons can't be changed here"]


class Factors(TypedDict):
    """Factors of the neurons' activations. An empty object: nothing was computed yet.

    Rows keep their order from picture to picture; factors that are new come last.
    """

    spec: Annotated[str, "run|method|n_components|layers|seed|normalize, layers joined by commas or all, 1 or 0 last"]
    ids: Annotated[list[int], "K identities; a factor's colour is hue id % 10 of charts/categorical"]
    fresh: Annotated[list[int], "identities that the last finished picture did not have; empty for the first"]
    loadings: Annotated[BinaryArray, "float32 (K, T), a column for each of _tokens; NaN where there is no state"]
    peak: Annotated[BinaryArray, "float32 (K,), largest absolute loading of each; 0 for a factor that is zero"]
    explained: Annotated[BinaryArray, "float32 (K,), share of the squared activations; (0,) while not done"]
    n_neurons: Annotated[BinaryArray, "int32 (K,), neurons with a loading that is not zero; (0,) while not done"]
    error: Annotated[float, "relative error of the reconstruction, 0 to 1"]
    iterations: int
    done: Annotated[bool, "false: a better picture follows"]
    stopped: Annotated[bool, "it was cancelled before it had converged"]
    method: Literal["nmf", "pca", "ica"]
    signed: Annotated[bool, "loadings may be below zero"]
    layers: Annotated[list[int], "the layers it was made from, ascending"]
    total_neurons: Annotated[int, "of these layers"]


class SharedNeurons(TypedDict):
    """How many neurons two factors have in common."""

    id: Annotated[int, "the other factor"]
    n: int


class FactorNeuron(TypedDict):
    """A neuron of a factor."""

    layer: int
    index: Annotated[int, "in its layer"]
    loading: float


class ScoredToken(TypedDict):
    """An entry of the vocabulary that is promoted or suppressed."""

    id: int
    text: Annotated[str, "as it reads in a text, with its leading space"]
    score: Annotated[float, "change of its logit, up to a common factor; below zero it is suppressed"]


class FactorCard(TypedDict):
    """Statistics of one factor. An empty object: no card is open."""

    spec: Annotated[str, "of the factors it belongs to"]
    id: int
    n_neurons: Annotated[int, "neurons with a loading that is not zero"]
    share: Annotated[float, "of all neurons of the chosen layers"]
    explained: Annotated[float, "share of the squared activations"]
    layers: Annotated[list[int], "the layers the factors were made from"]
    by_layer: Annotated[list[int], "how many of its neurons are in each of these layers"]
    shared: Annotated[list[SharedNeurons], "with each of the other factors, most first"]
    top_neurons: Annotated[list[FactorNeuron], "at most 10, strongest first"]
    top_tokens: Annotated[list[int], "at most 10 positions in _tokens, strongest first"]
    promotes: Annotated[list[ScoredToken], "at most 10, most first; empty where the model has no vocabulary to predict"]
    suppresses: Annotated[list[ScoredToken], "at most 10, most first"]
    no_vocabulary: Annotated[str, "empty, or the reason why there is nothing promoted"]


class TextTokens(TypedDict):
    """Tokens of a run."""

    texts: list[str]
    ids: list[int]


class LogProbabilityChange(TypedDict):
    """Log-probability of the token that stands at a position, given the original text before it, in nats."""

    position: int
    before: float
    after: Annotated[float, "with the neurons changed"]
    random_mean: Annotated[float | None, "with as many random neurons of the same layers changed: mean over draws"]
    random_spread: Annotated[float | None, "standard deviation over the draws"]


class TokenProbability(TypedDict):
    """A token and its probability."""

    text: str
    p: float


class Ablation(TypedDict):
    """What the model does with some neurons changed."""

    spec: Annotated[str, "of the factors, or run|layer|index for a neuron"]
    id: Annotated[int | None, "the factor, null for a neuron"]
    layer: Annotated[int | None, "the neuron's, null for a factor"]
    index: Annotated[int | None, "the neuron's, null for a factor"]
    action: Literal["zero", "mean", "scale", "set"]
    value: float | None
    top: Annotated[int | None, "how many of the factor's neurons were asked for, null: all"]
    n_neurons: Annotated[int, "how many were changed"]
    n_random: Annotated[int, "draws of as many random neurons"]
    random_overlap: Annotated[float, "share of them that are the changed ones, where a layer has not enough others"]
    text: Annotated[int, "which text of a batch, else 0"]
    n_prompt: Annotated[int, "tokens from this index on were generated"]
    before: Annotated[TextTokens, "the whole run as it was"]
    after: Annotated[TextTokens | None, "generated again; null where the model continues no text"]
    first_changed: Annotated[int | None, "first index at which both differ, null if they don't"]
    log_p: list[LogProbabilityChange]
    position: Annotated[int, "whose best tokens these are"]
    top_before: Annotated[list[TokenProbability], "at most 5"]
    top_after: Annotated[list[TokenProbability], "at most 5"]


class FactorsTraits(TypedDict):
    """The synced traits of ``FactorsWidget``."""

    _tokens: Annotated[Tokens, "of all texts one after the other; a batch has a segment for each text"]
    _model: ModelCaption
    _bounds: FactorBounds
    _factors: Factors
    _card: FactorCard
    n_components: Annotated[int, "1 to _bounds.most"]
    layers: Annotated[list[int] | None, "any of the layers, ascending; null is all"]
    method: Literal["nmf", "pca", "ica"]
    seed: Annotated[int, "0 to 2^31 - 1"]
    normalize: Annotated[bool, "every token counts the same, however strong its activations"]
    pinned: Annotated[list[int], "identities of factors; the strongest of them colours a token"]
    focus: Annotated[int | None, "identity of the factor that is shown alone"]
    card: Annotated[int | None, "identity of the factor whose card is open"]
    marked: Annotated[int | None, "the position that is pointed at in this or another widget of the run"]


class Histogram(TypedDict):
    """How often which values occur."""

    edges: Annotated[BinaryArray, "float32 (B + 1,)"]
    counts: Annotated[BinaryArray, "int32 (B,)"]


class NeuronBounds(TypedDict):
    """What can be chosen."""

    layers: Annotated[int, "L layers, 0 first"]
    widths: Annotated[list[int], "neurons of each of the L layers"]
    most_clusters: Annotated[int, "largest n_clusters: 20, or the number of neurons where that is smaller"]
    most_shown: Annotated[int, "largest n_shown: 400"]
    shifted: Annotated[bool, "a generated token shows the state that produced it, that of the token before it"]
    stack: Annotated[Literal["only", "decoder", "encoder"], "whose neurons; only: the model has one stack"]
    ablation: Annotated[str, "empty, or the reason why neurons can't be changed here"]


class NeuronMap(TypedDict):
    """Activations of the most active neurons of a layer. An empty object: nothing was computed yet."""

    spec: Annotated[str, "run|layer|n_clusters|order|n_shown"]
    layer: int
    neurons: Annotated[BinaryArray, "int32 (M,), indices in the layer, in the order shown"]
    cluster: Annotated[BinaryArray, "int32 (M,), 0 first"]
    values: Annotated[BinaryArray, "float32 (M, T), a column for each of _tokens; NaN where there is no state"]
    silhouette: Annotated[float | None, "mean over neurons, -1 to 1; null with a single cluster"]
    total: Annotated[int, "neurons of the layer"]
    histogram: Annotated[Histogram, "of all activations of the layer"]


class NeuronDetail(TypedDict):
    """One neuron. An empty object: none is selected."""

    spec: Annotated[str, "run|layer|index"]
    layer: int
    index: int
    values: Annotated[BinaryArray, "float32 (T,), a column for each of _tokens; NaN where there is no state"]
    top_tokens: Annotated[list[int], "at most 10 positions in _tokens, largest activation first"]
    histogram: Annotated[Histogram, "of its activations"]
    promotes: Annotated[list[ScoredToken], "at most 10, most first; empty where the model has no vocabulary to predict"]
    suppresses: Annotated[list[ScoredToken], "at most 10, most first"]
    no_vocabulary: Annotated[str, "empty, or the reason why there is nothing promoted"]


class NeuronsTraits(TypedDict):
    """The synced traits of ``NeuronsWidget``."""

    _tokens: Tokens
    _model: ModelCaption
    _bounds: NeuronBounds
    _map: NeuronMap
    _neuron: NeuronDetail
    layer: Annotated[int, "0 to _bounds.layers - 1"]
    n_clusters: Annotated[int, "1 to _bounds.most_clusters"]
    order: Literal["cluster", "activity", "index"]
    n_shown: Annotated[int, "the most active so many: 10 to _bounds.most_shown; a narrower layer is shown whole"]
    selected: Annotated[int | None, "index in the layer of the neuron that is open; it need not be among those shown"]
    marked: Annotated[int | None, "the position that is pointed at in this or another widget of the run"]


class InterventionAnswer(TypedDict):
    """Data of the answer to ``ablate`` and ``intervene``."""

    ablation: Ablation
