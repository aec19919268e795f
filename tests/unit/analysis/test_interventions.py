"""Interventions against hooks placed by hand, and what the demo model does without the neurons of its numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import ecco_widgets as ecco
from ecco_widgets.analysis.interventions import intervene
from ecco_widgets.errors import InvalidInput
from ecco_widgets.models import Trace
from tests.support.runs import REFUSED, TEXT, run_of
from tests.support.tiny_models import FAMILIES, tiny_lm

CHOSEN = {0: [1, 2, 3], 1: [7]}


@pytest.fixture(scope="module")
def trace() -> Trace:
    return tiny_lm("gpt2").generate(TEXT, generate=5, min_new_tokens=5)


def log_p_by_hand(trace: Trace, values: dict[int, tuple[list[int], torch.Tensor | float]]) -> np.ndarray:
    def hook_for(columns: list[int], value: torch.Tensor | float):
        def hook(_module: object, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor]:
            changed = args[0].clone()
            changed[..., columns] = value
            return (changed,)

        return hook

    blocks = trace.lm.model.transformer.h
    handles = [blocks[n].mlp.c_proj.register_forward_pre_hook(hook_for(*value)) for n, value in values.items()]
    ids = torch.tensor(trace.token_ids)
    with torch.no_grad():
        log_p = torch.log_softmax(trace.lm.model(ids[None]).logits[0], dim=-1)
    for handle in handles:
        handle.remove()
    return np.array([float(log_p[p - 1, ids[p]]) for p in trace.output_positions])


def test_zeroed_neurons_equal_hooks_by_hand(trace: Trace) -> None:
    result = intervene(trace, CHOSEN, n_random=3)
    np.testing.assert_allclose(result.log_probability, log_p_by_hand(trace, {}), atol=1e-4)
    by_hand = log_p_by_hand(trace, {layer: (columns, 0.0) for layer, columns in CHOSEN.items()})
    np.testing.assert_allclose(result.changed_log_probability, by_hand, atol=1e-4)
    np.testing.assert_allclose(result.effect, by_hand - log_p_by_hand(trace, {}), atol=2e-4)
    assert result.n_neurons == 4
    assert result.neurons == {0: (1, 2, 3), 1: (7,)}


def test_mean_ablation_holds_neurons_at_their_mean_over_the_text(trace: Trace) -> None:
    activations = trace.activations()
    by_hand = log_p_by_hand(trace, {n: (columns, activations[n][:, columns].mean(0)) for n, columns in CHOSEN.items()})
    result = intervene(trace, CHOSEN, "mean", n_random=0, regenerate=False)
    np.testing.assert_allclose(result.changed_log_probability, by_hand, atol=1e-4)
    assert result.random_effect.shape == (0, 5)
    assert result.after is None


def test_random_neurons_are_others_of_the_same_layers_and_repeatable(trace: Trace) -> None:
    first, again = intervene(trace, CHOSEN, n_random=4, seed=3), intervene(trace, CHOSEN, n_random=4, seed=3)
    np.testing.assert_array_equal(first.random_log_probability, again.random_log_probability)
    assert (intervene(trace, CHOSEN, n_random=4, seed=4).random_log_probability != first.random_log_probability).any()
    generator = np.random.default_rng(3)
    for row in first.random_log_probability:
        drawn = {}
        for layer, columns in CHOSEN.items():
            others = generator.permutation(np.setdiff1d(np.arange(128), columns))
            generator.permutation(columns)
            drawn[layer] = (others[: len(columns)].tolist(), 0.0)
        np.testing.assert_allclose(row, log_p_by_hand(trace, drawn), atol=1e-4)


def test_too_few_other_neurons_are_filled_up_and_said() -> None:
    trace = tiny_lm("gpt2")(TEXT)
    assert intervene(trace, {0: range(64)}, n_random=1).random_overlap == 0.0
    assert intervene(trace, {0: range(65)}, n_random=1).random_overlap == pytest.approx(2 / 65)
    everything = intervene(trace, {0: range(128)}, n_random=2)
    assert everything.random_overlap == 1.0
    np.testing.assert_allclose(everything.random_effect, np.tile(everything.effect, (2, 1)), atol=1e-5)


def test_a_change_of_nothing_changes_nothing(trace: Trace) -> None:
    result = intervene(trace, CHOSEN, "scale", value=1.0, n_random=1)
    np.testing.assert_allclose(result.effect, 0.0, atol=1e-5)
    assert result.after is not None
    assert result.after.token_ids.tolist() == trace.token_ids.tolist()
    assert result.first_changed is None
    assert result.top.ids.tolist() == result.changed_top.ids.tolist()


def test_a_sampled_text_is_sampled_again_with_its_seed() -> None:
    trace = tiny_lm("gpt2").generate(TEXT, generate=8, do_sample=True, seed=5)
    result = intervene(trace, CHOSEN, "scale", value=1.0, n_random=0)
    assert result.after is not None
    assert result.after.token_ids.tolist() == trace.token_ids.tolist()
    changed = intervene(trace, {0: range(128), 1: range(128)}, n_random=0)
    assert changed.after is not None
    position = changed.first_changed
    assert position is not None
    assert changed.after.token_ids[position] != trace.token_ids[position]


def test_an_intervened_trace_keeps_its_own_change(trace: Trace) -> None:
    with trace.lm.intervene({2: [0, 1]}):
        inside = trace.rerun()
    result = intervene(inside, CHOSEN, n_random=0, regenerate=False)
    everything = {2: ([0, 1], 0.0)} | {layer: (columns, 0.0) for layer, columns in CHOSEN.items()}
    np.testing.assert_allclose(result.log_probability, log_p_by_hand(trace, {2: ([0, 1], 0.0)}), atol=1e-4)
    np.testing.assert_allclose(result.changed_log_probability, log_p_by_hand(trace, everything), atol=1e-4)
    assert trace.lm.interventions is None


@pytest.mark.parametrize("family", [family for family in FAMILIES if family not in REFUSED])
def test_every_family_can_be_changed(family: str) -> None:
    trace = run_of(family)
    result = intervene(trace, {0: range(trace.lm.neurons.widths[0])}, n_random=1, regenerate=trace.kind == "causal")
    assert np.isfinite(result.effect).all()
    assert np.abs(result.effect).max() > 1e-5
    assert (result.after is not None) == (trace.kind == "causal")


def test_progress_can_cancel(trace: Trace) -> None:
    seen: list[str] = []

    def stop(_done: int, _total: int, label: str) -> None:
        seen.append(label)
        if label == "random neurons":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        intervene(trace, CHOSEN, progress=stop)
    assert seen == ["changed run", "random neurons"]
    assert trace.lm.interventions is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"neurons": {9: [0]}}, r"layer must be in 0\.\.2, got 9"),
        ({"neurons": {0: [999]}}, r"layer 0 has neurons 0\.\.127, got 999"),
        ({"neurons": {}}, "no neurons were given"),
        ({"neurons": [1, 2]}, "neurons must map layers to indices"),
        ({"neurons": CHOSEN, "action": "remove"}, "action must be one of 'zero', 'scale', 'set', 'mean'"),
        ({"neurons": CHOSEN, "action": "scale"}, "action 'scale' needs a factor"),
        ({"neurons": CHOSEN, "n_random": -1}, r"n_random must be an integer in 0\.\.1000, got -1"),
        ({"neurons": CHOSEN, "seed": -1}, "seed must be an integer from 0"),
        ({"neurons": CHOSEN, "topk": 0}, r"topk must be an integer in 1\.\.320"),
        ({"neurons": CHOSEN, "position": 99}, "position must be in"),
    ],
)
def test_bad_arguments_say_what_was_expected(trace: Trace, given: dict, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        intervene(trace, **given)
    with pytest.raises(InvalidInput, match="expected a trace, got str"):
        intervene("text", CHOSEN)


def test_the_demo_model_loses_its_numbers_without_the_neurons_that_fire_at_them() -> None:
    out = ecco.load_demo().generate(" 1, 2, 3,", generate=12)
    numbers = [p for p in out.output_positions if out.tokens[p].strip().isdigit()]
    chosen: dict[int, list[int]] = {}
    for layer, activations in enumerate(out.activations()):
        # States that predict a number against those that predict what stands between them.
        before = [p - 1 for p in numbers]
        others = [p - 1 for p in out.output_positions if p not in numbers]
        contrast = activations[before].clamp_min(0).mean(0) - activations[others].clamp_min(0).mean(0)
        chosen[layer] = contrast.topk(100).indices.tolist()
    result = intervene(out, chosen, n_random=10)
    at = np.isin(result.positions, numbers)
    assert result.effect[at].mean() < result.random_effect[:, at].mean(axis=1).min()
