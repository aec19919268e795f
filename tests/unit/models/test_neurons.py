from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor, nn

from ecco_widgets.errors import InvalidInput, UnsupportedModel
from ecco_widgets.models.neurons import Neurons, find_neurons
from tests.reference.naive_neurons import Stack, n_hooks, naive_neurons, stacks
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


@pytest.mark.parametrize("family", ["gpt2", "llama", "mixtral"])
def test_weights_that_are_fetched_for_each_call(family):
    accelerate = pytest.importorskip("accelerate", reason="offloading is accelerate's")
    plain, stack = only_stack(family), only_stack(family)
    expected = neurons_of(plain)
    accelerate.cpu_offload(stack.model, execution_device=torch.device("cpu"))
    assert next(stack.model.parameters()).is_meta
    neurons = neurons_of(stack)
    with torch.no_grad():
        for own, other in zip(neurons.record(stack.run), expected.record(plain.run), strict=True):
            assert torch.equal(own, other)
    assert torch.equal(neurons.directions(1), expected.directions(1))


class KeywordOnly(nn.Module):
    """Blocks that are called with the name of their states."""

    def __init__(self) -> None:
        super().__init__()
        self.block = Plain()

    def forward(self, x: Tensor) -> Tensor:
        return self.block(scale=2, x=x)


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(8, 16), nn.Linear(16, 8)

    def forward(self, *, scale: int, x: Tensor) -> Tensor:
        return x + self.down(input=self.up(input=x).relu()) * scale


def test_arguments_may_be_named():
    base = KeywordOnly()
    states = torch.randn(1, 5, 8)
    neurons = find_neurons(base, [base.block], lambda: base(states))
    torch.testing.assert_close(neurons.record(lambda: base(states))[0], base.block.up(states).relu())


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
