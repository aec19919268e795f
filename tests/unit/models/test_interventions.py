from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from torch import Tensor

from ecco_widgets.errors import InvalidInput
from ecco_widgets.models.interventions import Interventions, make_interventions
from ecco_widgets.models.neurons import Neurons, find_neurons
from tests.reference.naive_neurons import (
    Stack,
    block_states,
    hand_placed,
    n_hooks,
    naive_mixture,
    naive_neurons,
    stacks,
)
from tests.support.tiny_models import FAMILIES, tiny_model


def neurons_of(stack: Stack) -> Neurons:
    return find_neurons(stack.base, stack.blocks, stack.run)


def only_stack(family: str, ids: Tensor | None = None, **options) -> Stack:
    return stacks(family, tiny_model(family, **options), ids)[-1]


def left_by_blocks(stack: Stack) -> Tensor:
    with torch.no_grad():
        return torch.stack(block_states(stack)[1])


def zeroed(indices: list[int], rows: slice = slice(None)):
    def change(neurons: Tensor, _pass: int) -> Tensor:
        changed = neurons.clone()
        if neurons.dim() == 2:
            changed[rows, indices] = 0
        else:
            changed[:, rows, indices] = 0
        return changed

    return change


# ------------------------------------------------------------------------------------------------------------ one run


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - {"mixtral"}))
def test_zeroing_is_what_hooks_placed_by_hand_do(family):
    model = tiny_model(family)
    for stack in stacks(family, model):
        neurons = neurons_of(stack)
        plain, hooks = left_by_blocks(stack), n_hooks(model)
        with make_interventions(neurons, {1: [3, 7, 20]}).applied():
            changed = left_by_blocks(stack)
        with hand_placed(stack, 1, zeroed([3, 7, 20])):
            expected = left_by_blocks(stack)
        assert torch.equal(changed, expected)
        assert torch.equal(changed[0], plain[0])
        assert not torch.allclose(changed[1], plain[1])
        assert torch.equal(left_by_blocks(stack), plain)
        assert n_hooks(model) == hooks


@pytest.mark.parametrize(
    ("action", "options", "expected"),
    [
        ("zero", {}, lambda x: x * 0),
        ("scale", {"value": -2.5}, lambda x: x * -2.5),
        ("set", {"value": 1.75}, lambda x: torch.full_like(x, 1.75)),
        ("set", {"value": np.float32(0.5)}, lambda x: torch.full_like(x, 0.5)),
    ],
)
@pytest.mark.parametrize("family", ["gpt2", "llama", "opt", "bert"])
def test_actions(family, action, options, expected):
    stack = only_stack(family)
    neurons = neurons_of(stack)
    plain = neurons.record(stack.run)
    with make_interventions(neurons, {0: [1, 5], 2: 4}, action, **options).applied():
        changed = neurons.record(stack.run)
    torch.testing.assert_close(changed[0][..., [1, 5]], expected(plain[0][..., [1, 5]]))
    rest = [n for n in range(neurons.widths[0]) if n not in {1, 5}]
    assert torch.equal(changed[0][..., rest], plain[0][..., rest])
    assert torch.equal(
        changed[2][..., 4], expected(changed[2][..., 4]) if action in {"zero", "set"} else changed[2][..., 4]
    )
    assert not torch.allclose(changed[1], plain[1])  # it is what comes after


@pytest.mark.parametrize("given", ["recorded", "recorded without batch", "of all neurons", "of those meant"])
def test_neurons_are_held_at_their_mean(given):
    stack = only_stack("gpt2")
    neurons = neurons_of(stack)
    recorded = [x.detach() for x in neurons.record(stack.run)]
    mean = recorded[1][0].mean(0)
    means = {
        "recorded": recorded,
        "recorded without batch": [x[0] for x in recorded],
        "of all neurons": {1: mean.numpy()},
        "of those meant": {1: mean[[9, 2]].tolist()},
    }[given]
    with make_interventions(neurons, {1: [9, 2]}, "mean", means=means).applied():
        changed = neurons.record(stack.run)[1][0]
    torch.testing.assert_close(changed[:, [9, 2]], mean[[9, 2]].expand(6, 2))


