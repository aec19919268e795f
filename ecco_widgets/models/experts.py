"""Neurons of a mixture of experts whose weights are stored together, in parameters of three dimensions.

Fused implementations multiply tokens sorted by expert with all weights at once. The eager one takes expert after
expert, as a product of some tokens with one slice of the down-projection: that product is what is caught here.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.overrides import TorchFunctionMode

from ecco_widgets.models.architecture import close
from ecco_widgets.models.implementations import eager_here
from ecco_widgets.models.passes import LayerCalls
from ecco_widgets.models.patching import forward_replaced
from ecco_widgets.models.projections import OutputProjection, Piece, Visit, weights_at_hand

# x @ w, and x @ w.T
_MATMULS = {
    torch.matmul,
    torch.mm,
    torch.bmm,
    Tensor.matmul,
    Tensor.mm,
    Tensor.bmm,
    Tensor.__matmul__,
}


@dataclass(frozen=True)
class Product:
    """Some tokens times one expert's slice of a parameter, or all experts' at once.

    Attributes:
        parameter: Name of the parameter.
        expert: Index of the expert, ``None`` for all together.
        left: Shape (R, I), or (E, R, I) for all together.
        tokens: Indices of the R tokens as they were last picked, ``None`` if none were.
        transposed: Whether the slice is (D, I) and not (I, D).
        width: D.
    """

    parameter: str
    expert: int | None
    left: Tensor
    tokens: Tensor | None
    transposed: bool
    width: int


class _Products(TorchFunctionMode):
    """Catches products with slices of a module's three-dimensional parameters; active on one thread."""

    _handling = threading.local()  # what a visitor computes is no part of the model

    def __init__(self, module: nn.Module, names: tuple[str, ...], seen: Callable[[Product], Tensor | None]) -> None:
        super().__init__()
        self._module = module
        self._names = names
        self._seen = seen
        self._tokens: Tensor | None = None

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if not getattr(self._handling, "now", False):
            self._handling.now = True
            try:
                args = self._handled(func, args)
            finally:
                self._handling.now = False
        return func(*args, **dict(kwargs or {}))

    def _handled(self, func: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        if func is Tensor.__getitem__:
            self._note_tokens(args[0], args[1])
        elif (func is linear or func in _MATMULS) and len(args) > 1:
            product = self._product(args[0], args[1], transposed=func is linear)
            replaced = None if product is None else self._seen(product)
            if replaced is not None:
                return (replaced, *args[1:])
        return args

    def _note_tokens(self, values: Tensor, index: Any) -> None:
        index = index[-1] if isinstance(index, tuple) and index else index
        if isinstance(index, Tensor) and index.dim() == 1 and index.dtype == torch.long and values.is_floating_point():
            self._tokens = index

    def _product(self, left: Any, right: Any, *, transposed: bool) -> Product | None:
        if not isinstance(left, Tensor) or not isinstance(right, Tensor):
            return None
        for name in self._names:
            weights = getattr(self._module, name)
            if right.untyped_storage().data_ptr() != weights.untyped_storage().data_ptr() or weights.stride(0) == 0:
                continue
            expert = None
            if right.dim() == 2:
                expert = (right.storage_offset() - weights.storage_offset()) // weights.stride(0)
            picked = self._tokens is not None and self._tokens.shape[0] == left.shape[-2]
            width = right.shape[-2] if transposed else right.shape[-1]
            return Product(name, expert, left, self._tokens if picked else None, transposed, width)
        return None


@dataclass(frozen=True)
class ExpertsProjection(OutputProjection):
    """The down-projections of all experts of a block; neurons are laid out expert after expert.

    A neuron is zero where the token is not sent to its expert. What the experts add to the stream is the sum of their
    outputs times the weights with which the router sends the token to each.

    Attributes:
        parameter: Name of the down-projection's parameter, (E, D, I) or (E, I, D).
        n_experts: E.
        transposed: Whether it is (E, D, I).
    """

    parameter: str
    n_experts: int
    transposed: bool

    @contextlib.contextmanager
    def visited(self, calls: LayerCalls, visit: Visit) -> Iterator[None]:
        """Inside the context ``visit`` is called with each expert's neurons, of the tokens that were sent to it."""
        width = self.width // self.n_experts

        def seen(product: Product) -> Tensor | None:
            if calls.now is None:
                return None
            if product.expert is not None:
                return visit(Piece(calls.now, product.left, product.tokens, product.expert * width))
            rows = product.left.transpose(0, 1).reshape(-1, self.width)
            values = visit(Piece(calls.now, rows, None, 0))
            return None if values is None else values.reshape(-1, self.n_experts, width).transpose(0, 1)

        with products_seen(self.module, (self.parameter,), seen):
            yield

    def proves(self, neurons: Tensor, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> bool:
        """Whether neurons (R, N), weighted as the router says, give the experts' output up to their biases."""
        with products_seen(self.module, (self.parameter,), lambda product: torch.zeros_like(product.left)):
            biases = self.module(*args, **kwargs)
        per_expert = neurons.reshape(-1, self.n_experts, self.width // self.n_experts)
        with weights_at_hand(self.module):
            outputs = torch.einsum("rei,eid->red", per_expert, self._by_expert())
        if output.numel() == outputs.numel():  # all experts side by side, weighted elsewhere
            return close(
                outputs.transpose(0, 1) + biases.reshape(self.n_experts, len(neurons), -1),
                output.reshape_as(outputs.transpose(0, 1)),
            )
        weights = _routing_weights([*args, *kwargs.values()], self.n_experts, outputs)
        return close(
            (outputs * weights[..., None]).sum(1) + biases.reshape(len(neurons), -1), output.reshape(len(neurons), -1)
        )

    def _weights(self) -> Tensor:
        return self._by_expert().flatten(0, 1)

    def _by_expert(self) -> Tensor:
        weights: Tensor = getattr(self.module, self.parameter).detach()
        return weights.transpose(1, 2) if self.transposed else weights


@contextlib.contextmanager
def products_seen(
    module: nn.Module, names: tuple[str, ...], seen: Callable[[Product], Tensor | None]
) -> Iterator[None]:
    """Inside the context the experts run eagerly on this thread, and ``seen`` may replace the left of their products.

    Args:
        module: The module that holds the experts' parameters.
        names: Those of its parameters whose products count.
        seen: Called with each product; returns what to multiply instead, or ``None``.
    """
    original = module.forward  # whatever an enclosing context has put there

    def watched(*args: Any, **kwargs: Any) -> Any:
        with eager_here([module]), _Products(module, names, seen):
            return original(*args, **kwargs)

    with forward_replaced(module, watched):
        yield


def expert_parameters(module: nn.Module) -> tuple[str, ...]:
    """Names of a module's own three-dimensional parameters: at least two where it holds experts."""
    if isinstance(module, nn.modules.conv._ConvNd):  # noqa: SLF001 - their common class has no public name
        return ()
    own = module.named_parameters(recurse=False)
    names = [name for name, p in own if p.dim() == 3 and min(p.shape) > 1 and p.is_floating_point()]
    return tuple(names) if len(names) > 1 else ()


def _routing_weights(args: Sequence[Any], n_experts: int, outputs: Tensor) -> Tensor:
    """Weight (R, E) of each expert for each token, read off what the experts' module was given; ones if nothing was."""
    rows = outputs.shape[0]
    tensors = [arg for arg in args if isinstance(arg, Tensor) and arg.dim() == 2 and arg.shape[0] == rows]
    chosen = next((arg for arg in tensors if not arg.is_floating_point()), None)
    weights = next(
        (a for a in tensors if a.is_floating_point() and chosen is not None and a.shape == chosen.shape), None
    )
    if chosen is None or weights is None:
        return outputs.new_ones(rows, n_experts)
    return outputs.new_zeros(rows, n_experts).scatter_add(1, chosen, weights.to(outputs.dtype))
