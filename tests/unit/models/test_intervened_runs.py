"""`lm.intervene` reaches generation, traces and gradients; a trace keeps what it was made with."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ecco_widgets.analysis.attribution import attribute
from ecco_widgets.errors import InvalidInput, ModelChanged
from ecco_widgets.models import LanguageModel
from ecco_widgets.models.batch import Batch
from tests.support.runs import TEXT, run_with
from tests.support.tiny_models import tiny_lm

ALL = {0: range(128), 2: [3, 5]}


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    return tiny_lm("gpt2")


def by_hand(lm: LanguageModel, ids: torch.Tensor) -> torch.Tensor:
    """Logits with the neurons of ALL set to zero by a hook on the output projections."""

    def zero(layer: int, columns: list[int]) -> torch.utils.hooks.RemovableHandle:
        def hook(_module: object, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor]:
            changed = args[0].clone()
            changed[..., columns] = 0
            return (changed,)

        return lm.model.transformer.h[layer].mlp.c_proj.register_forward_pre_hook(hook)

    handles = [zero(layer, list(columns)) for layer, columns in ALL.items()]
    with torch.no_grad():
        logits = lm.model(ids[None]).logits[0]
    for handle in handles:
        handle.remove()
    return logits


def test_a_trace_keeps_its_intervention_and_another_stays_without(lm: LanguageModel) -> None:
    before = lm(TEXT)
    with lm.intervene(ALL):
        changed = lm(TEXT)
        plain_inside = before.logits([5])
    expected = by_hand(lm, torch.tensor(changed.token_ids))[4]
    torch.testing.assert_close(changed.logits([5])[0], expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(plain_inside, lm(TEXT).logits([5]))
    assert not torch.allclose(changed.logits([5]), plain_inside)


def test_generation_follows_the_changed_model(lm: LanguageModel) -> None:
    with lm.intervene(ALL):
        out = lm.generate(TEXT, generate=5)
    for position in out.output_positions:
        logits = by_hand(lm, torch.tensor(out.token_ids[:position]))[-1]
        assert int(out.token_ids[position]) == int(logits.argmax())


def test_attributions_are_those_of_the_changed_model(lm: LanguageModel) -> None:
    with lm.intervene(ALL):
        out = lm(TEXT)
    inside = attribute(out, positions=6)
    plain = attribute(lm(TEXT), positions=6)
    assert np.nanmax(np.abs(inside.scores - plain.scores)) > 1e-3
    logits = by_hand(lm, torch.tensor(out.token_ids[:6]))[-1]
    assert inside.target_value[0] == pytest.approx(float(logits[int(out.token_ids[6])]), abs=1e-4)


def _fail_inside(lm: LanguageModel) -> None:
    with lm.intervene({0: [1]}), lm.intervene({1: [2]}, "set", value=3.0):
        found = lm(TEXT).activations([0, 1])
        assert bool((found[0][:, 1] == 0).all())
        assert bool((found[1][:, 2] == 3).all())
        raise RuntimeError("on purpose")


def test_contexts_add_up_and_nothing_remains_after_an_exception(lm: LanguageModel) -> None:
    with pytest.raises(RuntimeError, match="on purpose"):
        _fail_inside(lm)
    assert lm.interventions is None
    for module in lm.model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
        assert "forward" not in vars(module)


def test_a_run_that_begins_inside_another_ones_is_not_changed(lm: LanguageModel) -> None:
    plain, expected = lm(TEXT), lm(TEXT).last_states
    with lm.intervene(ALL):
        lm.generate("one two", 2, on_token=lambda _: plain.last_states is None)
        changed = lm(TEXT)
    torch.testing.assert_close(plain.last_states, expected)
    with torch.no_grad(), changed.running():
        torch.testing.assert_close(lm(TEXT).last_states, expected)
        with plain.running(), changed.running():
            inside = lm.parts.logits(lm.parts.states(changed.embeddings())[0])
    by_hand_logits = by_hand(lm, torch.tensor(changed.token_ids))
    torch.testing.assert_close(inside, by_hand_logits, rtol=1e-4, atol=1e-4)


def test_a_batch_keeps_plain_and_changed_traces_apart(lm: LanguageModel) -> None:
    with lm.intervene(ALL):
        changed = lm(TEXT)
    plain = lm("one two")
    expected = lm("one two").last_states, changed.__copy__().last_states
    batch = Batch(lm, [plain, changed])
    torch.testing.assert_close(batch[0].last_states, expected[0])
    torch.testing.assert_close(batch[1].last_states, expected[1])
    with pytest.raises(InvalidInput, match="all traces of a batch must be of its model"):
        Batch(lm, [tiny_lm("gpt2", 1)("one")])


def test_neurons_of_other_weights_are_refused() -> None:
    own = tiny_lm("gpt2")
    trace = own(TEXT)
    trace.activations()
    with torch.no_grad():
        own.model.lm_head.weight.add_(1.0)
    with pytest.raises(ModelChanged, match="the weights of tiny-gpt2 have changed"):
        trace.activations(0)


def test_another_models_trace_is_not_continued(lm: LanguageModel) -> None:
    with pytest.raises(InvalidInput, match="the trace is of tiny-gpt2, not of tiny-gpt2"):
        lm.regenerate(tiny_lm("gpt2", 1)(TEXT), 2)


def test_what_ended_early_may_go_on_as_long_as_was_asked() -> None:
    own = tiny_lm("gpt2")
    out = own.generate(TEXT, 12, eos_token_id=int(own.generate(TEXT, 3).token_ids[-1]))
    assert out.n_generated < 12
    assert out.generation["generate"] == 12
    assert own.regenerate(out).token_ids.tolist() == out.token_ids.tolist()


def test_a_batch_made_inside_keeps_the_change() -> None:
    lm = tiny_lm("bert")
    with lm.intervene({0: range(64)}):
        batch = lm([TEXT, "one two"])
        alone = run_with(lm)
    torch.testing.assert_close(batch[0].hidden_states, alone.hidden_states, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(batch[0].hidden_states, lm(TEXT).hidden_states)
