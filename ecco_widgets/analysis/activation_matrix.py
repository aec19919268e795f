"""Neuron activations of a trace, of several, or of arrays, as one matrix of tokens x neurons that the caller owns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecco_widgets.errors import InvalidInput, NonFinite
from ecco_widgets.models.seq2seq_trace import Seq2SeqTrace
from ecco_widgets.models.trace import Trace

Source: TypeAlias = "Trace | Sequence[Trace] | Tensor | NDArray[np.floating] | Sequence[Tensor | NDArray[np.floating]]"
"""A trace; several (a batch); an array (T, N) of one layer; or one array (T, N_l) for each layer."""
Stack = Literal["decoder", "encoder"]
Layers: TypeAlias = "int | Iterable[int] | None"


@dataclass(frozen=True)
class TextRows:
    """Which rows of the matrix belong to one text, and which row each of its tokens shows.

    Attributes:
        start: First row.
        stop: Where the next text begins.
        positions: P positions of the trace that have something to show, ascending.
        rows: The row each shows, counted from ``start``, (P,). A prompt token shows the state it made itself, a
            generated one the state that produced it, which is that of the token before it; so the last prompt token's
            row shows twice, as in Ecco, and the last token's row not at all.
    """

    start: int
    stop: int
    positions: NDArray[np.int64]
    rows: NDArray[np.int64]


@dataclass(frozen=True)
class ActivationMatrix:
    """Activations of T tokens and N neurons.

    Attributes:
        values: Shape (T, N), float32, a copy of its own, on the device of the first layer.
        layers: The layers in it, in numeric order.
        layer: Layer of each neuron, (N,).
        index: Index of each neuron in its layer, (N,).
        texts: Rows of each text, in order.
        positive_share: Squared positive activations over all squared activations; 1.0 where all are zero.
    """

    values: Tensor
    layers: tuple[int, ...]
    layer: NDArray[np.int32]
    index: NDArray[np.int32]
    texts: tuple[TextRows, ...]
    positive_share: float


def read_activations(
    source: Source,
    layers: Layers = None,
    *,
    stack: Stack = "decoder",
    from_layer: int | None = None,
    to_layer: int | None = None,
    rectify: bool = True,
) -> ActivationMatrix:
    """The activations of some layers side by side, and of several texts one below the other.

    Args:
        source: See ``Source``.
        layers: Layers, in any order; all by default.
        stack: Of a sequence-to-sequence model: its decoder's neurons or its encoder's.
        from_layer: Ecco's way to choose layers: the first one.
        to_layer: The one after the last.
        rectify: Whether negative activations become zero.

    Returns:
        The matrix. At its peak this takes one copy of the chosen activations beside the source.

    Raises:
        InvalidInput: If there is nothing to read, or a layer that is asked for does not exist.
        NonFinite: If an activation is NaN or infinite.
        UnsupportedModel: If the model has no such stack, or its neurons can't be found.

    Example:
        >>> read = read_activations([np.ones((3, 4)), np.ones((3, 5))], layers=1)
        >>> tuple(read.values.shape), read.layers
        ((3, 5), (1,))
    """
    traces = _traces(source)
    if traces is None:
        arrays = _layer_arrays(source)
        chosen = chosen_layers(range(len(arrays)), layers, from_layer, to_layer)
        parts = [[arrays[layer] for layer in chosen]]
        n_rows = len(arrays[0])
        texts = [TextRows(0, n_rows, np.arange(n_rows), np.arange(n_rows))]
    else:
        chosen = chosen_layers(range(_n_layers(traces, stack)), layers, from_layer, to_layer)
        parts = [_recorded(trace, chosen, stack) for trace in traces]
        texts = _text_rows(traces, [len(part[0]) for part in parts], stack)
    return _joined(parts, chosen, texts, rectify=rectify)


def chosen_layers(available: range, layers: Layers, from_layer: int | None, to_layer: int | None) -> list[int]:
    """The layers that are asked for, in numeric order and each once.

    Raises:
        InvalidInput: If the choice is empty, not of integers, or has layers that do not exist.

    Example:
        >>> chosen_layers(range(13), [12, 2, 10], None, None)
        [2, 10, 12]
        >>> chosen_layers(range(13), None, 3, 5)
        [3, 4]
    """
    exist = f"0..{available[-1]}" if len(available) > 1 else "only layer 0"
    if from_layer is not None or to_layer is not None:
        if layers is not None:
            raise InvalidInput("layers and from_layer/to_layer were both given.", hint="Give one of them.")
        return _ecco_range(available, 0 if from_layer is None else from_layer, to_layer)
    if layers is None:
        return list(available)
    try:
        asked: list[object] = list(layers) if isinstance(layers, Iterable) else [layers]
    except TypeError:  # an array without dimensions
        asked = [layers]
    for layer in asked:
        if isinstance(layer, bool) or not isinstance(layer, (int, np.integer)):
            raise InvalidInput(
                f"layers must be an integer or integers, got {layers!r}.", hint="For example layers=[0, 1, 5]."
            )
    if not asked:
        raise InvalidInput("layers is empty.", hint=f"Choose at least one; there is {exist}.")
    wanted = sorted({int(layer) for layer in asked if isinstance(layer, (int, np.integer))})
    missing = [layer for layer in wanted if layer not in available]
    if missing:
        raise InvalidInput(
            f"layer {', '.join(map(str, missing))} does not exist; there is {exist}.", hint="Layers count from 0."
        )
    return wanted


def _ecco_range(available: range, first: int, stop: int | None) -> list[int]:
    stop = len(available) if stop is None else stop
    for name, value in (("from_layer", first), ("to_layer", stop)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise InvalidInput(f"{name} must be an integer, got {value!r}.")
    if not 0 <= first < stop <= len(available):
        raise InvalidInput(
            f"from_layer={first}, to_layer={stop} is no range of layers: expected 0 <= from_layer < to_layer <= "
            f"{len(available)}.",
            hint="to_layer is the layer after the last one, as in range(from_layer, to_layer).",
        )
    return list(range(int(first), int(stop)))


def _traces(source: Source) -> list[Trace] | None:
    if isinstance(source, Trace):
        return [source]
    if isinstance(source, (Tensor, np.ndarray)) or not isinstance(source, Sequence):
        return None
    traces = [item for item in source if isinstance(item, Trace)]
    if traces and len(traces) < len(source):
        raise InvalidInput("expected traces or arrays, got both in one list.")
    return traces or None


def _layer_arrays(source: object) -> list[Tensor]:
    if isinstance(source, (Tensor, np.ndarray)):
        items: list[object] = [source] if source.ndim == 2 else list(source) if source.ndim == 3 else []
        if source.ndim not in {2, 3}:
            raise InvalidInput(
                f"activations must have shape (tokens, neurons), got {tuple(source.shape)}.",
                hint="For several layers pass a list of such arrays, or one of shape (layers, tokens, neurons).",
            )
    elif isinstance(source, (list, tuple)):
        items = list(source)
    else:
        raise InvalidInput(
            f"expected a trace, several, or arrays of activations, got {type(source).__name__}.",
            hint="Make a trace with lm.generate(...), lm.score(...) or lm(text).",
        )
    if not items:
        raise InvalidInput("there are no activations: the list of layers is empty.")
    arrays = [_array(item, layer) for layer, item in enumerate(items)]
    lengths = {len(array) for array in arrays}
    if len(lengths) > 1:
        raise InvalidInput(
            f"all layers must have the same tokens, got {', '.join(str(len(array)) for array in arrays)} tokens.",
        )
    return arrays


def _array(item: object, layer: int) -> Tensor:
    if isinstance(item, Tensor):
        array = item.detach()
    else:
        try:
            array = torch.from_numpy(np.asarray(item, dtype=None if isinstance(item, np.ndarray) else np.float32))
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"the activations of layer {layer} are no array of numbers: {error}.") from None
    if array.ndim != 2 or not array.numel():
        raise InvalidInput(
            f"the activations of layer {layer} must have shape (tokens, neurons) with at least one of each, got "
            f"{tuple(array.shape)}."
        )
    if array.is_complex() or array.dtype == torch.bool:
        raise InvalidInput(f"the activations of layer {layer} must be real numbers, got {array.dtype}.")
    return array


def _n_layers(traces: Sequence[Trace], stack: Stack) -> int:
    if stack not in {"decoder", "encoder"}:
        raise InvalidInput(f"stack must be 'decoder' or 'encoder', got {stack!r}.")
    models = {id(trace.lm) for trace in traces}
    if len(models) > 1:
        raise InvalidInput(f"all traces must be of one model, got traces of {len(models)}.")
    if stack == "encoder" and not all(isinstance(trace, Seq2SeqTrace) for trace in traces):
        raise InvalidInput(
            f"{traces[0].lm.name} has no encoder beside a decoder.",
            hint="Leave stack out: its one stack of layers is taken.",
        )
    lm = traces[0].lm
    return len((lm.encoder_neurons if stack == "encoder" else lm.neurons).widths)


def _recorded(trace: Trace, layers: Sequence[int], stack: Stack) -> list[Tensor]:
    if stack == "encoder" and isinstance(trace, Seq2SeqTrace):
        return trace.encoder_activations(layers)
    return trace.activations(layers)


def _text_rows(traces: Sequence[Trace], n_rows: Sequence[int], stack: Stack) -> list[TextRows]:
    texts = []
    start = 0
    for trace, n in zip(traces, n_rows, strict=True):
        first = trace.n_source if stack == "decoder" else 0
        positions, rows = np.arange(first, first + n), np.arange(n)
        if trace.kind in {"causal", "seq2seq"} and stack == "decoder":
            rows = np.where(positions >= trace.n_prompt, np.maximum(rows - 1, 0), rows)
        texts.append(TextRows(start, start + n, positions, rows))
        start += n
    return texts


def _joined(
    parts: Sequence[Sequence[Tensor]], layers: Sequence[int], texts: Sequence[TextRows], *, rectify: bool
) -> ActivationMatrix:
    widths = [part.shape[1] for part in parts[0]]
    values = torch.empty(texts[-1].stop, sum(widths), dtype=torch.float32, device=parts[0][0].device)
    total = positive = 0.0
    with torch.no_grad():
        for text, part in zip(texts, parts, strict=True):
            for layer, width, array, stop in zip(layers, widths, part, np.cumsum(widths).tolist(), strict=True):
                block = values[text.start : text.stop, stop - width : stop]
                block.copy_(array)
                squares = _squares(block)
                if not math.isfinite(squares):
                    raise _not_finite(block, layer, array)
                total += squares
                if rectify:
                    block.clamp_(min=0)
                    positive += _squares(block)
    return ActivationMatrix(
        values=values,
        layers=tuple(layers),
        layer=np.repeat(np.array(layers, dtype=np.int32), widths),
        index=np.concatenate([np.arange(width, dtype=np.int32) for width in widths]),
        texts=tuple(texts),
        positive_share=positive / total if rectify and total > 0 else 1.0,
    )


def _squares(block: Tensor) -> float:
    return float(torch.linalg.vector_norm(block, dim=1).double().square().sum())


def _not_finite(block: Tensor, layer: int, array: Tensor) -> NonFinite:
    bad = (~block.isfinite()).nonzero()
    hint = "Load the weights in float32 (dtype='float32'), or leave that layer out."
    if not len(bad):
        return NonFinite(f"the activations of layer {layer} are too large to be squared in float32.", hint=hint)
    token, neuron = (int(index) for index in bad[0])
    what = "too large for float32" if bool(array[token, neuron].isfinite()) else "NaN or infinite"
    return NonFinite(
        f"the activation of neuron {neuron} of layer {layer} at token {token} is {what} ({len(bad)} of "
        f"{block.numel()} are).",
        hint=hint,
    )
