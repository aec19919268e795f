"""Attributions of every family and kind equal the gradients of the whole model, run the way its users run it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ecco_widgets.analysis.attribution import attribute
from ecco_widgets.models import Trace
from tests.reference.naive_gradients import gradient_x_input, integrated_gradients, occlusion, whole_model
from tests.support.runs import REFUSED, run_of
from tests.support.tiny_models import FAMILIES


@pytest.fixture(scope="module", params=[family for family in FAMILIES if family not in REFUSED])
def trace(request: pytest.FixtureRequest) -> Trace:
    return run_of(request.param)


def test_gradient_x_input_equals_the_whole_models_gradient(trace: Trace) -> None:
    positions = list(trace.output_positions)
    result = attribute(trace, positions=positions)
    assert result.scores.shape == (len(positions), trace.n_tokens)
    tokens = trace.ids_at(positions).tolist()
    for r, position in enumerate(positions):
        expected = gradient_x_input(trace, position, tokens[r]).norm(dim=-1)
        expected = expected / expected.sum()
        n = trace.n_inputs_of(position)
        assert len(expected) == n
        np.testing.assert_allclose(result.scores[r, :n], expected.numpy(), atol=1e-5)
        assert np.isnan(result.scores[r, n:]).all()


def test_a_single_output_equals_the_same_among_many(trace: Trace) -> None:
    last = trace.output_positions[-1]
    many = attribute(trace, target="log_probability")
    np.testing.assert_allclose(
        attribute(trace, target="log_probability", positions=last).scores[0], many.scores[-1], atol=2e-5
    )


def test_what_the_logits_say_is_read_right(trace: Trace) -> None:
    position = trace.output_positions[0]
    result = attribute(trace, target="contrast", positions=position)
    logits = whole_model(trace, position)[0].detach()
    token = int(trace.ids_at([position])[0])
    assert result.rank[0] == 1 + int((logits > logits[token]).sum())
    assert result.probability[0] == pytest.approx(float(torch.softmax(logits, -1)[token]), rel=1e-4)
    foil = int(logits.index_fill(0, torch.tensor([token]), float("-inf")).argmax())
    assert result.target_value[0] == pytest.approx(float(logits[token] - logits[foil]), abs=1e-4)


def test_path_methods_equal_their_definitions(trace: Trace) -> None:
    position = trace.output_positions[-1]
    token = int(trace.ids_at([position])[0])
    n = trace.n_inputs_of(position)
    integrated = attribute(trace, "integrated_gradients", positions=position, n_steps=5).raw[0, :n]
    expected = integrated_gradients(trace, position, token, 5).norm(dim=-1).numpy()
    np.testing.assert_allclose(integrated, expected, rtol=1e-3, atol=1e-4 * expected.max())
    occluded = attribute(trace, "occlusion", aggregation="sum", positions=position).raw[0, :n]
    changes = occlusion(trace, position, token).numpy()
    np.testing.assert_allclose(occluded, changes, atol=1e-4 * max(1.0, abs(changes).max()))
