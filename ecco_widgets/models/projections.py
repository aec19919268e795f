"""Output projections of feed-forward networks: what goes into them are the neurons.

Each kind of projection can be listened to while the model runs, can be given other neurons, and says which direction
each neuron writes into the residual stream.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ecco_widgets.models.architecture import close
from ecco_widgets.models.passes import LayerCalls, Moment, here, hooked

# Rows of the identity that go through a projection together, where its weights can't be read.
_ROWS_TOGETHER = 256


@dataclass(frozen=True)
class Piece:
    """Some neurons of the layer at work, on their way into the output projection.

    Attributes:
        moment: Layer, batch and tokens.
        values: Shape (R, W): W neurons of R tokens.
        tokens: Which tokens the rows are, indices into the B * T flattened ones; ``None`` where they are all, in order.
        first: Index of the first of the W neurons within its projection (within its layer, for visitors of a layer).
    """

    moment: Moment
    values: Tensor
    tokens: Tensor | None
    first: int


Visit = Callable[[Piece], "Tensor | None"]
"""Sees neurons (R, W) and may return others in their place."""


@dataclass(frozen=True)
class OutputProjection:
    """A module that maps neurons to the residual stream.

    Attributes:
        name: Dotted name within its block.
        module: The module.
        width: N, number of neurons.
    """

    name: str
    module: nn.Module
    width: int

    @contextlib.contextmanager
    def visited(self, calls: LayerCalls, visit: Visit) -> Iterator[None]:
        """Inside the context ``visit`` is called with the neurons whenever the module runs on this thread."""

        def before(_module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
            if calls.now is None:
                return None
            name = None if args else next(iter(kwargs))
            given: Tensor = args[0] if name is None else kwargs[name]
            values = visit(Piece(calls.now, calls.now.rows(given), None, 0))
            if values is None:
                return None
            values = values.reshape(given.shape)
            return ((values, *args[1:]), kwargs) if name is None else (args, {**kwargs, name: values})

        with hooked(iter([self.module.register_forward_pre_hook(here(before), with_kwargs=True)])):
            yield

    def directions(self) -> Tensor:
        """What a unit of each neuron adds to the projection's output, shape (N, D), in the weights' precision."""
        with weights_at_hand(self.module):
            weights = self._weights()
        return self._measured() if weights is None else weights

    def proves(self, neurons: Tensor, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> bool:
        """Whether neurons (R, N), put through the projection, give its output.

        Args:
            neurons: As recorded.
            args: What the module itself was given.
            kwargs: By name.
            output: What it made of it, shape (R, D) or (B, T, D).
        """
        del args, kwargs
        output = output.reshape(len(neurons), -1)
        if not close(self.module(neurons), output):
            return False
        with weights_at_hand(self.module):
            weights = self._weights()
        return weights is None or close(neurons @ weights + self.module(torch.zeros_like(neurons[:1])), output)

    def _weights(self) -> Tensor | None:
        """Directions read off the weights, ``None`` where they aren't plain ones (quantised, with an adapter)."""
        weight = getattr(self.module, "weight", None)
        if not isinstance(weight, Tensor) or weight.dim() != 2 or not weight.is_floating_point() or weight.is_meta:
            return None
        if any(True for _ in self.module.children()):
            return None
        if getattr(self.module, "in_features", None) == self.width == weight.shape[1]:
            return weight.detach().T
        if getattr(self.module, "nx", None) == self.width == weight.shape[0]:  # transformers' Conv1D
            return weight.detach()
        return None

    @torch.no_grad()
    def _measured(self) -> Tensor:
        """Directions as the difference that each neuron makes, whatever is inside the module."""
        floating = [p for p in self.module.parameters() if p.is_floating_point()]
        dtype = floating[0].dtype if floating else torch.float32
        device = _device(self.module)
        origin = self.module(torch.zeros(1, self.width, dtype=dtype, device=device))
        pieces = []
        for start in range(0, self.width, _ROWS_TOGETHER):
            rows = torch.zeros(min(_ROWS_TOGETHER, self.width - start), self.width, dtype=dtype, device=device)
            rows.diagonal(start).fill_(1)
            pieces.append(self.module(rows) - origin)
        return torch.cat(pieces)


@contextlib.contextmanager
def weights_at_hand(module: nn.Module) -> Iterator[None]:
    """Inside the context a module's own weights are there, also those that accelerate fetches for each call."""
    if not hasattr(module, "_hf_hook"):
        yield
        return
    from accelerate.utils import align_module_device

    with align_module_device(module):
        yield


def _device(module: nn.Module) -> torch.device | None:
    """Where a module computes."""
    devices = [tensor.device for tensor in (*module.parameters(), *module.buffers()) if not tensor.is_meta]
    offloaded = (getattr(getattr(m, "_hf_hook", None), "execution_device", None) for m in module.modules())
    return devices[0] if devices else next((torch.device(d) for d in offloaded if d is not None), None)


def is_projection(module: nn.Module) -> bool:
    """Whether a module looks like a linear map: a weight matrix, or stated numbers of inputs and outputs."""
    weight = getattr(module, "weight", None)
    if isinstance(weight, Tensor) and weight.dim() == 2 and not isinstance(module, nn.Embedding):
        return True
    stated = (("in_features", "out_features"), ("infeatures", "outfeatures"))
    return any(isinstance(getattr(module, name, None), int) for pair in stated for name in pair)
