"""What each widget's synced traits look like on the other side: the single source of the front end's TypeScript types.

Plain ``TypedDict`` classes, one per object that travels. ``python -m ecco_widgets.widgets.codegen`` writes them as
``js/src/generated/*.ts``; a stale file fails the tests. Neither torch nor ipywidgets is imported here.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from ecco_widgets.widgets._schema_factors import FactorsTraits, InterventionAnswer, NeuronsTraits
from ecco_widgets.widgets._schema_shared import BinaryArray, ModelCaption, Tokens


class MethodOption(TypedDict):
    """An attribution method in the menu."""

    name: str
    label: str
    note: str
    unavailable: Annotated[str, "empty, or the reason why the method is not defined for this model"]


class TargetOption(TypedDict):
    """A scalar of the logits that can be explained."""

    name: str
    label: str
    note: str


class AggregationOption(TypedDict):
    """A way from a vector per token to a number per token."""

    name: str
    label: str
    note: str
    signed: bool


class AttributionOptions(TypedDict):
    """The menus of the attribution widget."""

    methods: list[MethodOption]
    targets: list[TargetOption]
    aggregations: list[AggregationOption]


class AttributionRows(TypedDict):
    """Rows worth restoring: saved notebook, exported page, page reload."""

    spec: Annotated[str, "run|method|target|foil|aggregation, see AttributionTraits"]
    positions: Annotated[list[int], "R positions, one per row"]
    values: Annotated[BinaryArray, "float32 (R, T), absolute values of a row sum to 1, NaN from the position on"]
    probability: Annotated[BinaryArray, "float (R,), of the actual token under the model"]
    rank: Annotated[BinaryArray, "int32 (R,), of the actual token under the model, 1 is best"]
    target_value: Annotated[BinaryArray, "float (R,), value of the explained scalar"]
    gap: Annotated[BinaryArray, "float (R,), relative completeness gap, NaN where the method has none"]
    foils: Annotated[list[str], "R texts of the token each output was contrasted with, empty for other targets"]


class AttributionTraits(TypedDict):
    """The synced traits of ``AttributionWidget``.

    Rows are addressed by a spec key, computed identically on both sides:
    ``run + "|" + method + "|" + target + "|" + (foil if target is contrast else "") + "|" + aggregation``.
    """

    _tokens: Tokens
    _model: ModelCaption
    _options: AttributionOptions
    _rows: AttributionRows
    position: Annotated[int | None, "the explained token; its prediction was made at position - 1"]
    pinned: Annotated[bool, "hover does not change the position while pinned"]
    attr_method: str
    target: Literal["logit", "probability", "log_probability", "contrast", "entropy"]
    foil: Annotated[str | None, "text of exactly one token, used when target is contrast; null is the best other token"]
    aggregation: Literal["l2", "l1", "sum", "max"]
    view_style: Annotated[Literal["minimal", "detailed"], "colour behind the tokens; or also a bar and a percentage"]
    scale: Annotated[Literal["row", "fixed"], "colour domain: this row's maximum, or the maximum over all rows"]
    marked: Annotated[int | None, "the position that is pointed at in this or another widget of the run"]


class TokenChoice(TypedDict):
    """An entry of the vocabulary."""

    id: int
    text: Annotated[str, "as it reads in a text, with its leading space"]


class LensSite(TypedDict):
    """A place of the residual stream that the lens can read."""

    name: Literal["block", "attention_out", "ffn_out"]
    label: str
    note: str
    unavailable: Annotated[str, "empty, or the reason why this model has no such place"]


class LensOptions(TypedDict):
    """What the lens can do with this model."""

    sites: list[LensSite]
    has_final_norm: Annotated[bool, "false: final_norm makes no difference, don't show the control"]
    n_layers: Annotated[int, "L"]
    layer_names: Annotated[list[str], "L names, layer 0 first"]
    most_top: Annotated[int, "largest topk: 50, or the vocabulary where that is smaller"]
    next_position: Annotated[int | None, "the position of the token that would come next, null where there is none"]


class TopTokens(TypedDict):
    """The best tokens of each layer at one position. An empty object: nothing was computed yet."""

    spec: Annotated[str, "run|position|topk|final_norm|site, final_norm as 1 or 0"]
    position: int
    ids: Annotated[BinaryArray, "int32 (L, k), best first"]
    probabilities: Annotated[BinaryArray, "float32 (L, k)"]
    texts: Annotated[list[list[str]], "L lists of k texts"]
    actual: Annotated[TokenChoice | None, "the token that stands there, null for the next one"]
    actual_ranks: Annotated[BinaryArray, "int32 (L,), 1 is best; (0,) where there is no actual token"]
    actual_probabilities: Annotated[BinaryArray, "float32 (L,); (0,) where there is no actual token"]


class RankingsGrid(TypedDict):
    """How each layer's prediction of each position compares with what stands there and with the last layer's.

    An empty object: nothing was computed yet.
    """

    spec: Annotated[str, "run|scope|final_norm|site, final_norm as 1 or 0"]
    positions: Annotated[list[int], "P positions, ascending"]
    rank: Annotated[BinaryArray, "int32 (L, P), of the token that stands there, 1 is best"]
    log_probability: Annotated[BinaryArray, "float32 (L, P), of that token, in nats"]
    entropy: Annotated[BinaryArray, "float32 (L, P), of the layer's prediction, in nats"]
    kl: Annotated[BinaryArray, "float32 (L, P), of the final prediction from the layer's, in nats"]
    top_ids: Annotated[BinaryArray, "int32 (L, P, 5), best first; fewer than 5 where the vocabulary is smaller"]
    top_probabilities: Annotated[BinaryArray, "float32 (L, P, 5)"]
    texts: Annotated[dict[str, str], "text of each id that occurs in top_ids"]


class WatchedRanks(TypedDict):
    """How each layer ranks the watched tokens at one position. An empty object: nothing was computed yet."""

    spec: Annotated[str, "run|position|final_norm|site|ids, final_norm as 1 or 0, ids joined by commas"]
    position: int
    ids: Annotated[list[int], "W watched tokens"]
    ranks: Annotated[BinaryArray, "int32 (L, W), 1 is best"]
    probabilities: Annotated[BinaryArray, "float32 (L, W)"]


class LayerPredictionsTraits(TypedDict):
    """The synced traits of ``LayerPredictionsWidget``."""

    _tokens: Tokens
    _model: ModelCaption
    _lens: LensOptions
    _top: TopTokens
    _kept: Annotated[list[TopTokens], "other positions' predictions, in exported pages; else empty"]
    _watched: Annotated[list[TokenChoice], "the tokens of watch"]
    position: Annotated[int | None, "the predicted position; _lens.next_position is the token that would come next"]
    marked: Annotated[int | None, "the position that is pointed at in this or another widget of the run"]
    topk: Annotated[int, "tokens of each layer, 1 to _lens.most_top"]
    final_norm: bool
    site: Literal["block", "attention_out", "ffn_out"]
    layers: Annotated[list[int] | None, "the layers that are shown, null is all"]
    layer_order: Annotated[Literal["top", "bottom"], "where layer 0 is"]
    watch: Annotated[list[int], "ids of the watched tokens"]


class RankingsTraits(TypedDict):
    """The synced traits of ``RankingsWidget``."""

    _tokens: Tokens
    _model: ModelCaption
    _lens: LensOptions
    _grid: RankingsGrid
    _top: TopTokens
    _kept: Annotated[list[TopTokens], "other positions' predictions, in exported pages; else empty"]
    _watched: Annotated[list[TokenChoice], "the tokens of watch"]
    measure: Literal["rank", "log_probability", "entropy", "kl"]
    scope: Annotated[Literal["generated", "all"], "which positions the grid has"]
    position: Annotated[int | None, "the position whose layer predictions are open, null for none"]
    marked: Annotated[int | None, "the position that is pointed at in this or another widget of the run"]
    topk: Annotated[int, "tokens of each layer in the opened predictions, 1 to _lens.most_top"]
    final_norm: bool
    site: Literal["block", "attention_out", "ffn_out"]
    layer_order: Annotated[Literal["top", "bottom"], "where layer 0 is"]
    watch: Annotated[list[int], "ids of the watched tokens"]


class RankingsWatchTraits(TypedDict):
    """The synced traits of ``RankingsWatchWidget``."""

    _tokens: Tokens
    _model: ModelCaption
    _lens: LensOptions
    _ranks: WatchedRanks
    _kept: Annotated[list[WatchedRanks], "other positions' ranks, in exported pages; else empty"]
    _watched: Annotated[list[TokenChoice], "the tokens of watch"]
    watch: Annotated[list[int], "ids of the watched tokens"]
    position: Annotated[int | None, "the predicted position; _lens.next_position is the token that would come next"]
    marked: Annotated[int | None, "the position that is pointed at in this or another widget of the run"]
    final_norm: bool
    site: Literal["block", "attention_out", "ffn_out"]
    view_style: Annotated[Literal["columns", "lines"], "the articles' figure, or a line for each token"]
    layer_order: Annotated[Literal["top", "bottom"], "where layer 0 is"]


class Completions(TypedDict):
    """The answer to ``complete``."""

    text: Annotated[str, "what was asked for, as it was sent"]
    tokens: Annotated[list[TokenChoice], "at most 12 entries of the vocabulary: those that begin with it come first"]
    exact: Annotated[TokenChoice | None, "the token that reads exactly so"]
    pieces: Annotated[list[str], "how the text tokenises, at most 16 pieces"]
    problem: Annotated[str, "empty, or why the text is not one token"]


class Contrasted(TypedDict):
    """The answer to ``contrast``."""

    contrasted: Annotated[int, "how many attribution widgets of the run now contrast with the token"]


WIDGETS: dict[str, type] = {
    "attribution": AttributionTraits,
    "layer_predictions": LayerPredictionsTraits,
    "rankings": RankingsTraits,
    "rankings_watch": RankingsWatchTraits,
    "factors": FactorsTraits,
    "neurons": NeuronsTraits,
}
"""Generated file name -> the widget's synced traits."""

ANSWERS: tuple[type, ...] = (Completions, Contrasted, InterventionAnswer)
"""Data of answers to operations that several widgets have."""
