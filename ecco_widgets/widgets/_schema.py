"""What each widget's synced traits look like on the other side: the single source of the front end's TypeScript types.

Plain ``TypedDict`` classes, one per object that travels. ``python -m ecco_widgets.widgets.codegen`` writes them as
``js/src/generated/*.ts``; a stale file fails the tests. Neither torch nor ipywidgets is imported here.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

DType = Literal["float32", "float64", "int32", "uint8", "bool"]


class BinaryArray(TypedDict):
    """An array inside a trait: little endian, C order."""

    dtype: DType
    shape: list[int]
    data: Annotated[object, "the bytes, as the host hands them over: DataView, ArrayBuffer or Uint8Array"]


class Tokens(TypedDict):
    """The tokens of a run."""

    run: Annotated[str, "which run it is; first part of the spec of its rows"]
    texts: Annotated[list[str], "decoded display text of each token, with its leading space or newline"]
    ids: Annotated[list[int], "vocabulary indices"]
    n_prompt: Annotated[int, "tokens from this index on were generated (or forced, as a given continuation)"]
    special: Annotated[list[int], "indices (into texts) of special tokens such as <|endoftext|>"]
    fragments: Annotated[
        list[tuple[int, int]],
        "[start, n]: n tokens that form characters only together; texts[start] has the text, the others are empty",
    ]
    first_position: Annotated[int, "smallest position that can be explained"]


class ModelCaption(TypedDict):
    """What a caption says about the model."""

    name: str
    layers: int
    vocabulary: int
    context: int


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


WIDGETS: dict[str, type] = {"attribution": AttributionTraits}
"""Generated file name -> the widget's synced traits."""
