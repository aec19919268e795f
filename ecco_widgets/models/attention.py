"""Attention weights of a run: which tokens each head of each layer looks at.

Fused implementations never form them, so the model runs eagerly for the call, on this thread only, and that gives the
same states; proved when first asked for. Read where the modules inside blocks return them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ecco_widgets.errors import UnsupportedModel
from ecco_widgets.models.architecture import close
from ecco_widgets.models.implementations import eager_here
from ecco_widgets.models.passes import LayerCalls, first_tensor, here, hooked

# Rows of half-precision weights sum to 1 only about.
_ROW_TOLERANCE = 2e-2


@dataclass(frozen=True)
class AttentionWeights:
    """Attention of one run.

    Attributes:
        layers: L tensors (B, H, T, T): row t says how much of each token the head takes for token t. Rows sum to 1 over
            the tokens that are allowed (to less in models with attention sinks).
        cross: For a decoder that attends to an encoder, L tensors (B, H, T, S); else empty.
    """

    layers: tuple[Tensor, ...]
    cross: tuple[Tensor, ...]


@dataclass(frozen=True)
class Attention:
    """How the attention weights of a stack are had.

    Attributes:
        model: The model, or the stack, whose modules' configurations say which implementation runs.
        base: The stack.
        blocks: Its L blocks in the order of their calls.
        options: What the stack is called with so that its modules return weights.
    """

    model: nn.Module
    base: nn.Module
    blocks: tuple[nn.Module, ...]
    options: dict[str, Any]

    def record(self, run: Callable[..., Any]) -> AttentionWeights:
        """Attention weights of one forward pass.

        Args:
            run: Runs the stack once; takes options and passes them to it, e.g.
                ``lambda **options: base(input_ids=ids, use_cache=False, **options)``. Grad mode is its own.

        Returns:
            The weights, in the model's precision, each on its block's device.

        Raises:
            UnsupportedModel: If a layer returns none.
        """
        seen = _weights(self, run)
        for layer, weights in enumerate(seen):
            if not weights:
                raise UnsupportedModel(
                    f"layer {layer} ({type(self.blocks[layer]).__name__}) returns no attention weights.",
                    hint="It may have no attention (a state-space or recurrent layer), or an implementation that never "
                    "forms them; try loading the model with attn_implementation='eager'.",
                )
        cross = tuple(weights[1] for weights in seen) if all(len(weights) > 1 for weights in seen) else ()
        return AttentionWeights(tuple(weights[0] for weights in seen), cross)


def find_attention(
    model: nn.Module, base: nn.Module, blocks: Sequence[nn.Module], run: Callable[..., Any]
) -> Attention:
    """Find how a stack's attention weights are had, and prove that its states stay the same.

    Args:
        model: The whole model.
        base: The stack.
        blocks: Its L blocks in the order of their calls.
        run: One forward pass on a short input, without a cache of keys and values; takes options for the stack.

    Returns:
        What records them.

    Raises:
        UnsupportedModel: If a layer returns no weights, or the states differ when it does.

    Example:
        >>> from transformers import GPT2Config, GPT2Model
        >>> config = GPT2Config(n_layer=2, n_embd=8, n_head=2, vocab_size=11, n_positions=16, eos_token_id=0)
        >>> model = GPT2Model(config).eval()
        >>> run = lambda **options: model(torch.arange(5)[None], use_cache=False, **options)
        >>> weights = find_attention(model, model, list(model.h), run).record(run)
        >>> len(weights.layers), tuple(weights.layers[0].shape), weights.cross
        (2, (1, 2, 5, 5), ())
    """
    attention = Attention(model, base, tuple(blocks), {})
    with torch.no_grad():
        if not all(_weights(attention, run)):
            attention = Attention(model, base, tuple(blocks), {"output_attentions": True})
        attention.record(run)
        if not close(_last_states(attention, run, eager=True), _last_states(attention, run, eager=False)):
            raise UnsupportedModel(
                "the model's states differ between its eager attention, which makes attention weights, and the "
                f"implementation that it was loaded with ({_implementation(model)}).",
                hint="Load it with attn_implementation='eager'.",
            )
    return attention


def _weights(attention: Attention, run: Callable[..., Any]) -> list[list[Tensor]]:
    """Attention weights that modules of each block returned: of its tokens, then of an encoder's."""
    seen: list[list[Tensor]] = [[] for _ in attention.blocks]
    calls = LayerCalls(attention.base, attention.blocks)

    def leave(_module: nn.Module, _args: Any, output: Any) -> None:
        if calls.now is None or not isinstance(output, (tuple, list)):
            return
        known = seen[calls.now.layer]
        for value in output:
            # Modules around one that returned weights return them again.
            if _are_weights(value, calls.now.length) and not any(value is other for other in known):
                known.append(value)

    def handles() -> Iterator[Any]:
        for block in dict.fromkeys(attention.blocks):
            for module in block.modules():
                if module is not block:
                    yield module.register_forward_hook(here(leave))

    with hooked(handles()), calls.following(), eager_here(attention.model.modules()):
        run(**attention.options)
    return seen


def _are_weights(value: Any, length: int) -> bool:
    """Whether these are weights (B, H, T, S) that sum to at most 1: T5 returns its position biases beside them."""
    if not isinstance(value, Tensor) or value.dim() != 4 or not value.is_floating_point() or value.shape[2] != length:
        return False
    sums = value.sum(-1)
    return bool((value >= 0).all()) and bool((sums <= 1 + _ROW_TOLERANCE).all()) and bool((sums > 0).any())


def _last_states(attention: Attention, run: Callable[..., Any], *, eager: bool) -> Tensor:
    states: list[Tensor] = []

    def leave(_module: nn.Module, _args: Any, output: Any) -> None:
        tensor = first_tensor(output)
        if tensor is not None:
            states.append(tensor)

    modules = attention.model.modules() if eager else ()
    with hooked(iter([attention.blocks[-1].register_forward_hook(here(leave))])), eager_here(modules):
        run()
    return states[-1]


def _implementation(model: nn.Module) -> str:
    return str(getattr(getattr(model, "config", None), "_attn_implementation", None))
