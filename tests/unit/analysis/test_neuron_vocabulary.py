"""The tokens that neurons promote against the model's own norm and head."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ecco_widgets.analysis.neuron_vocabulary import top_neurons, vocabulary_effect
from ecco_widgets.errors import InvalidInput, UnsupportedMethod
from tests.support.tiny_models import CAUSAL, MASKED, SEQ2SEQ, tiny_lm


def loadings(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    return generator.random((4, 60)) * (generator.random((4, 60)) < 0.4), np.repeat([0, 3, 11], 20)


def test_top_neurons_are_sorted_by_size() -> None:
    h, layer = loadings(1)
    found = top_neurons(h[0], layer, np.tile(np.arange(20), 3), None)
    assert [value for *_, value in found] == sorted(h[0][h[0] > 0].tolist(), reverse=True)
    assert all(h[0][[0, 3, 11].index(number) * 20 + index] == value for number, index, value in found)


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
