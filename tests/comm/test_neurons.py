"""The widget of neurons through its comm: its map is the run's own activations."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from ecco_widgets.errors import InvalidInput
from ecco_widgets.models import LanguageModel, Trace
from ecco_widgets.widgets import NeuronsWidget, _neuron_rows
from tests.comm.lens import Open, ask, data_in, kept, page_of
from tests.support.tiny_models import tiny_lm

FINAL = ("result", "error", "superseded", "cancelled")


def activations(trace: Trace, layer: int) -> Any:
    return trace.activations([layer])[0].float().numpy()


def as_shown(trace: Trace, values: Any) -> Any:
    """Columns of tokens from rows of states: a generated token shows the state that produced it."""
    at = np.arange(trace.n_tokens)
    return values[np.where(at >= trace.n_prompt, at - 1, at)].T


def is_map(found: dict[str, Any], trace: Trace, layer: int, order: str, n_shown: int) -> None:
    own = activations(trace, layer)
    energy = (own.astype(np.float64) ** 2).mean(0)
    most = np.argsort(-energy, kind="stable")[:n_shown]
    assert sorted(found["neurons"].tolist()) == sorted(most.tolist())
    np.testing.assert_array_equal(found["values"], as_shown(trace, own)[found["neurons"]])
    if order == "activity":
        assert found["neurons"].tolist() == most.tolist()
    elif order == "index":
        assert found["neurons"].tolist() == sorted(most.tolist())
    else:
        assert found["cluster"].tolist() == sorted(found["cluster"].tolist())
        for cluster in set(found["cluster"].tolist()):
            members = energy[found["neurons"][found["cluster"] == cluster]]
            assert (np.diff(members) <= 1e-9).all()
    assert found["total"] == own.shape[1]
    assert found["histogram"]["counts"].sum() == own.size
    assert len(found["histogram"]["edges"]) == len(found["histogram"]["counts"]) + 1


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Maps wait until the event is set."""
    go, compute = threading.Event(), _neuron_rows.map_of

    def map_of(*arguments: Any, **options: Any) -> Any:
        assert go.wait(20)
        return compute(*arguments, **options)

    monkeypatch.setattr(_neuron_rows, "map_of", map_of)
    yield go
    go.set()


