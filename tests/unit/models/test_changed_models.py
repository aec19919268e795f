"""A model is shared with whoever holds it: what happens when they train, change or copy it."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

import ecco_widgets as ecco
from ecco_widgets.errors import ModelChanged
from tests.support.tiny_models import tiny_lm

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
