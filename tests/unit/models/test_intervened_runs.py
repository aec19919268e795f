"""`lm.intervene` reaches generation, traces and gradients; a trace keeps what it was made with."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ecco_widgets.analysis.attribution import attribute
from ecco_widgets.models import LanguageModel
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


def test_a_batch_made_inside_keeps_the_change() -> None:
    lm = tiny_lm("bert")
    with lm.intervene({0: range(64)}):
        batch = lm([TEXT, "one two"])
        alone = run_with(lm)
    torch.testing.assert_close(batch[0].hidden_states, alone.hidden_states, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(batch[0].hidden_states, lm(TEXT).hidden_states)
