from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from transformers import GraniteConfig, GraniteForCausalLM

from ecco_widgets.errors import InvalidInput, UnsupportedModel
from ecco_widgets.models.neurons import find_neurons
from ecco_widgets.models.sites import Sites, find_sites
from tests.reference.naive_neurons import Stack, block_states, n_hooks, stacks
from tests.support.tiny_models import FAMILIES, tiny_model

# What adds attention's output to the stream that enters the block, and what adds the FFNN's to that; written down by
# hand: a module whose output is added, for attention and for the FFNN.
SERIAL = {
    "gpt2": ("attn", "mlp"),
    "gpt_neo": ("attn", "mlp"),
    "opt": ("self_attn", "fc2"),
    "llama": ("self_attn", "mlp"),
    "mistral": ("self_attn", "mlp"),
    "mixtral": ("self_attn", "mlp"),
    "qwen2": ("self_attn", "mlp"),
    "qwen3": ("self_attn", "mlp"),
    "gemma2": ("post_attention_layernorm", "post_feedforward_layernorm"),
    "gemma3_text": ("post_attention_layernorm", "post_feedforward_layernorm"),
    "olmo2": ("post_attention_layernorm", "post_feedforward_layernorm"),
    "phi3": ("self_attn", "mlp"),
    "stablelm": ("self_attn", "mlp"),
    "starcoder2": ("self_attn", "mlp"),
    "mpt": ("attn", "ffn.down_proj"),
    "bloom": ("self_attention.dense", "mlp.dense_4h_to_h"),
    "modernbert": ("attn", "mlp"),
    "t5 encoder": ("layer.0.SelfAttention", "layer.1.DenseReluDense"),
    "t5_v1_1 encoder": ("layer.0.SelfAttention", "layer.1.DenseReluDense"),
    "pegasus encoder": ("self_attn", "fc2"),
}
PARALLEL = {
    "gptj": ("attn", "mlp"),
    "gpt_neox": ("attention", "mlp"),
    "phi": ("self_attn", "mlp"),
    "falcon": ("self_attention", "mlp.dense_4h_to_h"),
}
# Decoders with cross-attention: both attentions and the FFNN.
CROSS = {
    "t5 decoder": ("layer.0.SelfAttention", "layer.1.EncDecAttention", "layer.2.DenseReluDense"),
    "t5_v1_1 decoder": ("layer.0.SelfAttention", "layer.1.EncDecAttention", "layer.2.DenseReluDense"),
    "pegasus decoder": ("self_attn", "encoder_attn", "fc2"),
}
# Norm after attention (its output is the stream there), what the FFNN adds, norm of the sum.
NORMED = {
    "opt_post_norm": ("self_attn_layer_norm", "fc2", "final_layer_norm"),
    "bert": ("attention.output.LayerNorm", "output.dense", "output.LayerNorm"),
    "roberta": ("attention.output.LayerNorm", "output.dense", "output.LayerNorm"),
    "electra": ("attention.output.LayerNorm", "output.dense", "output.LayerNorm"),
    "deberta_v2": ("attention.output.LayerNorm", "output.dense", "output.LayerNorm"),
    "distilbert": ("sa_layer_norm", "ffn", "output_layer_norm"),
    "albert": (
        "albert_layers.0.attention.LayerNorm",
        "albert_layers.0.ffn_output",
        "albert_layers.0.full_layer_layer_norm",
    ),
    "bart encoder": ("self_attn_layer_norm", "fc2", "final_layer_norm"),
    "bart decoder": ("encoder_attn_layer_norm", "fc2", "final_layer_norm"),
}


def sites_of(stack: Stack) -> Sites:
    return find_sites(find_neurons(stack.base, stack.blocks, stack.run), stack.run)


def every_stack():
    for family in FAMILIES:
        yield from stacks(family, tiny_model(family))


def stack_of(label: str) -> Stack:
    family = label.split(" ", maxsplit=1)[0]
    return next(stack for stack in stacks(family, tiny_model(family)) if stack.label == label)


def outputs_by_hand(stack: Stack, name: str) -> list[Tensor]:
    """First output of a module of each block, as it is when it leaves the module."""
    seen: list[Tensor] = []
    handles = [
        module.register_forward_hook(
            lambda _m, _a, out: seen.append((out[0] if isinstance(out, tuple) else out).clone())
        )
        for module in dict.fromkeys(block.get_submodule(name) for block in stack.blocks)
    ]
    with torch.no_grad():
        stack.run()
    for handle in handles:
        handle.remove()
    return seen


def test_every_family_has_both_sites_and_is_in_one_table():
    labels = {stack.label for stack in every_stack() if "classifier" not in stack.label}
    assert labels == {*SERIAL, *PARALLEL, *CROSS, *NORMED}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_parts_add_up_to_the_block(family):
    model = tiny_model(family)
    for stack in stacks(family, model):
        before = n_hooks(model)
        sites = sites_of(stack)
        assert sites.unavailable == ""
        with torch.no_grad():
            states = sites.record(stack.run)
        assert n_hooks(model) == before
        _, left = block_states(stack)
        assert torch.equal(states["block"], torch.stack(left))
        assert states["attention_out"].shape == states["ffn_out"].shape == states["block"].shape
        total = states["attention_out"] + states["ffn_out"]
        assert torch.allclose(total, states["block"], atol=1e-5) != sites.normed