@pytest.mark.parametrize("family", ["gpt2", "opt", "t5", "mixtral"])
def test_positions_and_rows_of_a_batch(family):
    texts = torch.tensor([[5, 6, 7, 8, 9], [10, 11, 12, 13, 14]])
    stack = only_stack(family, texts)
    neurons = neurons_of(stack)
    index = int((neurons.record(stack.run)[1] != 0).all(0).all(0).nonzero()[0]) if family != "mixtral" else 0
    with torch.no_grad():
        plain = neurons.record(stack.run, [1])[0]
        with make_interventions(neurons, {1: [index]}, "scale", value=3.0, positions=[1, 4]).applied():
            changed = neurons.record(stack.run, [1])[0]
    expected = plain.clone()
    expected[:, [1, 4], index] *= 3
    torch.testing.assert_close(changed, expected)


def test_changes_act_in_the_order_in_which_they_were_asked_for():
    stack = only_stack("gpt2")
    neurons = neurons_of(stack)
    plain = neurons.record(stack.run)[1][..., 3]
    twice = make_interventions(neurons, {1: [3]}, "scale", value=2.0)
    one = make_interventions(neurons, {1: [3]}, "set", value=1.0)
    for first, then, expected in ((twice, one, torch.ones_like(plain)), (one, twice, torch.full_like(plain, 2.0))):
        with first.applied(), then.applied():
            nested = neurons.record(stack.run)[1][..., 3]
        with (first + then).applied():
            added = neurons.record(stack.run)[1][..., 3]
        assert torch.equal(nested, expected)
        assert torch.equal(added, expected)
    with twice.applied():
        with make_interventions(neurons, {1: [3]}, "scale", value=2.0).applied():
            torch.testing.assert_close(neurons.record(stack.run)[1][..., 3], plain * 4)
        torch.testing.assert_close(neurons.record(stack.run)[1][..., 3], plain * 2)


def test_eccos_names_inhibit_and_amplify():
    stack = only_stack("gpt2")
    neurons = neurons_of(stack)
    plain = neurons.record(stack.run)
    with make_interventions(neurons, neurons_to_inhibit={0: [1]}, neurons_to_induce={0: [2], 1: []}).applied():
        changed = neurons.record(stack.run)
    assert not bool(changed[0][..., 1].any())
    torch.testing.assert_close(changed[0][..., 2], plain[0][..., 2] * 10)
    with make_interventions(neurons, neurons_to_induce={0: [2]}, value=3).applied():
        torch.testing.assert_close(neurons.record(stack.run)[0][..., 2], plain[0][..., 2] * 3)


def test_gradients_see_the_changed_model():
    stack = only_stack("gpt2")
    neurons = neurons_of(stack)
    weight = stack.blocks[1].mlp.c_fc.weight
    with make_interventions(neurons, {1: [3]}).applied():
        gradient = torch.autograd.grad(stack.run().last_hidden_state.sum(), weight)[0]
    assert not bool(gradient[:, 3].any())  # what leads to a neuron that is held at zero has no effect
    assert bool(gradient[:, 4].any())


def test_a_shared_block_is_changed_in_the_layer_meant_only():
    stack = only_stack("albert")
    neurons = neurons_of(stack)
    plain = neurons.record(stack.run)
    for _ in range(2):  # the count begins anew with each pass
        with make_interventions(neurons, {1: [5]}).applied():
            changed = neurons.record(stack.run)
            again = neurons.record(stack.run)
        assert torch.equal(changed[0], plain[0])
        assert not bool(changed[1][..., 5].any())
        assert bool(changed[2][..., 5].any())
        assert torch.equal(changed[2], again[2])


def test_half_precision_stays_half_precision():
    stack = stacks("llama", tiny_model("llama").to(torch.bfloat16))[0]
    neurons = neurons_of(stack)
    with make_interventions(neurons, {1: [5]}, "set", value=0.1).applied():
        changed = neurons.record(stack.run)[1]
    assert changed.dtype == torch.bfloat16
    assert changed[0, 0, 5] == torch.tensor(0.1, dtype=torch.bfloat16)


# ------------------------------------------------------------------------------------------------ mixtures of experts


