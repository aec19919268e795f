from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor, nn
from transformers import (
    GptOssConfig,
    GptOssForCausalLM,
    Llama4ForCausalLM,
    Llama4TextConfig,
    MixtralConfig,
    Qwen2MoeConfig,
    Qwen2MoeForCausalLM,
)

from ecco_widgets.errors import InvalidInput, UnsupportedModel
from ecco_widgets.models.neurons import Neurons, find_neurons
from tests.reference.naive_neurons import Stack, n_hooks, naive_mixture, naive_neurons, stacks
from tests.support.tiny_models import FAMILIES, tiny_model


def neurons_of(stack: Stack, name: str | None = None) -> Neurons:
    return find_neurons(stack.base, stack.blocks, stack.run, name)


def only_stack(family: str, **options) -> Stack:
    return stacks(family, tiny_model(family, **options))[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_recorded_neurons_are_what_hooks_placed_by_hand_see(family):
    model = tiny_model(family)
    for stack in stacks(family, model):
        before = n_hooks(model)
        neurons = neurons_of(stack)
        with torch.no_grad():
            recorded = neurons.record(stack.run)
        assert n_hooks(model) == before
        assert neurons.widths == (stack.width,) * len(stack.blocks)
        assert [p.name for layer in neurons.projections for p in layer] == [stack.output] * len(stack.blocks)
        for layer, (own, expected) in enumerate(zip(recorded, naive_neurons(stack), strict=True)):
            assert own.shape == expected.shape == (1, own.shape[1], stack.width)
            torch.testing.assert_close(own, expected, msg=f"{stack.label} layer {layer}")


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - {"mixtral"}))
def test_neurons_times_directions_are_what_the_projection_adds(family):
    for stack in stacks(family, tiny_model(family)):
        neurons = neurons_of(stack)
        last = len(stack.blocks) - 1
        seen: list[Tensor] = []
        handle = stack.projection(last).register_forward_hook(lambda _m, _a, out, seen=seen: seen.append(out.clone()))
        with torch.no_grad():
            recorded = neurons.record(stack.run)[last]
        handle.remove()
        directions = neurons.directions(last)
        bias = stack.projection(last).bias
        assert directions.shape == (stack.width, 32)
        added = recorded @ directions + (0 if bias is None else bias)
        torch.testing.assert_close(added.reshape_as(seen[-1]), seen[-1], atol=1e-5, rtol=1e-5)


def test_layers_keep_numeric_order_with_thirteen_of_them():
    stack = only_stack("gpt2", n_layers=13)
    recorded = neurons_of(stack).record(stack.run)
    for layer, block in enumerate(stack.model.transformer.h):
        seen: list[Tensor] = []
        handle = block.mlp.c_proj.register_forward_pre_hook(lambda _m, args, seen=seen: seen.append(args[0]))
        stack.run()
        handle.remove()
        assert torch.equal(recorded[layer], seen[0])
    assert not torch.allclose(recorded[10], recorded[2])


def test_a_shared_block_gives_each_call_its_own_layer():
    stack = only_stack("albert")
    assert len(set(stack.blocks)) == 1
    recorded = neurons_of(stack).record(stack.run)
    assert len(recorded) == 3
    for own, expected in zip(recorded, naive_neurons(stack), strict=True):
        torch.testing.assert_close(own, expected)
    assert not torch.allclose(recorded[0], recorded[1])


def test_chosen_layers_come_in_the_order_asked_for():
    stack = only_stack("gpt2")
    neurons = neurons_of(stack)
    every = neurons.record(stack.run)
    some = neurons.record(stack.run, [2, 0])
    assert torch.equal(some[0], every[2])
    assert torch.equal(some[1], every[0])


@pytest.mark.parametrize("family", ["gpt2", "opt", "mixtral", "t5"])
def test_a_batch_gives_each_text_its_own_neurons(family):
    model = tiny_model(family)
    texts = torch.tensor([[5, 6, 7, 8], [9, 10, 11, 12]])
    stack = stacks(family, model, texts)[-1]
    recorded = neurons_of(stack).record(stack.run)
    for row in range(2):
        alone = stacks(family, model, texts[row : row + 1])[-1]
        for together, single in zip(recorded, naive_neurons(alone), strict=True):
            torch.testing.assert_close(together[row], single[0], atol=1e-5, rtol=1e-4)


# ------------------------------------------------------------------------------------------------ mixtures of experts


