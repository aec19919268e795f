"""Logits of some entries of the vocabulary only, so that no matrix of states x vocabulary is ever made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn import functional

from ecco_widgets.models.architecture import Architecture, close
from ecco_widgets.models.logits import at_least_single
from ecco_widgets.models.patching import forward_replaced

Way = Literal["linear", "columns", "whole"]

# Weights of as many entries as fit are multiplied at a time: few enough that the logits stay in the processor's cache.
_WEIGHT_BYTES = 6 << 20
_MOST_COLUMNS = 2048
# Where only the whole vocabulary can be had at once: logits, and what the head makes on the way, together.
_WHOLE_BYTES = 32 << 20
_COPIES = 6
_LARGE_LOGIT = 300.0

# How a model's head can be cut is found out once for each model: that takes a product with the whole vocabulary.
_ways: WeakKeyDictionary[nn.Module, Way] = WeakKeyDictionary()


@dataclass(frozen=True)
class Columns:
    """Entries of the vocabulary, with what their logits are made of.

    Attributes:
        first: The first of them, where they are consecutive; else -1.
        multiply: From what enters the output embeddings (R, D) to logits (R, C); ``None`` where only the head as a
            whole can make them.
    """

    first: int
    multiply: Callable[[Tensor], Tensor] | None


class _Entered(Exception):
    """Not an error: it carries what was waited for."""

    def __init__(self, states: Tensor) -> None:
        self.states = states
        super().__init__()


class Head:
    """What a model does after its last hidden states, for a few entries of its vocabulary at a time.

    A head is one matrix product with something before and after it. Where at most a bias is added after it, what
    enters the product is computed once ("linear"); where each logit is changed by itself afterwards, by a soft cap or a
    scale, the model's own forward pass runs with the product replaced by one of fewer columns ("columns"); else all
    logits of a few states at a time are the model's own ("whole").

    Args:
        parts: The model.
        states: Some last hidden states (R, D), on which the way is tried.
        whole: Don't look for a way.
    """

    def __init__(self, parts: Architecture, states: Tensor, *, whole: bool = False) -> None:
        self.parts = parts
        output = None if parts.kind == "classification" else parts.model.get_output_embeddings()
        # Exactly Linear, and looked at each time: a quantised layer has no usable weight, an adapter's output is more
        # than its weight's, and offloaded weights hold no numbers.
        usable = type(output) is nn.Linear and output.weight.device.type != "meta" and not whole
        self._output: nn.Linear | None = output if usable else None
        self.way: Way = "whole" if self._output is None else self._way(states)
        self._bias = self._whole_bias(states) if self.way == "linear" else getattr(self._output, "bias", None)
        self.device = states.device if self.way == "whole" or output is None else output.weight.device

    @property
    def together(self) -> int:
        """How many entries of the vocabulary a piece has."""
        if self._output is None or self.way == "whole":
            return self.parts.vocabulary
        weight = self._output.weight
        fitting = _WEIGHT_BYTES // (weight.shape[1] * weight.element_size())
        return min(max(64, fitting // 64 * 64), _MOST_COLUMNS, self.parts.vocabulary)

    @property
    def rows_together(self) -> int | None:
        """How many states may be passed at once where pieces have the whole vocabulary; ``None``: any number."""
        return max(1, _WHOLE_BYTES // (self.parts.vocabulary * 4 * _COPIES)) if self.way == "whole" else None

    def enter(self, states: Tensor) -> Tensor:
        """What pieces are made from, (R, E), of last hidden states (R, D)."""
        return states if self.way != "linear" or self.parts.affine_head else self._entering(states)

    def pieces(self) -> Iterator[Columns]:
        """The whole vocabulary, in order. All pieces have the same size; the last may repeat some of the one before."""
        size, n = self.together, self.parts.vocabulary
        for start in range(0, n, size):
            yield self._columns(slice(min(start, n - size), min(start + size, n)))

    def of_tokens(self, ids: Tensor) -> Iterator[Columns]:
        """Some entries (C,), filled up to the size of the other pieces.

        Products of one size add up in the same order, so a token's logit comes out the same, to the last bit, in these
        pieces and in those. (Whoever relies on it has to check: nothing promises it.)
        """
        for some in ids.split(self.together):
            yield self._columns(torch.cat([some, some.new_zeros(self.together - len(some))]))

    def logits(self, entered: Tensor, columns: Columns) -> Tensor:
        """Logits (R, C) of states that have entered, at least float32; the caller may overwrite them."""
        if columns.multiply is None:
            logits = self.parts.logits(entered)
        elif self.way == "linear":
            logits = columns.multiply(entered)
        else:
            logits = self._through(columns.multiply, entered)
        logits = at_least_single(logits).to(self.device)
        return logits.clone() if self.parts.kind == "classification" else logits

    def _columns(self, ids: slice | Tensor) -> Columns:
        first = ids.start if isinstance(ids, slice) else -1
        if self._output is None or self.way == "whole":
            return Columns(first, None)
        weight, bias = self._output.weight.detach(), self._bias
        index = ids if isinstance(ids, slice) else ids.to(weight.device)
        return Columns(first, product(weight[index], None if bias is None else bias.detach()[index]))

    def _way(self, states: Tensor) -> Way:
        if self.parts.affine_head:
            return "linear"
        model = self.parts.model
        if model not in _ways:
            some = states[:2]
            logits = self.parts.logits(some)
            if not bool(logits.isfinite().all()):
                return "whole"  # nothing can be concluded from it
            # A soft cap is nearly linear for small logits: look where they are large, too.
            scale = _LARGE_LOGIT / float(logits.abs().max().clamp_min(torch.finfo(logits.dtype).tiny))
            _ways[model] = self._tried([(some, logits), (some * scale, self.parts.logits(some * scale))])
        return _ways[model]

    def _tried(self, examples: list[tuple[Tensor, Tensor]]) -> Way:
        """In which way a part of the vocabulary gives the logits that the whole of it gives."""
        weight, bias = self._linear.weight.detach(), self._linear.bias
        multiply = product(weight, self._whole_bias(examples[0][0]))
        if all(close(multiply(self._entering(states)), logits) for states, logits in examples):
            return "linear"
        half = slice(self.parts.vocabulary // 2, self.parts.vocabulary)
        multiply = product(weight[half], None if bias is None else bias.detach()[half])
        try:
            same = all(close(self._through(multiply, states), logits[:, half]) for states, logits in examples)
        except RuntimeError:  # something as wide as the vocabulary comes in afterwards
            return "whole"
        return "columns" if same else "whole"

    def _whole_bias(self, states: Tensor) -> Tensor | None:
        """The bias (V,) of the product and what is added behind it: what the head gives where the product gives 0."""
        bias = self._linear.bias
        added = self._through(
            lambda entering: entering.new_zeros(*entering.shape[:-1], self.parts.vocabulary), states[:1]
        )
        if not bool(added.any()):
            return bias
        return added[0] if bias is None else bias.detach() + added[0]

    @property
    def _linear(self) -> nn.Linear:
        assert self._output is not None  # noqa: S101 - for the type checker
        return self._output

    def _entering(self, states: Tensor) -> Tensor:
        """What enters the output embeddings (R, E)."""

        def stop(entering: Tensor) -> Tensor:
            raise _Entered(entering)  # what comes after it is not wanted, and would take memory

        try:
            self._through(stop, states)
        except _Entered as reached:
            return reached.states.reshape(len(states), -1)
        raise AssertionError("the head did not run its output embeddings")

    def _through(self, multiply: Callable[[Tensor], Tensor], states: Tensor) -> Tensor:
        """The head's output with the product inside it replaced."""
        with forward_replaced(self._linear, lambda entering, *_, **__: multiply(entering)):
            return self.parts.logits(states)


def product(weight: Tensor, bias: Tensor | None) -> Callable[[Tensor], Tensor]:
    """Multiplies rows (R, D) with weights (C, D), by the library that is fastest at it on this processor.

    For float32, PyTorch calls MKL, which leaves half of the vector units idle on processors that Intel did not make.
    oneDNN, which PyTorch has on board too, uses them all (100 and 215 GFLOP/s were measured); it is what ``linear``
    calls for rows of oneDNN's own tensor type.

    Args:
        weight: Shape (C, D).
        bias: Shape (C,).
    """
    by_one_dnn = (
        weight.device.type == "cpu"
        and weight.dtype == torch.float32
        and torch.backends.mkldnn.is_available()
        and torch.backends.mkldnn.enabled
    )
    weight = weight.contiguous()

    def multiply(rows: Tensor) -> Tensor:
        rows = rows.to(weight.device)
        if not by_one_dnn or rows.dtype != torch.float32:
            return functional.linear(rows, weight, bias)
        flat = rows.reshape(-1, rows.shape[-1])
        logits: Tensor = functional.linear(flat.to_mkldnn(), weight, bias).to_dense()
        return logits.reshape(*rows.shape[:-1], -1)

    return multiply