@pytest.mark.parametrize("implementation", ["grouped_mm", "eager"])
def test_neurons_of_experts_are_changed_where_the_token_is_sent_to_them(implementation):
    model = tiny_model("mixtral")
    model.set_experts_implementation(implementation)
    stack = stacks("mixtral", model)[0]
    neurons = neurons_of(stack)
    plain = naive_neurons(stack)[1]
    meant = list(range(2 * 48, 2 * 48 + 10))
    with torch.no_grad(), make_interventions(neurons, {1: meant}, "set", value=2.0).applied():
        recorded = neurons.record(stack.run)[1]
        changed = left_by_blocks(stack)
    sent = (plain[0, :, 2 * 48 : 3 * 48] != 0).any(-1)
    assert 0 < int(sent.sum()) < 6
    expected = plain.clone()
    expected[0][sent.nonzero(), torch.tensor(meant)] = 2.0
    torch.testing.assert_close(recorded, expected, atol=1e-6, rtol=1e-5)

    # By hand: the experts' output plus what the change of its neurons adds.
    before, _ = naive_mixture(stack, 1)
    down = stack.projection(1).down_proj[2]
    extra = (expected - plain)[0, :, 2 * 48 : 3 * 48] @ down.T
    weights = naive_routing(stack, 1, expert=2)

    def change(_m, _a, output: Tensor) -> Tensor:
        return output + weights[:, None] * extra

    handle = stack.projection(1).register_forward_hook(change)
    torch.testing.assert_close(changed, left_by_blocks(stack), atol=1e-5, rtol=1e-4)
    handle.remove()
    assert before.shape == (1, 6, 32)


def naive_routing(stack: Stack, layer: int, expert: int) -> Tensor:
    seen: list[tuple[Tensor, ...]] = []
    handle = stack.projection(layer).register_forward_pre_hook(lambda _m, args: seen.append(args))
    with torch.no_grad():
        stack.run()
    handle.remove()
    _, chosen, weights = seen[0]
    return (weights * (chosen == expert)).sum(-1)


def test_changes_of_experts_nest():
    stack = only_stack("mixtral")
    neurons = neurons_of(stack)
    with torch.no_grad():
        plain = neurons.record(stack.run)[0]
        twice = make_interventions(neurons, {0: list(range(48))}, "scale", value=2.0)
        with twice.applied(), make_interventions(neurons, {0: list(range(48))}, "scale", value=2.0).applied():
            changed = neurons.record(stack.run)[0]
    torch.testing.assert_close(changed[..., :48], plain[..., :48] * 4)
    assert torch.equal(changed[..., 48:], plain[..., 48:])


# ------------------------------------------------------------------------------------------------------ threads, errors


@pytest.mark.parametrize("family", ["gpt2", "mixtral"])
def test_other_threads_run_the_model_as_it_is(family):
    stack = only_stack(family)
    neurons = neurons_of(stack)
    plain = stack.run().last_hidden_state
    others: list[Tensor] = []
    with make_interventions(neurons, {0: range(40)}).applied():
        elsewhere = threading.Thread(target=lambda: others.append(stack.run().last_hidden_state))
        elsewhere.start()
        elsewhere.join()
        assert not torch.allclose(stack.run().last_hidden_state, plain)
    assert torch.equal(others[0], plain)


@pytest.mark.parametrize("family", ["gpt2", "mixtral", "albert"])
def test_nothing_remains_after_an_exception(family):
    stack = only_stack(family)
    neurons = neurons_of(stack)
    plain, hooks = stack.run().last_hidden_state, n_hooks(stack.model)
    change = make_interventions(neurons, {1: range(10)})
    handle = stack.blocks[1].register_forward_pre_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError), change.applied():
        stack.run()
    handle.remove()
    assert n_hooks(stack.model) == hooks
    assert torch.equal(stack.run().last_hidden_state, plain)
    with change.applied():
        assert not torch.allclose(stack.run().last_hidden_state, plain)