def test_the_map_is_computed_and_kept_at_construction(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(NeuronsWidget, n_shown=20)
    found = kept(page_of(widget), "_map")
    assert found["spec"] == f"{trace.id}|{trace.lm.n_layers // 2}|8|cluster|20"
    assert widget.layer == trace.lm.n_layers // 2
    np.testing.assert_array_equal(widget.values, as_shown(trace, activations(trace, widget.layer))[widget.neurons])
    assert set(widget.clusters.tolist()) == set(range(8))


def test_every_control_recomputes(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(NeuronsWidget, n_shown=30)
    page = page_of(widget)
    steps: list[dict[str, Any]] = [
        {"layer": 0},
        {"order": "activity"},
        {"n_shown": 15},
        {"order": "index"},
        {"order": "cluster"},
    ]
    for number, step in enumerate(steps, start=1):
        found = data_in(page, ask(page, number, step))["map"]
        is_map(found, trace, widget.layer, widget.order, widget.n_shown)
        assert found["spec"] == f"{trace.id}|{widget.layer}|8|{widget.order}|{widget.n_shown}"
    found = data_in(page, ask(page, 9, {"n_clusters": 3}))["map"]
    assert set(found["cluster"].tolist()) == {0, 1, 2}
    assert -1 <= found["silhouette"] <= 1
    found = data_in(page, ask(page, 10, {"n_clusters": 1}))["map"]
    assert (set(found["cluster"].tolist()), found["silhouette"]) == ({0}, None)
    assert ask(page, 11, {"n_clusters": 3})["source"] == "cache"


def test_a_narrow_layer_is_shown_whole(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(NeuronsWidget, n_shown=400)
    width = trace.lm.neurons.widths[widget.layer]
    assert len(widget.neurons) == width < 400


def test_an_opened_neuron(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(NeuronsWidget, layer=1)
    page = page_of(widget)
    neuron = data_in(page, ask(page, 1, {"selected": 77}, channel="neuron"))["neuron"]
    own = activations(trace, 1)[:, 77]
    assert (neuron["spec"], neuron["layer"], neuron["index"]) == (f"{trace.id}|1|77", 1, 77)
    np.testing.assert_array_equal(neuron["values"], as_shown(trace, own[:, None])[0])
    if neuron["top_tokens"]:
        assert neuron["values"][neuron["top_tokens"][0]] == neuron["values"].max() > 0
    assert neuron["histogram"]["counts"].sum() == len(own)
    assert len(neuron["promotes"]) == len(neuron["suppresses"]) == 10
    assert neuron["no_vocabulary"] == ""
    kept(page, "_neuron")
    # Another layer closes it, unless one is chosen with it.
    assert set(data_in(page, ask(page, 2, {"layer": 0}))) == {"map"}
    assert (widget.selected, widget._neuron) == (None, {}) or kept(page, "_neuron", lambda value: not value) == {}
    assert {"selected": None} in page.states()
    ask(page, 3, {"layer": 2, "selected": 5})
    assert (widget.layer, widget.selected) == (2, 5)
    news = page.wait(lambda m: m["kind"] == "result" and m["channel"] == "neuron" and "|2|5" in str(m["data"]))
    assert news["id"] is None
    assert ask(page, 4, {"selected": None}, channel="neuron")["data"] == {}


def test_what_a_neuron_promotes_is_what_its_direction_does_to_the_logits(open_widget: Open, trace: Trace) -> None:
    page = page_of(open_widget(NeuronsWidget))
    neuron = data_in(page, ask(page, 1, {"layer": 1, "index": 9}, name="neuron", channel="peek"))["neuron"]
    scores = [token["score"] for token in neuron["promotes"]]
    assert scores == sorted(scores, reverse=True)
    scores = [token["score"] for token in neuron["suppresses"]]
    assert scores == sorted(scores)
    assert all(token["text"] == trace.lm.token_text(token["id"]) for token in neuron["promotes"])


def test_a_neuron_can_be_looked_at_without_opening_it(open_widget: Open) -> None:
    widget = open_widget(NeuronsWidget)
    page = page_of(widget)
    answer = ask(page, 1, {"layer": 0, "index": 3}, name="neuron", channel="peek")
    assert data_in(page, answer)["neuron"]["index"] == 3
    assert widget.selected is None


def test_intervening_on_a_neuron(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(NeuronsWidget)
    page = page_of(widget)
    params = {"layer": 1, "index": 3, "action": "set", "value": 4}
    ablation = data_in(page, ask(page, 1, params, name="intervene", channel="intervene"))["ablation"]
    result = widget.intervene(3, "set", 1, value=4.0)
    assert (ablation["spec"], ablation["id"]) == (f"{trace.id}|1|3", None)
    assert (ablation["layer"], ablation["index"], ablation["n_neurons"], ablation["value"]) == (1, 3, 1, 4.0)
    assert ablation["after"]["ids"] == result.after.token_ids.tolist()
    np.testing.assert_allclose([row["after"] for row in ablation["log_p"]], result.changed_log_probability, rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("neuron", {}, "neuron takes"),
        ("neuron", {"layer": 0, "index": "3"}, "must be integers"),
        ("neuron", {"layer": True, "index": 3}, "must be integers"),
        ("neuron", {"layer": 3, "index": 3}, "layer must be in 0..2, got 3"),
        ("neuron", {"layer": 0, "index": 128}, "neuron must be in 0..127, got 128"),
        ("intervene", {"layer": 0, "index": -1}, "neuron must be in 0..127, got -1"),
        ("intervene", {"layer": 0, "index": 1, "action": "set"}, "needs a number"),
        ("intervene", {"layer": 0, "index": 1, "action": "off"}, "action must be one of"),
        ("intervene", {"layer": 0, "index": 1, "n": 1}, "intervene takes"),
        ("intervene", {"layer": 0, "index": 1, "text": 2}, "text must be in 0..0"),
    ],
)
def test_requests_that_make_no_sense(open_widget: Open, name: str, params: dict[str, Any], message: str) -> None:
    answer = ask(page_of(open_widget(NeuronsWidget)), 1, params, name=name, channel="other")
    assert answer["kind"] == "error"
    assert message in answer["error"]["message"]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"layer": 3}, "layer must be in 0..2, got 3"),
        ({"layer": -1}, "layer must be in 0..2, got -1"),
        ({"layer": None}, "layer"),
        ({"n_clusters": 0}, "n_clusters must be in 1..20, got 0"),
        ({"n_clusters": 21}, "n_clusters must be in 1..20, got 21"),
        ({"order": "size"}, "order must be one of 'cluster', 'activity', 'index', got 'size'"),
        ({"n_shown": 9}, "n_shown must be in 10..400, got 9"),
        ({"n_shown": True}, "must be a number, got a boolean"),
        ({"selected": 128}, "neuron must be in 0..127, got 128"),
        ({"layer": 99, "selected": 1}, "layer must be in 0..2, got 99"),
        ({"selected": 1, "layer": 99}, "layer must be in 0..2, got 99"),
        ({"order": "index", "n_shown": 4}, "n_shown must be in"),
        ({"_map": {}}, "is set by the kernel only"),
    ],
)
def test_what_a_view_may_not_ask_is_refused_and_nothing_changes(
    open_widget: Open, params: dict[str, Any], message: str
) -> None:
    widget = open_widget(NeuronsWidget, selected=4)
    page = page_of(widget)
    names = ["layer", "n_clusters", "order", "n_shown", "selected"]
    before = widget.get_state(names)
    answer = ask(page, 1, params)
    assert answer["kind"] == "error"
    assert message in answer["error"]["message"] + answer["error"]["hint"]
    assert widget.get_state(names) == before
    assert ask(page, 2, {"n_shown": 12})["kind"] == "result"


