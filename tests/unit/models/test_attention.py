from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor, nn

from ecco_widgets.errors import UnsupportedModel
from ecco_widgets.models.attention import Attention, find_attention
from ecco_widgets.models.implementations import eager_here
from tests.reference.naive_neurons import Stack, block_states, n_hooks, stacks
from tests.support.tiny_models import FAMILIES, tiny_model

BIDIRECTIONAL = ("bert", "roberta", "distilbert", "albert", "electra", "deberta_v2", "modernbert", "encoder")


def attention_of(stack: Stack) -> Attention:
    return find_attention(stack.model, stack.base, stack.blocks, stack.run)


def naive_gpt2(stack: Stack, layer: int) -> Tensor:
    """softmax(Q K^T / sqrt(d)) of one layer, head by head."""
    block, config = stack.blocks[layer], stack.model.config
    states = block.ln_1(block_states(stack)[0][layer][0])
    query, key, _ = block.attn.c_attn(states).split(config.n_embd, dim=1)
    width = config.n_embd // config.n_head
    heads = []
    for h in range(config.n_head):
        columns = slice(h * width, (h + 1) * width)
        scores = query[:, columns] @ key[:, columns].T / width**0.5
        future = torch.ones_like(scores).triu(1).bool()
        heads.append(scores.masked_fill(future, float("-inf")).softmax(-1))
    return torch.stack(heads)


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_weights_are_the_softmax_of_queries_and_keys(implementation):
    model = tiny_model("gpt2")
    model.set_attn_implementation(implementation)
    stack = stacks("gpt2", model)[0]
    with torch.no_grad():
        weights = attention_of(stack).record(stack.run)
        for layer, own in enumerate(weights.layers):
            torch.testing.assert_close(own[0], naive_gpt2(stack, layer), atol=1e-6, rtol=1e-5)
    assert weights.cross == ()


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_of_every_family(family):
    model = tiny_model(family)
    implementation, kind = model.config._attn_implementation, type(model.config)
    for stack in stacks(family, model):
        before = n_hooks(model)
        _, plain = block_states(stack)
        with torch.no_grad():
            weights = attention_of(stack).record(stack.run)
        assert n_hooks(model) == before
        assert (model.config._attn_implementation, type(model.config)) == (implementation, kind)
        length = plain[0].shape[1]
        assert [tuple(w.shape) for w in weights.layers] == [(1, 4, length, length)] * len(stack.blocks)
        expected = 5 if "decoder" in stack.label else 0
        assert [w.shape[-1] for w in weights.cross] == [expected] * (len(stack.blocks) if expected else 0)
        for rows in (*weights.layers, *weights.cross):
            torch.testing.assert_close(rows.sum(-1), torch.ones(1, 4, rows.shape[2]))
            assert bool((rows >= 0).all())
        bidirectional = any(name in stack.label for name in BIDIRECTIONAL)
        future = torch.stack(weights.layers).triu(1)
        assert bool(future.any()) == bidirectional
        _, after = block_states(stack)
        assert all(torch.equal(a, b) for a, b in zip(plain, after, strict=True))


@pytest.mark.parametrize("family", ["bart", "t5"])
def test_cross_attention_is_told_from_the_decoders_own(family):
    model = tiny_model(family)
    texts = torch.tensor([[5, 6, 7, 8, 9]])  # as long as the source
    stack = stacks(family, model, texts)[1]
    weights = attention_of(stack).record(stack.run)
    eager = tiny_model(family)
    eager.set_attn_implementation("eager")
    source = torch.tensor([[11, 12, 13, 14, 1]])
    expected = eager(input_ids=source, decoder_input_ids=texts, use_cache=False, output_attentions=True)
    for own, reference in zip(weights.layers, expected.decoder_attentions, strict=True):
        torch.testing.assert_close(own, reference, atol=1e-6, rtol=1e-4)
    for own, reference in zip(weights.cross, expected.cross_attentions, strict=True):
        torch.testing.assert_close(own, reference, atol=1e-6, rtol=1e-4)


def test_other_threads_go_on_with_their_own_implementation():
    model = tiny_model("llama")
    seen: list[str] = []

    def look() -> None:
        seen.append(model.config._attn_implementation)

    with eager_here(model.modules()):
        assert model.config._attn_implementation == "eager"
        elsewhere = threading.Thread(target=look)
        elsewhere.start()
        elsewhere.join()
        with eager_here(model.modules()):
            assert model.config._attn_implementation == "eager"
        assert model.config._attn_implementation == "eager"
    assert seen == ["sdpa"]
    assert model.config._attn_implementation == "sdpa"
    assert model.config.to_dict() == tiny_model("llama").config.to_dict()


def test_two_threads_may_ask_at_the_same_time():
    model = tiny_model("llama")
    kind = type(model.config)
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with eager_here(model.modules()):
            inside.set()
            assert leave.wait(20)

    elsewhere = threading.Thread(target=other)
    elsewhere.start()
    assert inside.wait(20)
    assert model.config._attn_implementation == "sdpa"
    with eager_here(model.modules()):
        assert model.config._attn_implementation == "eager"
        leave.set()
        elsewhere.join()
        assert model.config._attn_implementation == "eager"
    assert (type(model.config), model.config._attn_implementation) == (kind, "sdpa")


def test_the_implementation_is_restored_after_an_exception():
    stack = stacks("llama", tiny_model("llama"))[0]
    attention = attention_of(stack)
    before, kind = n_hooks(stack.model), type(stack.model.config)
    handle = stack.blocks[1].mlp.register_forward_pre_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        attention.record(stack.run)
    handle.remove()
    assert (type(stack.model.config), stack.model.config._attn_implementation) == (kind, "sdpa")
    assert n_hooks(stack.model) == before


class NoAttention(nn.Module):
    def forward(self, hidden_states: Tensor) -> Tensor:
        return hidden_states * 2


def test_a_layer_without_attention_is_named():
    base = nn.Sequential(NoAttention())
    with pytest.raises(
        UnsupportedModel, match=r"layer 0 \(NoAttention\) returns no attention weights.*attn_implementation"
    ):
        find_attention(base, base, list(base), lambda **_: base(torch.ones(1, 3, 4)))


class Different(nn.Module):
    """Attention whose eager implementation computes something else."""

    def __init__(self, config) -> None:
        super().__init__()
        self.config = config
        self.inner = Inner()

    def forward(self, hidden_states: Tensor) -> Tensor:
        states, _ = self.inner(hidden_states)
        return states * (2 if self.config._attn_implementation == "eager" else 1)


class Inner(nn.Module):
    def forward(self, states: Tensor) -> tuple[Tensor, Tensor]:
        return states, torch.full((1, 2, 3, 3), 1 / 3)


def test_states_that_differ_are_refused():
    base = nn.Sequential(Different(tiny_model("llama").config))
    with pytest.raises(UnsupportedModel, match="states differ between its eager attention"):
        find_attention(base, base, list(base), lambda **_: base(torch.ones(1, 3, 4)))