def test_a_pass_that_broke_off_does_not_shift_the_layers_of_the_next():
    stack = only_stack("albert")
    neurons = neurons_of(stack)
    plain = neurons.record(stack.run)
    with make_interventions(neurons, {1: [5]}).applied():
        n = 0

        def fail(*_) -> None:
            nonlocal n
            n += 1
            if n == 2:
                raise KeyboardInterrupt

        handle = stack.blocks[0].register_forward_pre_hook(fail)
        with pytest.raises(KeyboardInterrupt):
            stack.run()
        handle.remove()
        changed = neurons.record(stack.run)
    assert torch.equal(changed[0], plain[0])
    assert not bool(changed[1][..., 5].any())


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (({3: [0]},), {}, r"layer must be in 0\.\.2, got 3"),
        (({-1: [0]},), {}, r"layer must be in 0\.\.2, got -1"),
        (({1: [0, 128, 500]},), {}, r"neurons\[1\]: layer 1 has neurons 0\.\.127, got 128, 500\."),
        (({1: list(range(200, 300))},), {}, r"got 200, 201, 202, 203, 204 \.\.\."),
        (({1: [-1]},), {}, r"layer 1 has neurons 0\.\.127, got -1"),
        (({1: [0.5]},), {}, r"neurons\[1\] must be an integer or a list of them, got 0\.5"),
        (({1: [True]},), {}, r"neurons\[1\] must be an integer or a list of them, got True"),
        (({1: "12"},), {}, r"neurons\[1\] must be a list of integers, got '12'"),
        (({"1": [0]},), {}, "a layer of neurons must be an integer or a list of them, got '1'"),
        (([0, 1],), {}, r"neurons must map layers to indices of neurons, got \[0, 1\].*\{2: \[7, 8\]\}"),
        (({1: [0]}, "remove"), {}, "action must be one of 'zero', 'scale', 'set', 'mean', got 'remove'"),
        (({1: [0]}, "scale"), {}, "action 'scale' needs a factor, a finite number, got None.*value="),
        (({1: [0]}, "set"), {"value": float("nan")}, "action 'set' needs a value, a finite number, got nan"),
        (({1: [0]}, "set"), {"value": "1"}, "action 'set' needs a value, a finite number, got '1'"),
        (({1: [0]},), {"value": 2.0}, "action 'zero' takes no value, got 2.0.*'set' or 'scale'"),
        (({1: [0]},), {"positions": [-1]}, "positions must be 0 or more, got -1.*count from the start"),
        (({1: [0]},), {"positions": "all"}, "positions must be a list of integers, got 'all'"),
        (({1: [0]}, "mean"), {}, r"action 'mean' needs means, got none.*trace\.activations"),
        (({1: [0]}, "mean"), {"means": [torch.zeros(3, 128)]}, "means must hold the neurons of all 3 layers, got 1"),
        (({1: [0]}, "mean"), {"means": {0: [1.0]}}, "means has no layer 1; it has 0"),
        (
            ({1: [0]}, "mean"),
            {"means": {1: [1.0, 2.0]}},
            r"means\[1\] must have shape \(T, 128\), \(128,\) or \(1,\), got \(2,\)",
        ),
        (({1: [0]}, "mean"), {"means": {1: [float("inf")]}}, r"means\[1\] contain NaN or infinity"),
        ((), {}, r"no neurons to intervene on were given.*lm\.intervene"),
        ((), {"neurons_to_inhibit": {9: [1]}}, r"layer must be in 0\.\.2, got 9 in neurons_to_inhibit"),
        ((), {"neurons_to_induce": {0: [999]}}, r"neurons_to_induce\[0\]: layer 0 has neurons 0\.\.127, got 999"),
    ],
)
def test_what_can_not_be_is_refused_with_what_can(arguments, options, message):
    neurons = neurons_of(only_stack("gpt2"))
    with pytest.raises(InvalidInput, match=message):
        make_interventions(neurons, *arguments, **options)


def test_empty_choices_change_nothing():
    stack = only_stack("gpt2")
    neurons = neurons_of(stack)
    nothing = make_interventions(neurons, {1: []})
    assert not nothing
    hooks = n_hooks(stack.model)
    with nothing.applied(), Interventions().applied():
        assert n_hooks(stack.model) == hooks


def test_an_intervention_says_what_it_does():
    neurons = neurons_of(only_stack("gpt2"))
    change = make_interventions(neurons, {1: [0, 3], 2: [5]}, positions=[4]).changes[0]
    assert str(change) == "zero 3 neurons of layers 1, 2 at positions 4"
