"""A model is shared with whoever holds it: what happens when they train, change or copy it."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch

import ecco_widgets as ecco
from ecco_widgets.analysis import attribute
from ecco_widgets.errors import ModelChanged, UnsupportedModel
from ecco_widgets.models.inspection import inspect_model
from tests.support.tiny_models import tiny_lm, tiny_model

TEXT = "The keys to the cabinet"


@pytest.fixture(scope="module")
def lm() -> ecco.LanguageModel:
    return tiny_lm("gpt2")


def test_a_model_in_training_mode_is_refused() -> None:
    lm = tiny_lm("gpt2")
    trace = lm(TEXT)
    lm.model.train()
    with pytest.raises(ModelChanged, match=r"tiny-gpt2 was put into training mode, .*Call lm.model.eval\(\) first"):
        lm.generate(TEXT)
    with pytest.raises(ModelChanged):
        trace.logits([1])
    assert lm.model.training  # whoever trains it is not disturbed
    lm.model.eval()
    trace.logits([1])


@pytest.mark.parametrize("recorded", [True, False])
def test_states_of_changed_weights_are_not_mixed_with_earlier_ones(*, recorded: bool) -> None:
    lm = tiny_lm("gpt2")
    trace = lm(TEXT)
    if recorded:
        trace.logits([1])
    with torch.no_grad():
        next(lm.model.parameters()).add_(1.0)
    with pytest.raises(ModelChanged, match=r"the weights of tiny-gpt2 have changed since this trace was made"):
        trace.logits([1])
    with pytest.raises(ModelChanged):
        copy.copy(trace).logits([1])
    lm(TEXT).logits([1])


class Adapter(torch.nn.Module):
    """A linear layer with a low-rank addition, as adapters put around one."""

    def __init__(self, base: torch.nn.Linear) -> None:
        super().__init__()
        self.base, self.weight = base, base.weight
        self.down = torch.nn.Linear(base.in_features, 2, bias=False)
        self.up = torch.nn.Linear(2, base.out_features, bias=False)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return self.base(states) + self.up(self.down(states))


def test_an_adapter_around_the_head_counts_also_when_it_comes_later() -> None:
    lm = tiny_lm("gpt2")
    before = lm(TEXT)
    lm.model.lm_head = Adapter(lm.model.lm_head)
    with pytest.raises(ModelChanged):
        attribute(before)
    trace = lm(TEXT)
    inputs = lm.parts.embed(torch.tensor(trace.token_ids)[None]).requires_grad_()
    logit = lm.model(inputs_embeds=inputs).logits[0, 2, int(trace.token_ids[3])]
    expected = (torch.autograd.grad(logit, inputs)[0] * inputs).norm(dim=-1)[0, :3].detach()
    np.testing.assert_allclose(attribute(trace, positions=3).raw[0, :3], expected, rtol=1e-4)


def test_a_cell_in_inference_mode_gets_the_same_numbers(lm: ecco.LanguageModel) -> None:
    expected = attribute(lm(TEXT)).scores
    with torch.inference_mode():
        trace = lm(TEXT)
        np.testing.assert_array_equal(attribute(trace).scores, expected)
        model = tiny_model("gpt2")
    np.testing.assert_array_equal(attribute(trace).scores, expected)
    with pytest.raises(UnsupportedModel, match=r"was loaded inside torch.inference_mode\(\).*Load it outside"):
        inspect_model(model)


def test_a_copy_of_a_trace_owns_its_states(lm: ecco.LanguageModel) -> None:
    trace = lm(TEXT)
    for other in (copy.copy(trace), copy.deepcopy(trace)):
        assert other.tokens == trace.tokens
        assert other.id != trace.id
        assert other.last_states.data_ptr() != trace.last_states.data_ptr()


def test_what_cannot_be_pickled_says_what_to_save(lm: ecco.LanguageModel) -> None:
    with pytest.raises(TypeError, match=r"a trace cannot be pickled.*trace.token_ids"):
        pickle.dumps(lm(TEXT))
    with pytest.raises(TypeError, match=r"a LanguageModel cannot be copied or pickled"):
        copy.deepcopy(lm)
