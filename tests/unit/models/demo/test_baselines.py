"""The n-gram models that the demo model is held against are probability distributions and count as they should."""

from __future__ import annotations

import numpy as np
import pytest

from ecco_widgets.models.demo.baselines import KneserNeyTrigram, Unigram

V = 7
TEXTS = [np.random.default_rng(seed).integers(0, V - 1, 60) for seed in (1, 2)]  # token 6 never occurs


@pytest.mark.parametrize("model", [Unigram, KneserNeyTrigram])
@pytest.mark.parametrize("context", [(0, 1), (3, 3), (6, 6), (2, 6)])
def test_probabilities_sum_to_one_after_any_context(model, context):
    fitted = model(TEXTS, V)
    total = sum(np.exp(fitted.log_probabilities(np.array([*context, token]))[-1]) for token in range(V))
    assert total == pytest.approx(1.0)


def test_unigram_adds_one_to_every_count():
    counts = np.bincount(np.concatenate(TEXTS), minlength=V) + 1
    fitted = Unigram(TEXTS, V)
    np.testing.assert_allclose(np.exp(fitted.log_probabilities(np.arange(V))), (counts / counts.sum())[1:])


def test_trigram_expects_what_it_saw():
    text = np.array([0, 1, 2, 3] * 30)
    fitted = KneserNeyTrigram([text], V)
    assert np.exp(fitted.log_probabilities(np.array([0, 1, 2]))[-1]) > 0.9


def test_below_the_trigrams_a_token_counts_by_what_it_follows():
    # Token 1 is frequent but only ever follows 0; token 2 is rarer and follows many: after a new context 2 is likelier.
    text = np.array([0, 1] * 20 + [3, 2, 4, 2, 5, 2, 0, 2])
    fitted = KneserNeyTrigram([text], V)
    one, two = (fitted.log_probabilities(np.array([6, 6, token]))[-1] for token in (1, 2))
    assert two > one
