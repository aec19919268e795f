"""``run_nmf`` as Ecco calls it: the layers it takes, what it holds, what it shows."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import ecco_widgets as ecco
from ecco_widgets.analysis.factorization import factorize
from ecco_widgets.errors import InvalidInput
from ecco_widgets.models import Trace
from tests.support.tiny_models import tiny_lm


@pytest.fixture(scope="module")
def trace() -> Trace:
    return tiny_lm("gpt2").generate("The keys to the cabinet are on", generate=6, min_new_tokens=6)


@pytest.fixture
def explored() -> Iterator[list[Any]]:
    made: list[Any] = []
    yield made
    for widget in made:
        widget.close()


@pytest.mark.parametrize(
    ("arguments", "layers"),
    [
        ({}, (0, 1, 2)),
        ({"from_layer": 1}, (1, 2)),
        ({"to_layer": 2}, (0, 1)),
        ({"from_layer": 1, "to_layer": 2}, (1,)),
        ({"layers": [2, 0]}, (0, 2)),
        ({"layers": 1}, (1,)),
    ],
)
def test_layers_as_in_ecco_and_any_others(trace: Trace, arguments: dict[str, Any], layers: tuple[int, ...]) -> None:
    nmf = trace.run_nmf(3, **arguments)
    assert nmf.factors.layers == layers
    assert nmf.components.shape == (3, sum(trace.lm.neurons.widths[layer] for layer in layers))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"from_layer": 3}, "is no range of layers"),
        ({"from_layer": 2, "to_layer": 2}, "is no range of layers"),
        ({"to_layer": 4}, "from_layer < to_layer <= 3"),
        ({"from_layer": 0, "layers": [1]}, "both given"),
        ({"layers": []}, "layers is empty"),
        ({"layers": [3]}, "3 do(es)? not exist"),
        ({"n_components": 99}, "n_components must be an integer in 1"),
        ({"method": "svd"}, "method must be one of"),
        ({"seed": -1}, "seed"),
    ],
)
def test_what_makes_no_sense_is_said(trace: Trace, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        trace.run_nmf(**arguments)


def test_it_holds_what_analysis_gives(trace: Trace) -> None:
    nmf, expected = trace.run_nmf(n_components=4, seed=3), factorize(trace, 4, seed=3)
    np.testing.assert_array_equal(nmf.token_loadings, expected.token_loadings)
    np.testing.assert_array_equal(nmf.components, expected.neuron_loadings)
    assert nmf.error == expected.relative_error
    assert nmf.neuron_loadings is nmf.components
    assert "4 factors" in repr(nmf)
    sklearn = trace.run_nmf(n_components=4, solver="sklearn")
    assert sklearn.factors.solver == "sklearn"
    assert nmf.error <= sklearn.error * 1.001


def test_ten_factors_or_as_many_as_there_are_tokens(trace: Trace) -> None:
    assert len(trace.run_nmf().components) == min(10, trace.n_tokens)
    assert len(trace.lm("one two").run_nmf().components) == 2


def test_the_plot_shows_itself(trace: Trace) -> None:
    plot = trace.run_nmf(n_components=3).plot(theme="dark", width=600)
    ET.fromstring(plot.svg)
    data = plot._repr_mimebundle_()
    assert data["image/svg+xml"] == plot.svg
    assert data["text/plain"].startswith("Neurons that fire together (3 factors of 384 neurons, layers 0–2")
    assert data["text/plain"] in repr(plot)


def test_frames_have_what_is_shown(trace: Trace, explored: list[Any]) -> None:
    nmf = trace.run_nmf(n_components=3)
    frame = nmf.to_frame()
    widget = nmf.explore()
    explored.append(widget)
    assert frame["loading"].to_numpy() == pytest.approx(widget.to_frame()["loading"].to_numpy())
    assert frame["token"].tolist() == trace.tokens * 3


def test_exploring_begins_with_these_factors_or_with_the_settings_that_are_given(
    trace: Trace, explored: list[Any]
) -> None:
    nmf = trace.run_nmf(n_components=3, layers=[0, 2], seed=5, normalize=True)
    widget = nmf.explore(pinned=[1])
    explored.append(widget)
    assert (widget.n_components, widget.layers, widget.seed, widget.normalize) == (3, [0, 2], 5, True)
    assert widget.pinned == [1]
    np.testing.assert_array_equal(widget.factors.neuron_loadings, nmf.neuron_loadings)
    other = nmf.explore(n_components=2)
    explored.append(other)
    assert other.factors.n_components == 2


def test_encoder_and_batch() -> None:
    lm = tiny_lm("t5")
    trace = lm.generate("one two three", generate=4, min_new_tokens=4)
    encoder, decoder = trace.run_nmf(2, stack="encoder"), trace.run_nmf(2)
    assert encoder.token_loadings.shape == (2, trace.n_source)
    assert decoder.token_loadings.shape == (2, trace.n_tokens - trace.n_source)
    batch = tiny_lm("gpt2")(["one two three", "four"])
    nmf = batch.run_nmf(2, from_layer=1)
    assert nmf.token_loadings.shape == (2, sum(one.n_tokens for one in batch))
    assert nmf.to_frame()["token"].tolist() == [text for one in batch for text in one.tokens] * 2


def test_neurons_open_at_a_layer(trace: Trace, explored: list[Any]) -> None:
    explored += [trace.neurons(n_clusters=3, layer=2, n_shown=20), trace.neurons()]
    assert (explored[0].layer, explored[0].n_clusters, len(explored[0].neurons)) == (2, 3, 20)
    assert explored[1].layer == 1
    assert isinstance(explored[0], ecco.NeuronsWidget)
