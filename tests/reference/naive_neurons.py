"""Neurons, sites and interventions the obvious way: names written down for each family, hooks placed by hand."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from tests.support.tiny_models import KINDS

# Where the blocks are, below the stack.
BLOCKS = {
    "gpt2": "h",
    "gpt_neo": "h",
    "gptj": "h",
    "bloom": "h",
    "falcon": "h",
    "mpt": "blocks",
    "opt": "decoder.layers",
    "opt_post_norm": "decoder.layers",
    "t5": "block",
    "t5_v1_1": "block",
    "bert": "encoder.layer",
    "roberta": "encoder.layer",
    "electra": "encoder.layer",
    "deberta_v2": "encoder.layer",
    "distilbert": "transformer.layer",
    "albert": "encoder.albert_layer_groups",
}  # others: "layers"

# The output projection of the feed-forward network in a block; T5's decoder has it one place later.
OUTPUT = {
    "gpt2": "mlp.c_proj",
    "gpt_neo": "mlp.c_proj",
    "gptj": "mlp.fc_out",
    "gpt_neox": "mlp.dense_4h_to_h",
    "opt": "fc2",
    "opt_post_norm": "fc2",
    "bloom": "mlp.dense_4h_to_h",
    "mixtral": "mlp.experts",
    "phi": "mlp.fc2",
    "falcon": "mlp.dense_4h_to_h",
    "mpt": "ffn.down_proj",
    "starcoder2": "mlp.c_proj",
    "t5": "layer.{}.DenseReluDense.wo",
    "t5_v1_1": "layer.{}.DenseReluDense.wo",
    "bart": "fc2",
    "pegasus": "fc2",
    "bert": "output.dense",
    "roberta": "output.dense",
    "electra": "output.dense",
    "deberta_v2": "output.dense",
    "distilbert": "ffn.lin2",
    "albert": "albert_layers.0.ffn_output",
    "modernbert": "mlp.Wo",
}  # others: "mlp.down_proj"

# Number of neurons; the sizes that tests.support.families gives.
WIDTHS = {
    **dict.fromkeys(("gpt2", "gpt_neo", "gptj", "bloom", "falcon", "mpt"), 128),
    **dict.fromkeys(("gpt_neox", "opt", "opt_post_norm", "phi", "t5", "t5_v1_1"), 64),
    **dict.fromkeys(("bert", "roberta", "electra", "deberta_v2", "distilbert", "albert"), 64),
    "mixtral": 4 * 48,
}  # others: 48; BART's and Pegasus' decoders 64


@dataclass
class Stack:
    """Blocks of one model that run in a row.

    Attributes:
        label: Family, and "encoder" or "decoder" where there are two.
        model: The model.
        base: The stack.
        blocks: Its blocks in the order of their calls.
        output: Name of the output projection in a block.
        width: Number of neurons of a layer.
        run: Runs the model on a short text; takes options.
    """

    label: str
    model: PreTrainedModel
    base: nn.Module
    blocks: list[nn.Module]
    output: str
    width: int
    run: Callable[..., Any]

    def projection(self, layer: int) -> nn.Module:
        """The output projection of one layer."""
        return self.blocks[layer].get_submodule(self.output)


def stacks(family: str, model: PreTrainedModel, ids: Tensor | None = None) -> list[Stack]:
    """The stacks of a tiny model of a family."""
    plain = family.removesuffix("_classifier")
    path, output = BLOCKS.get(plain, "layers"), OUTPUT.get(plain, "mlp.down_proj")
    width = WIDTHS.get(plain, 48)
    ids = torch.tensor([[5, 6, 7, 8, 9, 10]]) if ids is None else ids
    if plain in {"t5", "t5_v1_1", "bart", "pegasus"}:
        source = torch.tensor([[11, 12, 13, 14, 1]]).expand(len(ids), -1)
        inputs = {"input_ids": source}
        if KINDS[family] == "seq2seq":
            inputs["decoder_input_ids"] = ids

        def both(**options: Any) -> Any:
            return model(**inputs, use_cache=False, **options)

        encoder, decoder = model.get_encoder(), model.get_decoder()
        wider = width if plain.startswith("t5") else 64
        return [
            Stack(
                f"{family} encoder", model, encoder, list(encoder.get_submodule(path)), output.format(1), width, both
            ),
            Stack(
                f"{family} decoder", model, decoder, list(decoder.get_submodule(path)), output.format(2), wider, both
            ),
        ]
    base = model.base_model
    blocks = list(base.get_submodule(path))
    if plain == "albert":
        blocks *= model.config.num_hidden_layers
    caches = "use_cache" in model.config.to_dict() and KINDS[family] != "masked" and "bert" not in family

    def one(**options: Any) -> Any:
        return base(input_ids=ids, **({"use_cache": False} if caches else {}), **options)

    return [Stack(family, model, base, blocks, output, width, one)]


def naive_neurons(stack: Stack) -> list[Tensor]:
    """Neurons (B, T, N) of each layer: what the output projection of the layer's call is given."""
    if isinstance(stack.projection(0), nn.Linear) or type(stack.projection(0)).__name__ == "Conv1D":
        given: list[Tensor] = []
        handles = [
            module.register_forward_pre_hook(lambda _m, args: given.append(args[0].detach().clone()))
            for module in dict.fromkeys(stack.projection(layer) for layer in range(len(stack.blocks)))
        ]
        states = _block_inputs(stack)
        for handle in handles:
            handle.remove()
        return [x.reshape(*s.shape[:2], -1) for x, s in zip(given, states, strict=True)]
    return [_experts(stack, layer)[0] for layer in range(len(stack.blocks))]


