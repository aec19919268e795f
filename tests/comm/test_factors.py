"""The widget of factors through its comm: its last picture is what ``analysis.factorize`` gives on its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from ecco_widgets.analysis.factorization import factorize
from ecco_widgets.errors import Cancelled, InvalidInput
from ecco_widgets.live import Preempted
from ecco_widgets.models import LanguageModel, Trace
from ecco_widgets.widgets import AttributionWidget, FactorsWidget, _factor_rows
from tests.comm.lens import Open, ask, data_in, kept, page_of
from tests.comm.toy import FakeComm
from tests.support.tiny_models import tiny_lm

FINAL = ("result", "error", "superseded", "cancelled")


@pytest.fixture(scope="module")
def trace(lm: LanguageModel) -> Trace:
    return lm.generate("The keys to the cabinet are on the table", generate=8, min_new_tokens=8)


def expected(trace: Trace, n_components: int, **params: Any) -> Any:
    """Factors as ``analysis`` gives them, without any widget."""
    if params.pop("normalize", False):
        params["normalise"] = "tokens"
    return factorize(trace, n_components, **params)


def is_picture(factors: dict[str, Any], trace: Trace, n_components: int, **params: Any) -> None:
    """The same factors, in whatever order."""
    found = expected(trace, n_components, **params)
    assert factors["error"] == pytest.approx(found.relative_error, rel=1e-3)
    at = np.arange(trace.n_tokens)
    rows = np.where(at >= trace.n_prompt, at - 1, at)
    shown = np.asarray(found.token_loadings)[:, rows]
    order = [int(np.abs(factors["loadings"] - row).max(axis=1).argmin()) for row in shown]
    assert sorted(order) == list(range(n_components))
    np.testing.assert_allclose(factors["loadings"][order], shown, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(factors["explained"][order], found.explained, rtol=1e-3, atol=1e-5)
    assert factors["n_neurons"][order].tolist() == (found.neuron_loadings != 0).sum(axis=1).tolist()
    np.testing.assert_allclose(factors["peak"], np.abs(factors["loadings"]).max(axis=1), rtol=1e-6)


class Steps:
    """Holds factorizations after each of their iterations."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.reached = threading.Event()
        self.running = 0
        self.most_running = 0
        self.begun: list[int] = []

    def wait(self) -> None:
        self.reached.set()
        assert self.go.wait(20)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[Steps]:
    """Each iteration waits, and is told as if it had taken long."""
    held, decompose = Steps(), _factor_rows.decompose

    def counted(shown: Any, params: Any, telling: Any = None, **options: Any) -> Any:
        if telling is None:
            return decompose(shown, params, **options)
        held.running += 1
        held.begun.append(params["n_components"])
        held.most_running = max(held.most_running, held.running)
        try:
            return decompose(shown, params, telling, **options)
        finally:
            held.running -= 1

    class Held(_factor_rows.Telling):
        def iterated(self, iteration: int, error: float) -> None:
            super().iterated(iteration, error)
            if iteration > 1:
                held.wait()

        def snapshot(self, factors: Any) -> None:
            super().snapshot(factors)
            held.wait()

    monkeypatch.setattr(_factor_rows, "decompose", counted)
    monkeypatch.setattr(_factor_rows, "Telling", Held)
    monkeypatch.setattr(_factor_rows, "_FIRST_AFTER", -10.0)
    monkeypatch.setattr(_factor_rows, "_TELL_EVERY", 0.0)
    monkeypatch.setattr("ecco_widgets.live.worker.PROGRESS_INTERVAL", 0.0)
    held.go.set()
    yield held
    held.go.set()


def pictures(page: FakeComm, condition: Callable[[dict[str, Any]], bool] = lambda _: True) -> list[dict[str, Any]]:
    found = [m["data"]["factors"] for m in page.customs() if m["kind"] == "result" and "factors" in m["data"]]
    return [factors for factors in found if condition(factors)]