@pytest.mark.parametrize("implementation", ["grouped_mm", "batched_mm", "eager"])
def test_experts_weighted_by_the_router_give_the_mixtures_output(implementation):
    model = tiny_model("mixtral")
    model.set_experts_implementation(implementation)
    stack = stacks("mixtral", model)[0]
    neurons = neurons_of(stack)
    assert model.config._experts_implementation == implementation
    assert type(model.config) is MixtralConfig
    with torch.no_grad():
        recorded = neurons.record(stack.run)
    assert model.config._experts_implementation == implementation
    for layer, own in enumerate(recorded):
        torch.testing.assert_close(own, naive_neurons(stack)[layer], atol=1e-6, rtol=1e-5)
        expected, output = naive_mixture(stack, layer)
        torch.testing.assert_close(output, expected, atol=1e-5, rtol=1e-4)
        used = (own.reshape(1, 6, 4, 48) != 0).any(-1)
        assert used.sum(-1).tolist() == [[2] * 6]  # two experts for each token, zeros for the others
        down = stack.projection(layer).down_proj
        directions = neurons.directions(layer)
        assert torch.equal(directions[2 * 48 + 5], down[2, :, 5])


MIXTURES = {
    # Experts beside one that every token passes.
    "shared": lambda: Qwen2MoeForCausalLM(
        Qwen2MoeConfig(
            num_hidden_layers=2,
            hidden_size=32,
            intermediate_size=48,
            moe_intermediate_size=24,
            shared_expert_intermediate_size=40,
            num_experts=4,
            num_experts_per_tok=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            vocab_size=64,
        )
    ),
    # Biases, weights the other way round, interleaved gates.
    "biased": lambda: GptOssForCausalLM(
        GptOssConfig(
            num_hidden_layers=2,
            hidden_size=32,
            intermediate_size=24,
            num_local_experts=4,
            num_experts_per_tok=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=8,
            vocab_size=64,
        )
    ),
    # All experts in one product, the router's weights before them.
    "dense": lambda: Llama4ForCausalLM(
        Llama4TextConfig(
            num_hidden_layers=2,
            hidden_size=32,
            intermediate_size=24,
            intermediate_size_mlp=40,
            num_local_experts=4,
            num_experts_per_tok=1,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=8,
            vocab_size=64,
            pad_token_id=0,
        )
    ),
}


def mixture(kind: str) -> tuple[nn.Module, Neurons, object]:
    torch.manual_seed(0)
    model = MIXTURES[kind]().eval()
    for parameter in model.parameters():
        parameter.data.normal_(0.0, 0.15)
    base = model.model
    ids = torch.tensor([[5, 6, 7, 8, 9]])

    def run():
        return base(input_ids=ids, use_cache=False)

    return model, find_neurons(base, list(base.layers), run), run


def test_a_shared_expert_stands_beside_the_others():
    model, neurons, run = mixture("shared")
    assert [p.name for p in neurons.projections[0]] == ["mlp.shared_expert.down_proj", "mlp.experts"]
    assert neurons.widths == (40 + 4 * 24,) * 2
    seen: list[Tensor] = []
    handle = model.model.layers[1].mlp.shared_expert.down_proj.register_forward_pre_hook(
        lambda _m, args: seen.append(args[0])
    )
    recorded = neurons.record(run)[1]
    handle.remove()
    assert torch.equal(recorded[0, :, :40], seen[0])
    assert ((recorded[0, :, 40:].reshape(5, 4, 24) != 0).any(-1).sum(-1) == 2).all()
    experts = model.model.layers[1].mlp.experts
    assert torch.equal(neurons.directions(1)[40 + 24 + 3], experts.down_proj[1, :, 3])


@pytest.mark.parametrize("kind", ["biased", "dense"])
def test_experts_stored_the_other_way_round(kind):
    model, neurons, run = mixture(kind)
    layer = model.model.layers[1]
    experts = (layer.mlp if kind == "biased" else layer.feed_forward).experts
    start = 0 if kind == "biased" else sum(p.width for p in neurons.projections[1][:1] if "experts" not in p.name)
    assert torch.equal(neurons.directions(1)[start + 24 + 3], experts.down_proj[1, 3])
    seen: list[Tensor] = []
    handle = experts.register_forward_hook(lambda _m, _a, out: seen.append(out))
    with torch.no_grad():
        recorded = neurons.record(run)[1][0, :, start : start + 96].reshape(5, 4, 24)
    handle.remove()
    outputs = torch.einsum("tei,eid->ted", recorded, experts.down_proj)
    if kind == "dense":
        torch.testing.assert_close(outputs.transpose(0, 1).reshape(20, 32), seen[0], atol=1e-5, rtol=1e-4)
    else:
        assert ((recorded != 0).any(-1).sum(-1) == 2).all()


