"""The tokens that neurons promote against the model's own norm and head."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ecco_widgets.analysis.neuron_vocabulary import vocabulary_effect
from ecco_widgets.errors import InvalidInput, NonFinite, UnsupportedMethod
from tests.support.tiny_models import CAUSAL, MASKED, SEQ2SEQ, tiny_lm


def test_promoted_tokens_are_the_norm_and_the_head_of_the_directions() -> None:
    lm = tiny_lm("gpt2")
    neurons, weights = {0: [3, 5], 2: [7]}, {0: [1.0, 0.5], 2: [2.0]}
    found = vocabulary_effect(lm, neurons, weights, k=6)
    blocks, head = lm.model.transformer.h, lm.model.lm_head
    with torch.no_grad():
        direction = sum(
            weight * blocks[layer].mlp.c_proj.weight[index]
            for layer, indices in neurons.items()
            for index, weight in zip(indices, weights[layer], strict=True)
        )
        norm = lm.model.transformer.ln_f
        scores = head(norm(direction)) - head(norm(torch.zeros(32)))
    scores = scores[: len(lm.tokenizer)]  # the others only round the vocabulary up
    order = scores.argsort(descending=True)
    assert [token for token, *_ in found.promoted] == order[:6].tolist()
    assert [token for token, *_ in found.suppressed] == order.flip(0)[:6].tolist()
    np.testing.assert_allclose([score for *_, score in found.promoted], scores[order[:6]].numpy(), rtol=1e-4)
    assert [text for _, text, _ in found.promoted] == [lm.token_text(token) for token in order[:6].tolist()]


@pytest.mark.parametrize("family", [*CAUSAL, *SEQ2SEQ, *MASKED])
def test_every_family_that_predicts_tokens_has_them(family: str) -> None:
    found = vocabulary_effect(tiny_lm(family), {0: [0, 1]}, k=4)
    assert all(np.isfinite(score) for *_, score in found.promoted + found.suppressed)
    assert found.promoted[0][2] > found.suppressed[0][2]


def test_entries_that_the_model_masks_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    lm = tiny_lm("gpt2")
    own = type(lm.parts).logits

    def masked(self: object, states: torch.Tensor) -> torch.Tensor:
        return own(self, states).index_fill(-1, torch.arange(10, 320), float("-inf"))

    monkeypatch.setattr(type(lm.parts), "logits", masked)
    found = vocabulary_effect(lm, {0: [3]}, k=20)
    assert sorted(token for token, *_ in found.promoted) == list(range(10))
    assert all(np.isfinite(score) for *_, score in found.promoted + found.suppressed)
    monkeypatch.setattr(type(lm.parts), "logits", lambda self, states: own(self, states) * torch.nan)
    with pytest.raises(NonFinite, match="a logit of the neurons' direction is NaN or infinite"):
        vocabulary_effect(lm, {0: [3]})


def test_bad_arguments_say_what_was_expected() -> None:
    lm = tiny_lm("gpt2")
    with pytest.raises(InvalidInput, match=r"layer 0 has neurons 0\.\.127, got \[128\]"):
        vocabulary_effect(lm, {0: [128]})
    with pytest.raises(InvalidInput, match=r"layer must be an integer in 0\.\.2, got 5"):
        vocabulary_effect(lm, {5: [0]})
    with pytest.raises(InvalidInput, match="no neurons were given"):
        vocabulary_effect(lm, {})
    with pytest.raises(InvalidInput, match=r"k must be an integer in 1\.\.320"):
        vocabulary_effect(lm, {0: [0]}, k=0)
    with pytest.raises(InvalidInput, match=r"weights\[0\] must hold one number for each neuron"):
        vocabulary_effect(lm, {0: [0]}, {0: [1.0, 2.0]})
    with pytest.raises(UnsupportedMethod, match=r"is a classifier.*analysis.intervene"):
        vocabulary_effect(tiny_lm("bert_classifier"), {0: [0]})