@pytest.mark.parametrize("label", SERIAL)
def test_serial_blocks(label):
    stack = stack_of(label)
    attention, ffnn = SERIAL[label]
    sites = sites_of(stack)
    states = sites.record(stack.run)
    entered, _ = block_states(stack)
    assert (sites.parallel, sites.normed) == (False, False)
    between = torch.stack(entered) + torch.stack(outputs_by_hand(stack, attention))
    torch.testing.assert_close(states["attention_out"], between, atol=1e-5, rtol=1e-5)
    expected = torch.stack(outputs_by_hand(stack, ffnn)).reshape_as(between)
    torch.testing.assert_close(states["ffn_out"], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("label", CROSS)
def test_blocks_with_cross_attention(label):
    stack = stack_of(label)
    own, cross, ffnn = CROSS[label]
    states = sites_of(stack).record(stack.run)
    entered, _ = block_states(stack)
    between = torch.stack(entered) + torch.stack(outputs_by_hand(stack, own))
    between = between + torch.stack(outputs_by_hand(stack, cross))
    torch.testing.assert_close(states["attention_out"], between, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(states["ffn_out"], torch.stack(outputs_by_hand(stack, ffnn)), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("label", PARALLEL)
def test_parallel_blocks(label):
    stack = stack_of(label)
    attention, ffnn = PARALLEL[label]
    sites = sites_of(stack)
    states = sites.record(stack.run)
    entered, _ = block_states(stack)
    assert sites.parallel
    between = torch.stack(entered) + torch.stack(outputs_by_hand(stack, attention))
    torch.testing.assert_close(states["attention_out"], between, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(states["ffn_out"], torch.stack(outputs_by_hand(stack, ffnn)), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("label", NORMED)
def test_blocks_that_normalise_the_sum(label):
    stack = stack_of(label)
    norm, ffnn, last_norm = NORMED[label]
    sites = sites_of(stack)
    states = sites.record(stack.run)
    assert sites.normed
    assert torch.equal(states["attention_out"], torch.stack(outputs_by_hand(stack, norm)))
    assert torch.equal(states["ffn_out"], torch.stack(outputs_by_hand(stack, ffnn)).reshape_as(states["block"]))
    for layer, block in enumerate(stack.blocks):
        total = block.get_submodule(last_norm)(states["attention_out"][layer] + states["ffn_out"][layer])
        torch.testing.assert_close(total, states["block"][layer])


def test_what_is_scaled_before_it_is_added_is_the_difference():
    torch.manual_seed(0)
    config = GraniteConfig(
        num_hidden_layers=2,
        hidden_size=32,
        intermediate_size=48,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=64,
        residual_multiplier=0.25,
        pad_token_id=0,
    )
    model = GraniteForCausalLM(config).eval()
    stack = Stack("granite", model, model.model, list(model.model.layers), "", 48, lambda: model(torch.arange(6)[None]))
    states = find_sites(
        find_neurons(stack.base, stack.blocks, lambda: stack.base(torch.arange(6)[None], use_cache=False)),
        lambda: stack.base(torch.arange(6)[None], use_cache=False),
    ).record(stack.run)
    added = torch.stack(outputs_by_hand(stack, "mlp")) * 0.25
    torch.testing.assert_close(states["ffn_out"], added, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("family", ["gpt2", "llama", "gemma2", "mixtral", "bert", "t5"])
def test_half_precision_is_read_as_it_is(family):
    stack = stacks(family, tiny_model(family).to(torch.bfloat16))[-1]
    sites = sites_of(stack)
    states = sites.record(stack.run)
    assert {s.dtype for s in states.values()} == {torch.bfloat16}
    if not sites.normed:  # rounded once, where the block itself adds
        assert torch.equal(states["attention_out"] + states["ffn_out"], states["block"])


def test_large_dimensions_of_the_stream_hide_nothing():
    stack = stack_of("llama")
    with torch.no_grad():
        stack.base.embed_tokens.weight[:, 3] += 3e4  # as trained models have them
    states = sites_of(stack).record(stack.run)
    added = torch.stack(outputs_by_hand(stack, "mlp"))
    torch.testing.assert_close(states["ffn_out"], added)


class Mixed(nn.Module):
    """A block whose FFNN does not add to the stream, but multiplies it."""

    def __init__(self) -> None:
        super().__init__()
        self.values, self.out = nn.Linear(8, 8), nn.Linear(8, 8)
        self.up, self.down = nn.Linear(8, 16), nn.Linear(16, 8)

    def forward(self, hidden_states: Tensor) -> Tensor:
        hidden_states = hidden_states + self.out(self.values(hidden_states).cumsum(1))
        return hidden_states * self.down(self.up(hidden_states).relu())


def test_a_block_where_nothing_adds_up_says_so():
    torch.manual_seed(0)
    base = nn.Sequential(Mixed(), Mixed())
    states = torch.randn(1, 5, 8)

    def run():
        return base(states)

    sites = find_sites(find_neurons(base, list(base), run), run)
    assert sites.unavailable == "nothing in layer 0 (Mixed) was found to be the stream between attention and FFNN."
    assert sites.check("block") == "block"
    with pytest.raises(UnsupportedModel, match=r"site 'ffn_out': nothing in layer 0 \(Mixed\).*Site 'block' works"):
        sites.check("ffn_out")
    with pytest.raises(UnsupportedModel, match="site 'ffn_out'"):
        sites.record(run)
    with pytest.raises(InvalidInput, match="site must be one of 'block', 'attention_out', 'ffn_out', got 'mlp'"):
        sites.check("mlp")


def test_nothing_remains_hooked_after_an_exception():
    stack = stack_of("gpt2")
    sites = sites_of(stack)
    before = n_hooks(stack.model)
    handle = stack.blocks[1].mlp.register_forward_pre_hook(lambda *_: 1 / 0)
    for attempt in (lambda: sites.record(stack.run), lambda: find_sites(sites.neurons, stack.run)):
        with pytest.raises(ZeroDivisionError):
            attempt()
    handle.remove()
    assert n_hooks(stack.model) == before
