"""The neurons of a model: what goes into the output projection of each block's feed-forward network.

After the non-linearity, and after the product with the gate where there is one. In a mixture of experts the neurons of
all experts, expert after expert, zero where the token is not sent to the expert.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ecco_widgets.errors import InvalidInput, UnsupportedModel
from ecco_widgets.models.ffnn import Ffnn, Run, find_ffnns
from ecco_widgets.models.passes import LayerCalls, Moment, first_tensor, here, hooked
from ecco_widgets.models.projections import OutputProjection, Piece, Visit


@dataclass(frozen=True)
class Neurons:
    """The neurons of one stack of blocks.

    Attributes:
        base: The stack.
        blocks: Its L blocks in the order of their calls.
        ffnns: The feed-forward network of each.
    """

    base: nn.Module
    blocks: tuple[nn.Module, ...]
    ffnns: tuple[Ffnn, ...]

    @property
    def widths(self) -> tuple[int, ...]:
        """N_l, number of neurons of each layer."""
        return tuple(ffnn.width for ffnn in self.ffnns)

    @property
    def projections(self) -> tuple[tuple[OutputProjection, ...], ...]:
        """Output projections of each layer, in the order of their neurons."""
        return tuple(ffnn.outputs for ffnn in self.ffnns)

    def record(self, run: Run, layers: Sequence[int] | None = None) -> list[Tensor]:
        """Neurons of one forward pass.

        Args:
            run: Runs the stack once, e.g. ``lambda: base(input_ids=ids, use_cache=False)``. Grad mode is its own.
            layers: Only these, in this order; all by default.

        Returns:
            A tensor (B, T, N_l) for each layer, in the model's precision, on its block's device. Only what runs on this
            thread is recorded.

        Raises:
            UnsupportedModel: If a layer's neurons did not come by, or not token by token.
        """
        wanted = [self.check_layer(layer) for layer in (range(len(self.blocks)) if layers is None else layers)]
        seen: dict[int, Tensor] = {}
        moments: dict[int, Moment] = {}

        def keep(piece: Piece) -> None:
            layer, moment = piece.moment.layer, piece.moment
            moments[layer] = moment
            if piece.tokens is None and piece.values.shape[-1] == self.widths[layer]:
                seen[layer] = piece.values
                return
            if layer not in seen:
                seen[layer] = piece.values.new_zeros(moment.batch * moment.length, self.widths[layer])
            columns = slice(piece.first, piece.first + piece.values.shape[-1])
            seen[layer][slice(None) if piece.tokens is None else piece.tokens, columns] = piece.values

        with self.visited(keep, wanted):
            run()
        missing = [layer for layer in wanted if layer not in seen]
        if missing:
            raise UnsupportedModel(
                f"the neurons of layers {', '.join(map(str, missing))} were not seen in this run.",
                hint="Their output projection is not called as a module; name another: parts={'neurons': ...}.",
            )
        return [moments[layer].whole(seen[layer]) for layer in wanted]

    def directions(self, layer: int) -> Tensor:
        """What a unit of each neuron of a layer adds to the residual stream.

        Where a norm follows the feed-forward network (Gemma 2, OLMo 2, BERT), it is what enters that norm; of an
        expert's neurons, before the router's weight.

        Args:
            layer: Index of the block.

        Returns:
            Shape (N_l, D), in the weights' precision, on their device; may share memory with the weights.

        Raises:
            InvalidInput: If there is no such layer.
        """
        self.check_layer(layer)
        return torch.cat([output.directions() for output in self.ffnns[layer].outputs])

    def check_layer(self, layer: int) -> int:
        """The layer, if there is one of this index.

        Raises:
            InvalidInput: If not.
        """
        if isinstance(layer, bool) or not isinstance(layer, (int, np.integer)) or not 0 <= layer < len(self.blocks):
            raise InvalidInput(f"layer must be an integer in 0..{len(self.blocks) - 1}, got {layer!r}.")
        return int(layer)

    @contextlib.contextmanager
    def visited(self, visit: Visit, layers: Sequence[int] | None = None) -> Iterator[None]:
        """Inside the context ``visit`` sees neurons on their way into the output projections and may replace them.

        Args:
            visit: Called with each ``Piece`` on this thread; its ``first`` counts within the layer.
            layers: Only these; all by default.
        """
        starts: dict[nn.Module, dict[int, int]] = {}
        outputs: dict[nn.Module, OutputProjection] = {}
        for layer in range(len(self.blocks)) if layers is None else layers:
            start = 0
            for output in self.ffnns[layer].outputs:
                outputs[output.module] = output
                starts.setdefault(output.module, {})[layer] = start
                start += output.width

        def visit_of(output: OutputProjection) -> Visit:
            def visit_here(piece: Piece) -> Tensor | None:
                start = starts[output.module].get(piece.moment.layer)
                return None if start is None else visit(replace(piece, first=start + piece.first))

            return visit_here

        calls = LayerCalls(self.base, self.blocks)
        with contextlib.ExitStack() as stack:
            stack.enter_context(calls.following())
            for output in outputs.values():
                stack.enter_context(output.visited(calls, visit_of(output)))
            yield


def find_neurons(base: nn.Module, blocks: Sequence[nn.Module], run: Run, name: str | None = None) -> Neurons:
    """Find the neurons of a stack of blocks and prove them.

    Args:
        base: The stack, called once by ``run``.
        blocks: Its L blocks in the order of their calls; a module may occur several times.
        run: One forward pass on a short input of at least three tokens (of three source tokens, too, where there is an
            encoder), without a cache of keys and values.
        name: The part named by hand: dotted name of the output projection within a block, or a regular expression.

    Returns:
        The neurons.

    Raises:
        UnsupportedModel: If the output projection of a feed-forward network can't be found, or the recorded neurons put
            through it do not give its output.
        InvalidInput: If the name is no regular expression.

    Example:
        >>> from transformers import GPT2Config, GPT2Model
        >>> config = GPT2Config(n_layer=2, n_embd=8, n_head=2, vocab_size=11, n_positions=16, eos_token_id=0)
        >>> model = GPT2Model(config).eval()
        >>> neurons = find_neurons(model, list(model.h), lambda: model(torch.arange(5)[None], use_cache=False))
        >>> neurons.widths, neurons.projections[0][0].name, tuple(neurons.directions(0).shape)
        ((32, 32), 'mlp.c_proj', (32, 8))
    """
    neurons = Neurons(base, tuple(blocks), tuple(find_ffnns(base, blocks, run, name)))
    _prove(neurons, run)
    return neurons


@torch.no_grad()
def _prove(neurons: Neurons, run: Run) -> None:
    """Recorded neurons, put through the output projections, must give what the projections gave."""
    seen: dict[tuple[int, nn.Module], tuple[Any, Any, Tensor]] = {}
    calls = LayerCalls(neurons.base, neurons.blocks)

    def keep(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        tensor = first_tensor(output)
        if calls.now is not None and tensor is not None:
            # Falcon adds to it in place afterwards.
            seen[calls.now.layer, module] = args, kwargs, tensor.clone()

    modules = {output.module for outputs in neurons.projections for output in outputs}
    handles = (module.register_forward_hook(here(keep), with_kwargs=True) for module in modules)
    with calls.following(), hooked(handles):
        recorded = neurons.record(run)
    for layer, outputs in enumerate(neurons.projections):
        rows, start = recorded[layer].flatten(0, 1), 0
        for output in outputs:
            own = rows[:, start : start + output.width]
            start += output.width
            if not output.proves(own, *seen[layer, output.module]):
                raise UnsupportedModel(
                    f"the neurons recorded in layer {layer}, put through {output.name!r}, do not give its output.",
                    hint="This model does something between them that could not be isolated; please report it, or name "
                    "another part: parts={'neurons': ...}.",
                )