def naive_mixture(stack: Stack, layer: int) -> tuple[Tensor, Tensor]:
    """Output (B, T, D) of Mixtral's experts from their neurons, and as the model has it."""
    neurons, weights, output = _experts(stack, layer)
    down = stack.projection(layer).down_proj
    expected = torch.zeros_like(output)
    width = down.shape[2]
    for e in range(len(down)):
        expected += weights[..., e, None] * (neurons[..., e * width : (e + 1) * width] @ down[e].T)
    return expected, output


def _experts(stack: Stack, layer: int) -> tuple[Tensor, Tensor, Tensor]:
    """Neurons, routing weights (B, T, E) and output of Mixtral's experts, token by token."""
    seen: list[tuple[Any, Tensor]] = []
    handle = stack.projection(layer).register_forward_hook(lambda _m, args, out: seen.append((args, out)))
    states = _block_inputs(stack)[layer]
    handle.remove()
    (hidden, chosen, weights), output = seen[0]
    experts = stack.projection(layer)
    n_experts, _, width = experts.down_proj.shape
    neurons = torch.zeros(len(hidden), n_experts * width)
    routed = torch.zeros(len(hidden), n_experts)
    for t in range(len(hidden)):
        for e, weight in zip(chosen[t].tolist(), weights[t], strict=True):
            gate, up = (experts.gate_up_proj[e] @ hidden[t]).chunk(2)
            neurons[t, e * width : (e + 1) * width] = experts.act_fn(gate) * up
            routed[t, e] = weight
    shape = states.shape[:2]
    return neurons.reshape(*shape, -1), routed.reshape(*shape, -1), output.reshape(*shape, -1)


def _block_inputs(stack: Stack) -> list[Tensor]:
    seen: list[Tensor] = []
    handles = [
        block.register_forward_pre_hook(
            lambda _m, args, kwargs: seen.append(args[0] if args else kwargs["hidden_states"]), with_kwargs=True
        )
        for block in dict.fromkeys(stack.blocks)
    ]
    with torch.no_grad():
        stack.run()
    for handle in handles:
        handle.remove()
    return seen


def block_states(stack: Stack) -> tuple[list[Tensor], list[Tensor]]:
    """What enters and what leaves each block, (B, T, D)."""
    left: list[Tensor] = []
    handles = [
        block.register_forward_hook(
            lambda _m, _a, out: left.append((out[0] if isinstance(out, tuple) else out).clone())
        )
        for block in dict.fromkeys(stack.blocks)
    ]
    entered = [states.clone() for states in _block_inputs(stack)]
    for handle in handles:
        handle.remove()
    return entered, left


@contextlib.contextmanager
def hand_placed(stack: Stack, layer: int, change: Callable[[Tensor, int], Tensor]) -> Iterator[None]:
    """Hooks the neurons of one layer by hand.

    Args:
        stack: The stack.
        layer: The layer.
        change: Takes neurons as the projection gets them and the number of the pass, gives others.
    """
    n_calls = 0
    layers = [n for n, block in enumerate(stack.blocks) if block is stack.blocks[layer]]  # ALBERT: one module is all

    def before(_module: nn.Module, args: tuple[Any, ...]) -> Any:
        nonlocal n_calls
        n_pass, call = divmod(n_calls, len(layers))
        n_calls += 1
        return (change(args[0], n_pass), *args[1:]) if layers[call] == layer else None

    handle = stack.projection(layer).register_forward_pre_hook(before)
    try:
        yield
    finally:
        handle.remove()


def n_hooks(model: nn.Module) -> int:
    """Number of hooks on all modules, and of forward methods replaced on instances."""
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) + ("forward" in vars(module))
        for module in model.modules()
    )