# -------------------------------------------------------------------------------------------- named by hand, not found


@pytest.mark.parametrize("name", ["mlp.c_proj", r"mlp\.c_.*j", "lp.c_pro"])
def test_the_projection_can_be_named_by_hand(name):
    stack = only_stack("gpt2")
    assert neurons_of(stack, name).projections == neurons_of(stack).projections


def test_a_part_of_several_names_is_refused():
    with pytest.raises(UnsupportedModel, match=r"'c_proj' fits several.*'attn\.c_proj', 'mlp\.c_proj'.*Name one"):
        neurons_of(only_stack("gpt2"), "c_proj")


def test_naming_another_projection_records_its_input():
    stack = only_stack("llama")
    neurons = neurons_of(stack, "mlp.up_proj")
    assert neurons.widths == (32, 32, 32)


def test_a_name_that_does_not_exist_says_which_do():
    stack = only_stack("gpt2")
    with pytest.raises(
        UnsupportedModel, match=r"no projection in layer 0 \(GPT2Block\) is called 'mlp\.down_proj'.*mlp\.c_fc"
    ):
        neurons_of(stack, "mlp.down_proj")


def test_an_invalid_expression_is_refused():
    stack = only_stack("gpt2")
    with pytest.raises(InvalidInput, match="regular expression"):
        neurons_of(stack, "mlp.(")


class AttentionOnly(nn.Module):
    """A block without a feed-forward network."""

    def __init__(self) -> None:
        super().__init__()
        self.values, self.out = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, hidden_states: Tensor) -> Tensor:
        return hidden_states + self.out(self.values(hidden_states).cumsum(1))


class TwoNetworks(nn.Module):
    """A block with two feed-forward networks of the same width side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = (nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 8)) for _ in range(2))

    def forward(self, hidden_states: Tensor) -> Tensor:
        return hidden_states + self.a(hidden_states) + self.b(hidden_states)


class Linear(nn.Module):
    """A block whose second projection follows the first without anything bent between them."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(8, 16), nn.Linear(16, 8)

    def forward(self, hidden_states: Tensor) -> Tensor:
        return hidden_states + self.second(self.first(hidden_states))


def toy(block: type[nn.Module], n_layers: int = 2) -> tuple[nn.Sequential, object]:
    torch.manual_seed(0)
    base = nn.Sequential(*(block() for _ in range(n_layers)))
    states = torch.randn(1, 5, 8)
    return base, lambda: base(states)


@pytest.mark.parametrize("block", [AttentionOnly, Linear])
def test_a_block_without_ffnn_is_named_with_the_way_out(block):
    base, run = toy(block)
    with pytest.raises(
        UnsupportedModel, match=rf"layer 0 \({block.__name__}\) has none.*parts=\{{'neurons': 'mlp\.c_proj'\}}"
    ):
        find_neurons(base, list(base), run)


def test_several_that_could_be_it_are_named():
    base, run = toy(TwoNetworks)
    with pytest.raises(UnsupportedModel, match=r"several that could be it: 'a\.2', 'b\.2'"):
        find_neurons(base, list(base), run)
    assert find_neurons(base, list(base), run, "b.2").widths == (16, 16)


def test_a_feed_forward_network_that_takes_tokens_in_chunks_is_refused():
    stack = only_stack("bert")
    neurons = neurons_of(stack)
    for block in stack.blocks:
        block.chunk_size_feed_forward = 2
    with pytest.raises(UnsupportedModel, match=r"layer 0 works on 2 rows.*chunk_size_feed_forward = 0"):
        neurons.record(stack.run)


def test_a_run_that_leaves_the_blocks_out_is_noticed():
    stack = only_stack("gpt2")
    neurons = neurons_of(stack)
    with pytest.raises(UnsupportedModel, match="neurons of layers 0, 1, 2 were not seen"):
        neurons.record(lambda: None)


def test_layers_that_do_not_exist_are_refused():
    neurons = neurons_of(only_stack("gpt2"))
    with pytest.raises(InvalidInput, match=r"layer must be an integer in 0\.\.2, got 3"):
        neurons.directions(3)


