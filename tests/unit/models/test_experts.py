from __future__ import annotations

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

from ecco_widgets.models.neurons import Neurons, find_neurons
from tests.reference.naive_neurons import Stack, naive_mixture, naive_neurons, stacks
from tests.support.tiny_models import tiny_model


def neurons_of(stack: Stack, name: str | None = None) -> Neurons:
    return find_neurons(stack.base, stack.blocks, stack.run, name)


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