def test_factors_are_computed_and_kept_at_construction(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(FactorsWidget, n_components=3)
    factors = kept(page_of(widget), "_factors")
    is_picture(factors, trace, 3)
    assert factors["spec"] == f"{trace.id}|nmf|3|all|0|0"
    assert (factors["ids"], factors["fresh"]) == ([0, 1, 2], [])
    assert (factors["done"], factors["stopped"]) == (True, False)
    assert factors["layers"] == list(range(trace.lm.n_layers))
    assert factors["total_neurons"] == sum(trace.lm.neurons.widths)
    np.testing.assert_allclose(widget.factors.token_loadings, _rows(widget, factors), rtol=1e-5)


def _rows(widget: Any, factors: dict[str, Any]) -> Any:
    assert widget.ids == factors["ids"]
    prompt = widget.trace.n_prompt
    shown = factors["loadings"]
    # Each prompt token shows its own state and each generated one that of the token before.
    np.testing.assert_array_equal(shown[:, prompt], shown[:, prompt - 1])
    own = widget.factors.token_loadings
    return np.concatenate([shown[:, :prompt], shown[:, prompt + 1 :], own[:, -1:]], axis=1)


def test_every_control_recomputes(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(FactorsWidget, n_components=2)
    page = page_of(widget)
    settings: dict[str, Any] = {}
    for number, step in enumerate([{"layers": [1]}, {"seed": 7}, {"normalize": True}, {"layers": None}], start=1):
        settings |= step
        factors = data_in(page, ask(page, number, step))["factors"]
        is_picture(factors, trace, 2, **settings)
        layers = ",".join(map(str, settings.get("layers") or [])) or "all"
        assert factors["spec"] == (
            f"{trace.id}|nmf|2|{layers}|{settings.get('seed', 0)}|{int(settings.get('normalize', False))}"
        )
    factors = data_in(page, ask(page, 9, {"n_components": 5, "seed": 0, "normalize": False}))["factors"]
    is_picture(factors, trace, 5)


def test_going_back_is_instant_and_brings_identities_back(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(FactorsWidget, n_components=4)
    page = page_of(widget)
    first = data_in(page, ask(page, 1, {"n_components": 4}))["factors"]
    ask(page, 2, {"n_components": 2})
    answer = ask(page, 3, {"n_components": 4})
    assert answer["source"] == "cache"
    again = data_in(page, answer)["factors"]
    by_id = dict(zip(first["ids"], first["loadings"], strict=True))
    assert sorted(again["ids"]) == [0, 1, 2, 3]
    for identity, row in zip(again["ids"], again["loadings"], strict=True):
        np.testing.assert_array_equal(row, by_id[identity])


@pytest.mark.parametrize("method", ["pca", "ica"])
def test_other_methods(open_widget: Open, trace: Trace, method: str) -> None:
    widget = open_widget(FactorsWidget, n_components=3)
    page = page_of(widget)
    factors = data_in(page, ask(page, 1, {"method": method}))["factors"]
    is_picture(factors, trace, 3, method=method)
    assert (factors["method"], factors["signed"], factors["spec"].split("|")[1]) == (method, True, method)
    assert (factors["loadings"] < 0).any()
    answer = ask(page, 2, {"id": factors["ids"][0]}, name="ablate", channel="ablate")
    assert f"with {method.upper()} nearly every neuron has a loading" in answer["error"]["message"]
    answer = ask(page, 3, {"id": factors["ids"][0], "top": 5}, name="ablate", channel="ablate")
    assert answer["data"]["ablation"]["n_neurons"] == 5
    card = data_in(page, ask(page, 4, {"card": factors["ids"][1]}, channel="card"))["card"]
    assert card["n_neurons"] == np.count_nonzero(widget.factors.neuron_loadings[1])
    options = {option["name"]: option for option in widget._bounds["methods"]}
    assert options[method]["signed"]
    assert options[method]["note"]
    assert not options["nmf"]["signed"]


def test_the_first_pictures_come_from_where_one_was_and_the_last_one_does_not_depend_on_it(
    open_widget: Open, trace: Trace, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_factor_rows, "_LONG", -1.0)
    widget = open_widget(FactorsWidget, n_components=5)
    page = page_of(widget)
    assert len(widget.ids) == 5
    steps.begun.clear()
    factors = data_in(page, ask(page, 1, {"n_components": 6}))["factors"]
    assert steps.begun == [6, 6]  # on from five factors for a first picture, then from nothing
    is_picture(factors, trace, 6)
    assert any(not f["done"] for f in pictures(page, lambda f: "|6|" in f["spec"]))


def test_colours_do_not_jump_when_factors_are_added(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(FactorsWidget, n_components=3)
    page = page_of(widget)
    before = data_in(page, ask(page, 1, {"n_components": 3}))["factors"]
    after = data_in(page, ask(page, 2, {"n_components": 4}))["factors"]
    stayed = [identity for identity in after["ids"] if identity in before["ids"]]
    assert stayed
    assert after["ids"][: len(stayed)] == stayed  # rows that stay keep their order, new ones come last
    assert after["fresh"] == [identity for identity in after["ids"] if identity not in before["ids"]]
    for identity in stayed:
        old = before["loadings"][before["ids"].index(identity)]
        new = after["loadings"][after["ids"].index(identity)]
        assert old @ new / np.linalg.norm(old) / np.linalg.norm(new) > 0.5


def test_dragging_the_slider(open_widget: Open, trace: Trace, steps: Steps) -> None:
    widget = open_widget(FactorsWidget, n_components=2)
    page = page_of(widget)
    assert len(widget.ids) == 2
    steps.begun.clear()
    steps.go.clear()
    steps.reached.clear()
    page.request({"id": 3, "channel": "row", "name": "set", "params": {"n_components": 3}})
    assert steps.reached.wait(20)
    for n in range(4, 13):
        page.request({"id": n, "channel": "row", "name": "set", "params": {"n_components": n}})
    with widget._engine.schedule.lock:
        channel = widget._channels["row"]
        assert len(channel.waiting) == 1  # of ten, one runs and one waits
    steps.go.set()
    is_picture(data_in(page, page.answer(12))["factors"], trace, 12)
    assert widget.n_components == 12
    assert [page.answer(n)["kind"] for n in range(3, 12)] == ["superseded"] * 9
    assert steps.most_running == 1
    assert set(steps.begun) == {3, 12}


def test_pictures_come_while_it_is_computed_each_better_than_the_one_before(
    open_widget: Open, trace: Trace, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_factor_rows, "_EVERY", 0.0)
    monkeypatch.setattr(_factor_rows, "_TELL_EVERY", 0.0)
    monkeypatch.setattr("ecco_widgets.live.worker.PROGRESS_INTERVAL", 0.0)
    widget = open_widget(FactorsWidget, n_components=2)
    page = page_of(widget)
    assert widget.ids == [0, 1]
    page.request({"id": 1, "channel": "row", "name": "set", "params": {"n_components": 6}})
    page.answer(1)
    shown = pictures(page, lambda f: f["spec"].startswith(f"{trace.id}|nmf|6|"))
    assert len(shown) > 2
    assert [f["done"] for f in shown] == [False] * (len(shown) - 1) + [True]
    errors = [f["error"] for f in shown[:-1]]
    assert errors == sorted(errors, reverse=True)
    # New factors stay marked until the picture is finished, and keep their identities on the way.
    assert all(len(f["fresh"]) >= 4 for f in shown)
    assert shown[-1]["ids"] == shown[-2]["ids"]
    news = [m for m in page.customs() if m["kind"] == "result" and m["data"].get("factors") in shown[:-1]]
    assert {(m["id"], m["channel"]) for m in news} == {(None, "row")}
    data = data_in(page, news[0])["factors"]
    assert (data["loadings"].shape, data["explained"].shape) == ((6, trace.n_tokens), (0,))
    labels = [m["label"] for m in page.customs() if m["kind"] == "progress" and m["id"] == 1]
    assert any(label.startswith("iteration ") and "error" in label for label in labels)


def test_cancel_keeps_the_latest_picture(open_widget: Open, trace: Trace, steps: Steps) -> None:
    widget = open_widget(FactorsWidget, n_components=2)
    page = page_of(widget)
    assert widget.ids == [0, 1]
    steps.go.clear()
    page.request({"id": 1, "channel": "row", "name": "set", "params": {"n_components": 5}})
    shown = page.wait(lambda m: m["kind"] == "result" and m["id"] is None and "|5|" in str(m["data"]))
    assert not shown["data"]["factors"]["done"]
    assert ask(page, 2, {"id": 1}, name="cancel", channel="cancel")["data"] == {"cancelled": 1}
    steps.go.set()
    assert page.answer(1)["kind"] == "cancelled"
    last = data_in(page, [m for m in page.customs() if "factors" in m.get("data", {})][-1])["factors"]
    assert (last["done"], last["stopped"], last["spec"]) == (True, True, f"{trace.id}|nmf|5|all|0|0")
    assert last["n_neurons"].shape == (5,)
    assert widget.factors.token_loadings.shape[0] == 5
    # What was stopped can be used, and is finished when it is asked for again.
    assert ask(page, 3, {"card": widget.ids[0]}, channel="card")["kind"] == "result"
    is_picture(data_in(page, ask(page, 4, {"n_components": 5}))["factors"], trace, 5)


def test_cancel_before_a_first_picture_keeps_the_earlier_one(
    open_widget: Open, trace: Trace, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    widget = open_widget(FactorsWidget, n_components=2)
    page = page_of(widget)
    before = widget._current()
    monkeypatch.setattr(_factor_rows, "_FIRST_AFTER", 1000.0)
    steps.go.clear()
    steps.reached.clear()
    page.request({"id": 1, "channel": "row", "name": "set", "params": {"n_components": 5}})
    assert steps.reached.wait(20)
    ask(page, 2, {}, name="cancel", channel="cancel")
    steps.go.set()
    assert page.answer(1)["kind"] == "cancelled"
    assert widget._picture is before
    assert data_in(page, ask(page, 3, {}, name="hello"))["factors"]["spec"] == before.spec


def test_an_error_keeps_the_earlier_picture(open_widget: Open, trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    widget = open_widget(FactorsWidget, n_components=2)
    page = page_of(widget)
    before = widget._current()

    def fails(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(_factor_rows, "decompose", fails)
    answer = ask(page, 1, {"n_components": 3})
    assert (answer["kind"], answer["error"]["kind"]) == ("error", "internal")
    assert widget._picture is before
    monkeypatch.undo()


def test_activations_that_are_not_finite_are_an_error_and_no_picture(open_widget: Open, lm: LanguageModel) -> None:
    trace = lm("one two three four")
    trace.activations()
    trace._states["neurons-1"][2, 5] = float("nan")
    widget = open_widget(FactorsWidget, trace, n_components=2, layers=[0])
    page = page_of(widget)
    before = widget._current()
    answer = ask(page, 1, {"layers": [0, 1]})
    assert (answer["kind"], answer["error"]["kind"]) == ("error", "non_finite")
    assert "neuron 5" in answer["error"]["message"]
    assert widget._picture is before
    assert ask(page, 2, {"layers": [0]})["kind"] == "result"


def test_closing_while_it_is_computed(open_widget: Open, steps: Steps) -> None:
    widget = open_widget(FactorsWidget, n_components=2)
    page = page_of(widget)
    assert widget.ids == [0, 1]
    steps.go.clear()
    page.request({"id": 1, "channel": "row", "name": "set", "params": {"n_components": 5}})
    assert steps.reached.wait(20)
    threading.Timer(0.05, steps.go.set).start()
    with page.arrived:
        page.published.clear()
    widget.close()
    assert not [m for m in page.customs() if m["kind"] in ("result", "error")]


def test_a_hover_elsewhere_does_not_wait_and_the_factorization_goes_on(
    open_widget: Open, trace: Trace, steps: Steps
) -> None:
    widget, other = open_widget(FactorsWidget, n_components=2), open_widget(AttributionWidget)
    page, hover = page_of(widget), page_of(other)
    assert widget.ids == [0, 1]
    steps.go.clear()
    steps.reached.clear()
    page.request({"id": 1, "channel": "row", "name": "set", "params": {"n_components": 5}})
    assert steps.reached.wait(20)
    hover.request({"id": 1, "channel": "row", "name": "set", "params": {"attr_method": "gradient"}})
    steps.go.set()
    assert hover.answer(1)["kind"] == "result"
    factors = data_in(page, page.answer(1))["factors"]
    assert steps.begun.count(5) >= 2  # it went on from where it was
    assert factors["error"] == pytest.approx(expected(trace, 5).relative_error, rel=0.02)


def test_pinned_focus_and_card_must_be_there(open_widget: Open) -> None:
    widget = open_widget(FactorsWidget, n_components=4, pinned=[1], card=3)
    page = page_of(widget)
    assert widget.ids == [0, 1, 2, 3]
    assert ask(page, 1, {"pinned": [3, 0, 3], "focus": 2}, channel="view")["data"] == {}
    assert (widget.pinned, widget.focus) == ([3, 0], 2)
    for number, params in enumerate(
        [{"pinned": [9]}, {"focus": 4}, {"card": -1}, {"pinned": [0], "focus": 8}], start=2
    ):
        answer = ask(page, number, params, channel="view")
        assert "there is no factor" in answer["error"]["message"]
        assert "There are 0, 1, 2, 3." in answer["error"]["hint"]
    assert (widget.pinned, widget.focus, widget.card) == ([3, 0], 2, 3)
    ask(page, 8, {"n_components": 1})
    assert set(widget.pinned) <= set(widget.ids)
    assert widget.focus in {None, *widget.ids}
    assert widget.card in {None, *widget.ids}


def test_a_card_says_what_the_loadings_say(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(FactorsWidget, n_components=3)
    page = page_of(widget)
    assert widget.ids == [0, 1, 2]
    card = data_in(page, ask(page, 1, {"card": 1}, channel="card"))["card"]
    own = widget.factors.neuron_loadings[1] > 0
    width = trace.lm.neurons.widths[0]
    assert (card["spec"], card["id"]) == (f"{trace.id}|nmf|3|all|0|0", 1)
    assert card["n_neurons"] == own.sum()
    assert card["share"] == pytest.approx(own.mean())
    assert card["by_layer"] == [
        int(own[layer * width : (layer + 1) * width].sum()) for layer in range(trace.lm.n_layers)
    ]
    shared = {item["id"]: item["n"] for item in card["shared"]}
    assert shared == {k: int((own & (widget.factors.neuron_loadings[k] > 0)).sum()) for k in (0, 2)}
    best = card["top_neurons"][0]
    assert best["loading"] == pytest.approx(float(widget.factors.neuron_loadings[1].max()))
    assert best["layer"] * width + best["index"] == int(widget.factors.neuron_loadings[1].argmax())
    shown = widget._shown.shown(widget.factors.token_loadings)[1]
    assert card["top_tokens"][0] == int(shown.argmax())
    assert len(card["promotes"]) == len(card["suppresses"]) == 10
    assert card["promotes"][0]["score"] > 0 > card["suppresses"][0]["score"]
    assert kept(page, "_card")["id"] == 1
    assert widget.card_of(1) == card
    # The same without opening it, and closing it.
    assert data_in(page, ask(page, 2, {"id": 2}, name="card", channel="peek"))["card"]["id"] == 2
    assert widget.card == 1
    assert ask(page, 3, {"card": None}, channel="card")["data"] == {}
    assert widget._card == {}


def test_an_open_card_follows_the_picture(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(FactorsWidget, n_components=3)
    page = page_of(widget)
    assert widget.ids == [0, 1, 2]
    ask(page, 1, {"card": 0}, channel="card")
    factors = data_in(page, ask(page, 2, {"n_components": 4}))["factors"]
    if 0 in factors["ids"]:
        news = page.wait(lambda m: m["kind"] == "result" and m["channel"] == "card" and "|nmf|4|" in str(m["data"]))
        assert (news["id"], news["data"]["card"]["id"]) == (None, 0)
    else:
        assert widget.card is None


def test_ablating_a_factor(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(FactorsWidget, n_components=2)
    page = page_of(widget)
    own = int((widget.factors.neuron_loadings[1] > 0).sum())
    answer = ask(page, 1, {"id": 1, "top": 20}, name="ablate", channel="ablate")
    ablation = data_in(page, answer)["ablation"]
    assert (ablation["id"], ablation["n_neurons"], ablation["action"], ablation["layer"]) == (1, 20, "zero", None)
    result = widget.ablate(1, 20)
    assert ablation["before"]["ids"] == trace.token_ids.tolist()
    assert ablation["after"]["ids"] == result.after.token_ids.tolist()
    assert ablation["first_changed"] == result.first_changed
    assert [row["position"] for row in ablation["log_p"]] == list(trace.output_positions)
    np.testing.assert_allclose([row["after"] for row in ablation["log_p"]], result.changed_log_probability, rtol=1e-4)
    np.testing.assert_allclose(
        [row["random_mean"] for row in ablation["log_p"]], result.random_log_probability.mean(0), rtol=1e-4
    )
    assert len(ablation["top_before"]) == len(ablation["top_after"]) == 5
    assert [m for m in page.customs() if m["kind"] == "progress" and m["id"] == 1]
    every = data_in(page, ask(page, 2, {"id": 1, "action": "scale", "value": 2}, name="ablate", channel="ablate"))
    assert (every["ablation"]["n_neurons"], every["ablation"]["value"]) == (own, 2.0)
    mean = data_in(page, ask(page, 3, {"id": 0, "action": "mean", "top": None}, name="ablate", channel="ablate"))
    assert mean["ablation"]["action"] == "mean"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "ablate takes"),
        ({"id": "0"}, "ablate takes"),
        ({"id": 0, "other": 1}, "ablate takes"),
        ({"id": 7}, "there is no factor 7"),
        ({"id": 0, "top": 0}, "top must be a positive integer"),
        ({"id": 0, "top": 1.5}, "top must be"),
        ({"id": 0, "action": "remove"}, "action must be one of 'zero', 'mean', 'scale', got 'remove'"),
        ({"id": 0, "action": 3}, "action must be a string"),
        ({"id": 0, "action": "scale"}, "needs a number as its value"),
        ({"id": 0, "action": "zero", "value": 2}, "takes no value"),
        ({"id": 0, "text": 1}, "text must be in 0..0"),
    ],
)
def test_ablations_that_make_no_sense(open_widget: Open, params: dict[str, Any], message: str) -> None:
    widget = open_widget(FactorsWidget, n_components=2)
    assert widget.ids == [0, 1]
    answer = ask(page_of(widget), 1, params, name="ablate", channel="ablate")
    assert answer["kind"] == "error"
    assert message in answer["error"]["message"]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_components": 0}, "n_components must be in 1..17, got 0"),
        ({"n_components": 18}, "n_components must be in 1..17, got 18"),
        ({"n_components": 2.5}, "n_components"),
        ({"n_components": True}, "must be a number, got a boolean"),
        ({"layers": []}, "layers is empty; the model has layers 0..2"),
        ({"layers": [0, 3]}, "layers must be in 0..2, got 3"),
        ({"layers": [-1]}, "layers must be in 0..2, got -1"),
        ({"layers": [0, True]}, "layers must be a list of integers"),
        ({"layers": "all"}, "layers must be a list of integers"),
        ({"method": "svd"}, "method must be one of"),
        ({"seed": -1}, "seed must be in 0..2147483647, got -1"),
        ({"normalize": "yes"}, "normalize"),
        ({"seed": 3, "n_components": 99}, "n_components must be in"),
        ({"marked": 999}, "marked must be a position"),
        ({"_factors": {}}, "is set by the kernel only"),
        ({"n_component": 3}, "Did you mean 'n_components'?"),
    ],
)
def test_what_a_view_may_not_ask_is_refused_and_nothing_changes(
    open_widget: Open, trace: Trace, params: dict[str, Any], message: str
) -> None:
    assert (trace.n_tokens, trace.lm.n_layers) == (17, 3)
    widget = open_widget(FactorsWidget, n_components=3)
    page = page_of(widget)
    picture = widget._current()
    names = ["n_components", "layers", "method", "seed", "normalize", "pinned", "focus", "card"]
    before = widget.get_state(names)
    answer = ask(page, 1, params)
    assert answer["kind"] == "error"
    assert message in answer["error"]["message"] + answer["error"]["hint"]
    assert widget.get_state(names) == before
    assert widget._picture is picture
    assert ask(page, 2, {"n_components": 4})["kind"] == "result"


def test_python_gets_the_same_refusals_as_exceptions(open_widget: Open, trace: Trace) -> None:
    with pytest.raises(InvalidInput, match=r"layers must be in 0\.\.2, got 5"):
        open_widget(FactorsWidget, layers=[5])
    with pytest.raises(InvalidInput, match=r"n_components must be in 1\.\.17, got 40\. There are 17 tokens"):
        open_widget(FactorsWidget, n_components=40)
    with pytest.raises(TypeError, match=r"no argument 'n_component'. Did you mean 'n_components'\?"):
        open_widget(FactorsWidget, n_component=4)
    with pytest.raises(InvalidInput, match="trace must be a Trace or a Batch, got list"):
        open_widget(FactorsWidget, [trace])
    widget = open_widget(FactorsWidget, n_components=2)
    with pytest.raises(InvalidInput, match="there is no factor 5"):
        widget.ablate(5)
    with pytest.raises(InvalidInput, match="there is no factor 5"):
        widget.card_of(5)


def test_setting_a_trait_from_python_sends_the_trait_and_then_the_factors(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(FactorsWidget, n_components=2)
    page = page_of(widget)
    assert widget.ids == [0, 1]
    widget.layers = range(1)
    page.wait(lambda m: m["kind"] == "computing" and m["channel"] == "row")
    message = page.wait(
        lambda m: (
            m["kind"] == "result" and m["id"] is None and "|nmf|2|0|" in str(m["data"]) and m["data"]["factors"]["done"]
        )
    )
    assert {"layers": [0]} in page.states()
    is_picture(data_in(page, message)["factors"], trace, 2, layers=[0])


def test_more_factors_than_tokens_are_not_offered(open_widget: Open, lm: LanguageModel) -> None:
    widget = open_widget(FactorsWidget, lm("one two"))
    assert (widget._bounds["most"], widget.n_components) == (2, 2)
    assert len(widget.ids) == 2
    widget = open_widget(FactorsWidget, lm(" 1"))
    assert widget.factors.token_loadings.shape == (1, 1)


def test_decoder_and_encoder_of_a_sequence_to_sequence_model(open_widget: Open) -> None:
    lm = tiny_lm("t5")
    trace = lm.generate("one two three", generate=4, min_new_tokens=4)
    source = trace.n_source
    widget = open_widget(FactorsWidget, trace, n_components=2)
    factors = kept(page_of(widget), "_factors")
    assert np.isnan(factors["loadings"][:, :source]).all()
    assert np.isfinite(factors["loadings"][:, source:]).all()
    assert (widget._bounds["shifted"], widget._bounds["stack"]) == (True, "decoder")
    widget = open_widget(FactorsWidget, trace, n_components=2, stack="encoder")
    page = page_of(widget)
    factors = kept(page, "_factors")
    assert np.isfinite(factors["loadings"][:, :source]).all()
    assert np.isnan(factors["loadings"][:, source:]).all()
    assert not widget._bounds["shifted"]
    answer = ask(page, 1, {"id": 0}, name="ablate", channel="ablate")
    assert "only the decoder's neurons" in answer["error"]["message"]
    with pytest.raises(InvalidInput, match="stack must be one of 'decoder', 'encoder'"):
        open_widget(FactorsWidget, trace, stack="middle")


@pytest.mark.parametrize("family", ["bert", "bert_classifier"])
def test_kinds_without_generated_tokens_show_each_token_its_own_state(open_widget: Open, family: str) -> None:
    trace = tiny_lm(family)("one two three")
    widget = open_widget(FactorsWidget, trace, n_components=2)
    factors = kept(page_of(widget), "_factors")
    n = trace.n_prompt
    np.testing.assert_array_equal(factors["loadings"][:, :n], widget.factors.token_loadings)
    assert np.isnan(factors["loadings"][:, n:]).all()
    assert not widget._bounds["shifted"]


def test_a_batch_is_factorized_together_and_each_text_shows_its_own_tokens(
    open_widget: Open, lm: LanguageModel
) -> None:
    texts = ["one two three", "four five", "the keys to the cabinet"]
    batch = lm(texts)
    widget = batch.run_nmf(n_components=3).explore()
    page = page_of(widget)
    lengths = [trace.n_tokens for trace in batch]
    factors = kept(page, "_factors")
    assert factors["loadings"].shape == (3, sum(lengths))
    stops = np.cumsum(lengths).tolist()
    assert widget._bounds["texts"] == [
        {"start": stop - n, "stop": stop} for stop, n in zip(stops, lengths, strict=True)
    ]
    assert widget._tokens["texts"] == [text for trace in batch for text in trace.pieces.texts]
    rows = [np.concatenate([layer.float() for layer in trace.activations()], 1) for trace in batch]
    a = np.maximum(np.concatenate(rows), 0)
    rebuilt = widget.factors.token_loadings.T @ widget.factors.neuron_loadings
    assert np.linalg.norm(a - rebuilt) / np.linalg.norm(a) == pytest.approx(factors["error"], rel=1e-3)
    answer = ask(page, 1, {"id": 0, "text": 2}, name="ablate", channel="ablate")
    ablation = data_in(page, answer)["ablation"]
    assert (ablation["text"], ablation["after"]) == (2, None)
    assert ablation["log_p"][0]["position"] == stops[1] + 1
    widget.close()


def test_another_run_in_place(open_widget: Open, trace: Trace, lm: LanguageModel) -> None:
    widget = open_widget(FactorsWidget, n_components=6, pinned=[2], card=1)
    page = page_of(widget)
    assert len(widget.ids) == 6
    other = lm("one two three")
    widget.show(other)
    assert widget.n_components == min(6, other.n_tokens)
    assert (widget.pinned, widget.card, widget._tokens["run"]) == ([], None, other.id)
    assert widget.ids == list(range(widget.n_components))
    assert kept(page, "_factors", lambda f: f.get("spec", "").startswith(other.id))["done"]
    widget.show(trace)
    assert len(widget.ids) == widget.n_components


def test_factors_that_are_at_hand_are_not_computed_again(
    open_widget: Open, trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    nmf = trace.run_nmf(n_components=3, from_layer=1, to_layer=2)
    monkeypatch.setattr(_factor_rows, "decompose", lambda *_, **__: pytest.fail("computed again"))
    widget = nmf.explore()
    page = page_of(widget)
    assert (widget.layers, widget.n_components) == ([1], 3)
    np.testing.assert_array_equal(widget.factors.token_loadings, nmf.token_loadings)
    data = data_in(page, ask(page, 1, {}, name="hello"))
    assert data["factors"]["ids"] == [0, 1, 2]
    widget.close()


def test_what_widgets_of_a_run_have_computed_serves_all(open_widget: Open) -> None:
    first = open_widget(FactorsWidget, n_components=3)
    assert first.ids == [0, 1, 2]
    page = page_of(open_widget(FactorsWidget, n_components=2))
    assert ask(page, 1, {"n_components": 3})["source"] == "cache"


def test_a_position_that_is_pointed_at_is_marked_here(open_widget: Open) -> None:
    widget, other = open_widget(FactorsWidget, n_components=2), open_widget(AttributionWidget)
    ask(page_of(widget), 1, {"marked": 4}, channel="mark")
    assert other.marked == 4
    other.position = 12
    assert widget.marked == 12


def test_no_request_is_lost_in_a_flood(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(FactorsWidget, n_components=2)
    page = page_of(widget)
    choices: list[dict[str, Any]] = [
        {"n_components": 5}, {"layers": [1]}, {"card": None}, {"seed": 3}, {"n_components": 2},
        {"layers": None}, {"pinned": []}, {"normalize": True}, {"seed": 0}, {"normalize": False},
    ]  # fmt: skip
    for number in range(1, 61):
        page.request({"id": number, "channel": "row", "name": "set", "params": choices[number % len(choices)]})
    for number in range(1, 61):
        page.answer(number)
    ended = [m["id"] for m in page.customs() if m["id"] is not None and m["kind"] in FINAL]
    assert sorted(ended) == list(range(1, 61))
    settings = {name: getattr(widget, name) for name in ("layers", "seed", "normalize")}
    factors = data_in(page, ask(page, 61, {"n_components": widget.n_components}))["factors"]
    is_picture(factors, trace, widget.n_components, **settings)


def test_a_cancelled_factorization_stops_within_an_iteration(open_widget: Open, trace: Trace, steps: Steps) -> None:
    widget = open_widget(FactorsWidget, n_components=2)
    page = page_of(widget)
    assert widget.ids == [0, 1]
    steps.go.clear()
    steps.reached.clear()
    page.request({"id": 1, "channel": "row", "name": "set", "params": {"n_components": 6}})
    assert steps.reached.wait(20)
    ask(page, 2, {}, name="cancel", channel="cancel")
    steps.reached.clear()
    steps.go.set()
    assert page.answer(1)["kind"] == "cancelled"
    deadline = time.monotonic() + 20
    while steps.running and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not steps.running
    assert not steps.reached.is_set()  # no iteration after the one that was running


def test_what_is_told_in_between_is_at_least_asked() -> None:
    class Job:
        def check(self) -> None:
            raise Cancelled("stop")

    telling = _factor_rows.Telling(Job())  # type: ignore[arg-type]
    telling._told = float("inf")  # just now
    with pytest.raises(Cancelled):
        telling.iterated(1, 0.5)


def test_whoever_keeps_pointing_elsewhere_makes_it_go_on_from_its_last_picture(
    open_widget: Open, trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Any] = []
    decompose = _factor_rows.decompose

    def preempted(shown: Any, params: Any, telling: Any = None, **options: Any) -> Any:
        begun.append(options.get("warm_start"))
        if len(begun) <= 4:
            telling.latest = decompose(shown, params, max_iterations=1)
            telling._job.stopped = True
            raise Preempted("idle work makes way.")
        return decompose(shown, params, telling, **options)

    widget = open_widget(FactorsWidget, n_components=2)
    assert widget.ids == [0, 1]
    monkeypatch.setattr(_factor_rows, "decompose", preempted)
    page = page_of(widget)
    factors = data_in(page, ask(page, 1, {"n_components": 4}))["factors"]
    assert [start is None for start in begun] == [True, True, True, False, False]
    assert factors["error"] == pytest.approx(expected(trace, 4).relative_error, rel=0.05)
