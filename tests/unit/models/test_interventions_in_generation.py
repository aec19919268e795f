from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ecco_widgets.models.interventions import make_interventions
from ecco_widgets.models.neurons import Neurons, find_neurons
from tests.reference.naive_neurons import (
    Stack,
    block_states,
    hand_placed,
    stacks,
)
from tests.support.tiny_models import CAUSAL, SEQ2SEQ, tiny_model

PROMPT = torch.tensor([[5, 6, 7, 8, 9, 10]])
GENERATION = {"max_new_tokens": 8, "do_sample": False, "pad_token_id": 0, "eos_token_id": None}


def neurons_of(stack: Stack) -> Neurons:
    return find_neurons(stack.base, stack.blocks, stack.run)


def only_stack(family: str, ids: Tensor | None = None, **options) -> Stack:
    return stacks(family, tiny_model(family, **options), ids)[-1]


def left_by_blocks(stack: Stack) -> Tensor:
    with torch.no_grad():
        return torch.stack(block_states(stack)[1])


def generate(stack: Stack, *, use_cache: bool = True, **options) -> list[list[int]]:
    inputs = options.pop("input_ids", PROMPT)
    return stack.model.generate(inputs, use_cache=use_cache, **GENERATION | options).tolist()


def generated(stack: Stack, **options) -> tuple[list[int], Tensor]:
    """Tokens and the logits of each step."""
    more = {"output_logits": True, "return_dict_in_generate": True}
    output = stack.model.generate(PROMPT, **GENERATION | more | options)
    return output.sequences[0].tolist(), torch.cat(output.logits)


@pytest.mark.parametrize("family", [*CAUSAL, *SEQ2SEQ])
def test_generation_is_changed_the_same_with_and_without_the_cache(family):
    stack = only_stack(family)
    neurons = neurons_of(stack)
    every = {layer: range(width) for layer, width in enumerate(neurons.widths)}
    _, plain = generated(stack)
    first = 0 if family in SEQ2SEQ else 5  # the token that step 0 comes after; a decoder begins with its start token
    for positions in (None, [first + 1, first + 3]):
        with make_interventions(neurons, every, "scale", value=-4.0, positions=positions).applied():
            tokens, logits = generated(stack)
            tokens_again, logits_again = generated(stack, use_cache=False)
        assert tokens == tokens_again
        torch.testing.assert_close(logits, logits_again, atol=1e-4, rtol=1e-4)
        changed = 0 if positions is None else 1
        assert torch.equal(logits[:changed], plain[:changed])
        assert not torch.allclose(logits[changed], plain[changed], atol=1e-3)
    assert torch.equal(generated(stack)[1], plain)


def test_positions_are_right_with_a_cache_of_fixed_size():
    stack = only_stack("llama")
    change = make_interventions(neurons_of(stack), {0: range(48)}, "scale", value=-4.0, positions=[7, 9])
    with change.applied():
        assert generate(stack, cache_implementation="static") == generate(stack) != generate(only_stack("llama"))


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_generation_changes_as_hooks_placed_by_hand_change_it(family):
    stack = only_stack(family)
    neurons = neurons_of(stack)
    meant = list(range(0, neurons.widths[1], 2))

    # With the cache, pass 0 brings the six tokens of the prompt and pass n the token at 5 + n.
    def change(values: Tensor, n_pass: int) -> Tensor:
        changed = values.clone()
        if n_pass == 0:
            changed[:, 2, meant] *= -3
        elif n_pass == 2:
            changed[:, 0, meant] *= -3
        return changed

    with make_interventions(neurons, {1: meant}, "scale", value=-3.0, positions=[2, 7]).applied():
        own = stack.model.generate(PROMPT, output_logits=True, return_dict_in_generate=True, **GENERATION)
    with hand_placed(stack, 1, change):
        expected = stack.model.generate(PROMPT, output_logits=True, return_dict_in_generate=True, **GENERATION)
    assert own.sequences.tolist() == expected.sequences.tolist()
    for a, b in zip(own.logits, expected.logits, strict=True):
        assert torch.equal(a, b)
    assert own.sequences.tolist() != generate(stack)


def test_every_beam_and_row_is_changed():
    stack = only_stack("gpt2")
    neurons = neurons_of(stack)
    texts = torch.cat([PROMPT, PROMPT + 7])
    beams = {"num_beams": 3, "input_ids": texts}
    change = make_interventions(neurons, {1: range(60)}, "scale", value=-4.0)
    with change.applied():
        together = generate(stack, **beams)
        apart = [generate(stack, num_beams=3, input_ids=text[None])[0] for text in texts]
    assert together == apart
    with hand_placed(stack, 1, lambda x, _: torch.cat([x[..., :60] * -4, x[..., 60:]], -1)):
        assert generate(stack, **beams) == together
    assert generate(stack, **beams) != together


def test_encoder_and_decoder_are_changed_apart():
    model = tiny_model("bart")
    encoder, decoder = stacks("bart", model)
    plain = left_by_blocks(encoder), left_by_blocks(decoder)
    with make_interventions(neurons_of(decoder), {0: range(64)}).applied():
        assert torch.equal(left_by_blocks(encoder), plain[0])
        assert not torch.allclose(left_by_blocks(decoder), plain[1])
    with make_interventions(neurons_of(encoder), {2: range(48)}, positions=[4]).applied():
        changed = left_by_blocks(encoder)
    assert torch.equal(changed[2, :, :4], plain[0][2, :, :4])
    assert not torch.allclose(changed[2, :, 4], plain[0][2, :, 4])


def test_a_run_that_is_entered_several_times_is_changed_once():
    stack = only_stack("gpt2")
    neurons = neurons_of(stack)
    plain = neurons.record(stack.run)[1][..., 3]
    twice = make_interventions(neurons, {1: [3]}, "scale", value=2.0)
    with twice.applied():
        with twice.applied(), twice.applied():
            torch.testing.assert_close(neurons.record(stack.run)[1][..., 3], plain * 2)
        torch.testing.assert_close(neurons.record(stack.run)[1][..., 3], plain * 2)
    assert torch.equal(neurons.record(stack.run)[1][..., 3], plain)


def test_encoder_and_decoder_can_be_changed_together():
    model = tiny_model("bart")
    encoder, decoder = stacks("bart", model)
    first = make_interventions(neurons_of(encoder), {0: [2]}, "set", value=1.5)
    second = make_interventions(neurons_of(decoder), {1: [4]}, "set", value=2.5)
    of_encoder, of_decoder = neurons_of(encoder), neurons_of(decoder)
    with (first + second).applied():
        assert of_encoder.record(encoder.run)[0][0, :, 2].tolist() == [1.5] * 5
        assert of_decoder.record(decoder.run)[1][0, :, 4].tolist() == [2.5] * 6
