"""What the synced traits of several widgets are made of; see ``_schema.py``."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

DType = Literal["float32", "float64", "int32", "uint8", "bool"]


class BinaryArray(TypedDict):
    """An array inside a trait: little endian, C order."""

    dtype: DType
    shape: list[int]
    data: Annotated[object, "the bytes, as the host hands them over: DataView, ArrayBuffer or Uint8Array"]


class Segment(TypedDict):
    """A part of the shown sequence."""

    name: Literal["text", "source", "output", "classes"]
    start: int
    stop: Annotated[int, "the first index after it"]


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
    kind: Annotated[Literal["causal", "masked", "seq2seq", "classification"], "what the model predicts"]
    n_source: Annotated[int, "the first n_source tokens are read by the encoder that a decoder listens to, else 0"]
    segments: Annotated[list[Segment], "parts of the sequence that are shown apart, in order; they cover all tokens"]
    explainable: Annotated[list[int], "positions that can be explained, ascending"]


class ModelCaption(TypedDict):
    """What a caption says about the model."""

    name: str
    layers: int
    vocabulary: int
    context: int