def test_python_gets_the_same_refusals_as_exceptions(open_widget: Open) -> None:
    with pytest.raises(InvalidInput, match=r"layer must be in 0\.\.2, got 7"):
        open_widget(NeuronsWidget, layer=7)
    with pytest.raises(TypeError, match=r"no argument 'n_cluster'. Did you mean 'n_clusters'\?"):
        open_widget(NeuronsWidget, n_cluster=7)
    widget = open_widget(NeuronsWidget)
    with pytest.raises(InvalidInput, match=r"neuron must be in 0..127, got 500. Layer 1 has 128"):
        widget.selected = 500


def test_a_later_choice_supersedes_an_earlier_one(open_widget: Open, trace: Trace, slow: threading.Event) -> None:
    slow.set()
    widget = open_widget(NeuronsWidget)
    page = page_of(widget)
    kept(page, "_map")
    slow.clear()
    for number in range(1, 6):
        page.request({"id": number, "channel": "row", "name": "set", "params": {"n_clusters": number + 1, "layer": 0}})
    slow.set()
    assert [page.answer(number)["kind"] for number in range(1, 5)] == ["superseded"] * 4
    found = data_in(page, page.answer(5))["map"]
    is_map(found, trace, 0, "cluster", 100)
    assert found["cluster"].max() == 5


def test_cancel_and_close_while_it_is_computed(open_widget: Open, slow: threading.Event) -> None:
    slow.set()
    widget = open_widget(NeuronsWidget)
    page = page_of(widget)
    before = kept(page, "_map")["spec"]
    slow.clear()
    page.request({"id": 1, "channel": "row", "name": "set", "params": {"layer": 0}})
    assert ask(page, 2, {"id": 1}, name="cancel", channel="cancel")["data"] == {"cancelled": 1}
    slow.set()
    assert page.answer(1)["kind"] == "cancelled"
    assert widget._map["spec"] == before
    slow.clear()
    page.request({"id": 3, "channel": "row", "name": "set", "params": {"layer": 2}})
    threading.Timer(0.05, slow.set).start()
    with page.arrived:
        page.published.clear()
    widget.close()
    assert not [m for m in page.customs() if m["kind"] in ("result", "error")]