# --------------------------------------------------------------------------------- precision, other kinds of projection


@pytest.mark.parametrize("family", ["gpt2", "llama", "mixtral", "bert"])
def test_half_precision_is_kept(family):
    stack = stacks(family, tiny_model(family).to(torch.bfloat16))[0]
    neurons = neurons_of(stack)
    assert {x.dtype for x in neurons.record(stack.run)} == {torch.bfloat16}
    assert neurons.directions(0).dtype == torch.bfloat16


class Quantised(nn.Module):
    """A linear layer with weights of 8 bits, as libraries for quantisation make them."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.scale = nn.Parameter(linear.weight.detach().abs().amax() / 127)
        self.register_buffer("weight", (linear.weight.detach() / self.scale).round().to(torch.int8))

    def forward(self, x: Tensor) -> Tensor:
        return x @ (self.weight.to(x.dtype) * self.scale).T


class Adapted(nn.Module):
    """A linear layer with a low-rank adapter around it, as PEFT makes it."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.base_layer = linear
        self.lora_A = nn.Linear(linear.in_features, 4, bias=False)
        self.lora_B = nn.Linear(4, linear.out_features, bias=False)

    @property
    def weight(self) -> Tensor:
        return self.base_layer.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.base_layer(x) + 0.5 * self.lora_B(self.lora_A(x))


@pytest.mark.parametrize("wrapper", [Quantised, Adapted])
def test_quantised_and_adapted_projections_are_one_part(wrapper):
    stack = only_stack("llama")
    expected = neurons_of(stack).record(stack.run)
    for block in stack.blocks:
        for name in ("gate_proj", "up_proj", "down_proj"):
            setattr(block.mlp, name, wrapper(getattr(block.mlp, name)))
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            setattr(block.self_attn, name, wrapper(getattr(block.self_attn, name)))
    neurons = neurons_of(stack)
    assert [p.name for layer in neurons.projections for p in layer] == ["mlp.down_proj"] * 3
    assert neurons.record(stack.run)[0].shape == expected[0].shape
    down = stack.projection(1)
    if wrapper is Quantised:
        weight = down.weight * down.scale
    else:
        weight = down.base_layer.weight + 0.5 * down.lora_B.weight @ down.lora_A.weight
    torch.testing.assert_close(neurons.directions(1), weight.T, atol=1e-5, rtol=1e-4)


# ------------------------------------------------------------------------------------------------------ threads, errors


@pytest.mark.parametrize(("family", "inside"), [("gpt2", "h.1.mlp.act"), ("mixtral", "layers.1.mlp.experts.act_fn")])
def test_runs_on_other_threads_meanwhile_are_neither_seen_nor_changed(family, inside):
    stack = only_stack(family)
    neurons = neurons_of(stack)
    expected = neurons.record(stack.run)
    plain = stack.run().last_hidden_state
    others: list[Tensor] = []
    here = threading.get_ident()

    def meanwhile(*_) -> None:
        if threading.get_ident() == here and not others:
            elsewhere = threading.Thread(target=lambda: others.append(stack.run().last_hidden_state))
            elsewhere.start()
            elsewhere.join()

    handle = stack.base.get_submodule(inside).register_forward_pre_hook(meanwhile)
    recorded = neurons.record(stack.run)
    handle.remove()
    for own, other in zip(recorded, expected, strict=True):
        assert torch.equal(own, other)
    assert torch.equal(others[0], plain)


@pytest.mark.parametrize("family", ["gpt2", "mixtral"])
def test_nothing_remains_hooked_after_an_exception(family):
    stack = only_stack(family)
    neurons = neurons_of(stack)
    before = n_hooks(stack.model)
    handle = stack.blocks[1].register_forward_pre_hook(lambda *_: 1 / 0)
    for attempt in (lambda: neurons.record(stack.run), lambda: neurons_of(stack)):
        with pytest.raises(ZeroDivisionError):
            attempt()
    handle.remove()
    assert n_hooks(stack.model) == before
    assert len(neurons.record(stack.run)) == 3


def test_recording_works_inside_no_grad_and_with_gradients():
    stack = only_stack("gpt2")
    with torch.no_grad():
        neurons = neurons_of(stack)
        assert not any(x.requires_grad for x in neurons.record(stack.run))
    gradient = torch.autograd.grad(neurons.record(stack.run)[2].sum(), stack.model.transformer.wte.weight)[0]
    assert bool(gradient.any())