def test_activations_that_are_not_finite_are_an_error_and_no_picture(open_widget: Open, lm: LanguageModel) -> None:
    trace = lm("one two three four")
    trace.activations()
    trace._states["neurons-0"][1, 3] = float("inf")
    widget = open_widget(NeuronsWidget, trace, layer=1)
    page = page_of(widget)
    before = kept(page, "_map")["spec"]
    answer = ask(page, 1, {"layer": 0})
    assert (answer["kind"], answer["error"]["kind"]) == ("error", "non_finite")
    assert widget._map["spec"] == before


def test_a_new_view_is_told_map_and_neuron(open_widget: Open) -> None:
    widget = open_widget(NeuronsWidget, selected=3)
    page = page_of(widget)
    ask(page, 1, {"selected": 3}, channel="neuron")
    ask(page, 2, {"n_shown": 100})
    data = data_in(page, ask(page, 3, {}, name="hello"))
    assert (data["map"]["spec"], data["neuron"]["index"]) == (widget._spec, 3)


@pytest.mark.parametrize("family", ["t5", "bert", "bert_classifier"])
def test_other_kinds_of_models(open_widget: Open, family: str) -> None:
    lm = tiny_lm(family)
    trace = lm.generate("one two", generate=3, min_new_tokens=3) if family == "t5" else lm("one two three")
    widget = open_widget(NeuronsWidget, trace, n_shown=12)
    values = widget.values
    assert values.shape == (12, trace.n_tokens)
    columns = np.isfinite(values).all(axis=0)
    if family == "t5":
        assert columns.tolist() == [p >= trace.n_source for p in range(trace.n_tokens)]
    else:
        assert columns.tolist() == [p < trace.n_prompt for p in range(trace.n_tokens)]
    neuron = data_in(page_of(widget), ask(page_of(widget), 1, {"selected": 1}, channel="neuron"))["neuron"]
    assert bool(neuron["promotes"]) is (neuron["no_vocabulary"] == "")


def test_a_batch_shows_its_texts_side_by_side(open_widget: Open, lm: LanguageModel) -> None:
    batch = lm(["one two three", "four five"])
    widget = NeuronsWidget(batch, n_shown=15, layer=0)
    own = np.concatenate([activations(trace, 0) for trace in batch])
    np.testing.assert_array_equal(widget.values, own.T[widget.neurons])
    widget.close()


def test_another_run_in_place(open_widget: Open, lm: LanguageModel) -> None:
    widget = open_widget(NeuronsWidget, layer=2, selected=4)
    other = lm("one two three")
    widget.show(other)
    assert (widget.layer, widget.selected, widget._tokens["run"]) == (2, None, other.id)
    assert widget.values.shape[1] == other.n_tokens


def test_no_request_is_lost_in_a_flood(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(NeuronsWidget)
    page = page_of(widget)
    choices: list[dict[str, Any]] = [
        {"layer": 0}, {"n_clusters": 3}, {"selected": 5}, {"order": "index"}, {"layer": 2},
        {"n_shown": 20}, {"selected": None}, {"order": "cluster"}, {"n_clusters": 8}, {"selected": 9, "layer": 1},
    ]  # fmt: skip
    for number in range(1, 61):
        page.request({"id": number, "channel": "row", "name": "set", "params": choices[number % len(choices)]})
    for number in range(1, 61):
        page.answer(number)
    ended = [m["id"] for m in page.customs() if m["id"] is not None and m["kind"] in FINAL]
    assert sorted(ended) == list(range(1, 61))
    found = data_in(page, ask(page, 61, {"layer": widget.layer}))["map"]
    is_map(found, trace, widget.layer, widget.order, widget.n_shown)
