"""The rankings widget through its comm: its grid is what ``analysis.lens_statistics`` computes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from ecco_widgets.analysis import lens_statistics, token_ranks, top_tokens
from ecco_widgets.errors import InvalidInput
from ecco_widgets.models import LanguageModel, Trace
from ecco_widgets.widgets import LayerPredictionsWidget, RankingsWidget, _lens_rows
from tests.comm.lens import Open, ask, data_in, equal, kept, page_of
from tests.comm.toy import FakeComm
from tests.support.tiny_models import tiny_lm

MEASURES = ("rank", "log_probability", "entropy", "kl")


def is_grid(grid: dict[str, Any], trace: Trace, positions: Any, **reading: Any) -> None:
    expected = lens_statistics(trace, list(positions), top=5, **reading)
    assert grid["positions"] == list(positions)
    for name in (*MEASURES, "top_ids", "top_probabilities"):
        equal(grid[name], getattr(expected, name))
    ids = {str(token) for token in np.unique(expected.top_ids)}
    assert grid["texts"] == {token: trace.lm.token_text(int(token)) for token in ids}


def is_top(top: dict[str, Any], trace: Trace, position: int, k: int = 10, **reading: Any) -> None:
    expected = top_tokens(trace, position, k, **reading)
    assert top["position"] == position
    equal(top["ids"], expected.ids)
    equal(top["probabilities"], expected.probabilities)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Grids stop after their first piece until the event is set."""
    go, compute = threading.Event(), _lens_rows.columns_at

    def columns_at(trace: Trace, positions: Any, **options: Any) -> Any:
        found = compute(trace, positions, **options)
        assert go.wait(20)
        return found

    monkeypatch.setattr(_lens_rows, "columns_at", columns_at)
    yield go
    go.set()


def test_the_grid_is_computed_and_kept_at_construction(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(RankingsWidget)
    grid = kept(page_of(widget), "_grid")
    is_grid(grid, trace, trace.output_positions)
    assert grid["spec"] == f"{trace.id}|generated|1|block"
    equal(widget.ranks, token_ranks(trace))
    assert widget.position is None
    assert widget._top == {}


def test_every_control_recomputes(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(RankingsWidget)
    page = page_of(widget)
    steps: list[dict[str, Any]] = [
        {"scope": "all"},
        {"final_norm": False},
        {"site": "ffn_out"},
        {"scope": "generated", "site": "block"},
    ]
    for number, step in enumerate(steps, start=1):
        grid = data_in(page, ask(page, number, step))["grid"]
        reading = {"final_norm": widget.final_norm, "site": widget.site}
        is_grid(grid, trace, widget.positions, **reading)
        assert grid["spec"] == f"{trace.id}|{widget.scope}|{int(widget.final_norm)}|{widget.site}"
        expected = lens_statistics(trace, widget.positions, top=5, **reading)
        for name in ("positions", *MEASURES, "top_ids", "top_probabilities"):
            equal(getattr(widget.statistics, name), getattr(expected, name))
    assert widget.positions == list(trace.output_positions)


def test_another_measure_needs_no_computing(open_widget: Open) -> None:
    page = page_of(open_widget(RankingsWidget))
    kept(page, "_grid")
    answer = ask(page, 1, {"measure": "kl", "layer_order": "bottom"}, channel="view")
    assert (answer["data"], answer["elapsed_ms"]) == ({}, 0)


def test_a_click_opens_the_layer_predictions_of_its_position(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(RankingsWidget)
    page = page_of(widget)
    data = data_in(page, ask(page, 1, {"position": 8}, channel="opened"))
    assert set(data) == {"top"}
    is_top(data["top"], trace, 8)
    is_top(data_in(page, ask(page, 2, {"topk": 3}, channel="opened"))["top"], trace, 8, 3)
    is_top(kept(page, "_top", lambda top: top["spec"].split("|")[2] == "3"), trace, 8, 3)
    assert ask(page, 3, {"position": None}, channel="opened")["data"] == {}


def test_one_request_that_concerns_both_is_answered_with_the_grid_and_news_of_the_panel(
    open_widget: Open, trace: Trace
) -> None:
    widget = open_widget(RankingsWidget, position=8)
    page = page_of(widget)
    ask(page, 1, {"position": 8}, channel="opened")
    is_grid(data_in(page, ask(page, 2, {"final_norm": False}))["grid"], trace, widget.positions, final_norm=False)
    news = page.wait(lambda m: m["kind"] == "result" and m["channel"] == "opened" and "|8|10|0|block" in str(m))
    assert news["id"] is None
    is_top(data_in(page, news)["top"], trace, 8, final_norm=False)
    # And back, when both are at hand or in the cache.
    assert "grid" in data_in(page, ask(page, 3, {"final_norm": True}))
    final = ("result", "error", "superseded", "cancelled")
    assert [m["kind"] for m in page.customs() if m["id"] == 3 and m["kind"] in final] == ["result"]


def test_a_new_view_is_told_grid_and_panel(open_widget: Open, trace: Trace) -> None:
    page = page_of(open_widget(RankingsWidget))
    ask(page, 1, {"position": 8}, channel="opened")
    data = data_in(page, ask(page, 2, {"scope": "generated"}))
    assert set(data) == {"grid"}
    data = data_in(page, ask(page, 3, {}, name="hello"))
    is_grid(data["grid"], trace, trace.output_positions)
    is_top(data["top"], trace, 8)


def test_a_grid_tells_how_far_it_is(open_widget: Open, trace: Trace) -> None:
    page = page_of(open_widget(RankingsWidget))
    ask(page, 1, {"final_norm": False})
    progress = [m for m in page.customs() if m["kind"] == "progress" and m["id"] == 1]
    assert progress
    assert {(m["total"], m["label"]) for m in progress} == {(len(trace.output_positions), "positions")}


def test_a_grid_can_be_cancelled_and_the_earlier_picture_stays(
    open_widget: Open, trace: Trace, slow: threading.Event
) -> None:
    widget = open_widget(RankingsWidget)
    page = page_of(widget)
    slow.set()
    grid = kept(page, "_grid")
    slow.clear()
    page.request({"id": 1, "channel": "row", "name": "set", "params": {"final_norm": False}})
    page.wait(lambda m: m["kind"] == "progress" and m["id"] == 1)
    assert ask(page, 2, {"id": 1}, name="cancel", channel="cancel")["data"] == {"cancelled": 1}
    slow.set()
    assert page.answer(1)["kind"] == "cancelled"
    assert (widget.final_norm, widget._grid["spec"]) == (False, grid["spec"])
    assert data_in(page, ask(page, 3, {"final_norm": True}))["grid"]["spec"] == grid["spec"]


def test_a_later_choice_supersedes_the_grid_but_opening_a_panel_does_not(
    open_widget: Open, trace: Trace, slow: threading.Event
) -> None:
    widget = open_widget(RankingsWidget)
    page = page_of(widget)
    for number, params in enumerate([{"final_norm": False}, {"scope": "all"}, {"position": 3}], start=1):
        page.request({"id": number, "channel": "row", "name": "set", "params": params})
    slow.set()
    assert page.answer(1)["kind"] == "superseded"
    is_grid(data_in(page, page.answer(2))["grid"], trace, trace.explainable, final_norm=False)
    is_top(data_in(page, page.answer(3))["top"], trace, 3, final_norm=False)


def test_closing_while_the_grid_is_computed(open_widget: Open, slow: threading.Event) -> None:
    widget = open_widget(RankingsWidget)
    page = page_of(widget)
    page.request({"id": 1, "channel": "row", "name": "set", "params": {"final_norm": False}})
    threading.Timer(0.05, slow.set).start()
    widget.close()
    assert not [m for m in page.customs() if m["kind"] in ("result", "error")]


def test_setting_a_trait_from_python_sends_the_trait_and_then_the_grid(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(RankingsWidget)
    page = page_of(widget)
    kept(page, "_grid")
    widget.scope = "all"
    page.wait(lambda m: m["kind"] == "computing" and m["id"] is None and m["channel"] == "row")
    message = page.wait(lambda m: m["kind"] == "result" and m["id"] is None and "|all|" in str(m["data"]))
    assert {"scope": "all"} in page.states()
    is_grid(data_in(page, message)["grid"], trace, trace.explainable)


@pytest.mark.parametrize("family", ["t5", "bert", "bert_classifier"])
def test_other_kinds_of_models(open_widget: Open, family: str) -> None:
    lm = tiny_lm(family)
    trace = lm.generate("one two", generate=3) if family == "t5" else lm("one two three")
    widget = open_widget(RankingsWidget, trace)
    grid = kept(page_of(widget), "_grid")
    expected = lens_statistics(trace, top=min(5, lm.vocabulary))
    assert grid["positions"] == list(trace.output_positions)
    equal(grid["rank"], expected.rank)
    equal(grid["top_ids"], expected.top_ids)


def test_a_run_without_predictions_shows_nothing(open_widget: Open, lm: LanguageModel) -> None:
    widget = open_widget(RankingsWidget, lm(" 1"))
    page = page_of(widget)
    assert widget.positions == []
    assert ask(page, 1, {"scope": "all"})["data"] == {}
    assert "not computed yet" in widget._saved().summary()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"measure": "ranks"}, "measure must be one of 'rank', 'log_probability', 'entropy', 'kl', got 'ranks'"),
        ({"measure": None}, "measure"),
        ({"scope": "prompt"}, "scope must be one of 'generated', 'all', got 'prompt'"),
        ({"position": 13}, "position must be in 1..12, got 13"),
        ({"position": 0}, "the first token has no prediction"),
        ({"position": "7"}, "position"),
        ({"topk": 99}, "topk must be in 1..50, got 99"),
        ({"site": 3}, "site"),
        ({"scope": "all", "measure": "x"}, "measure must be one of"),
        ({"_grid": {}}, "is set by the kernel only"),
        ({"layers": [1]}, "trait 'layers' does not exist"),
    ],
)
def test_what_a_view_may_not_ask_is_refused_and_nothing_changes(
    open_widget: Open, params: dict[str, Any], message: str
) -> None:
    widget = open_widget(RankingsWidget, position=6)
    page = page_of(widget)
    names = ["measure", "scope", "position", "topk", "final_norm", "site", "layer_order"]
    before = widget.get_state(names)
    answer = ask(page, 1, params)
    assert answer["kind"] == "error"
    assert message in answer["error"]["message"] + answer["error"]["hint"]
    assert widget.get_state(names) == before
    assert ask(page, 2, {"position": 7})["kind"] == "result"


def test_python_gets_the_same_refusals_as_exceptions(open_widget: Open) -> None:
    widget = open_widget(RankingsWidget)
    with pytest.raises(InvalidInput, match=r"scope must be one of 'generated', 'all', got 'al'.*Did you mean 'all'\?"):
        widget.scope = "al"
    with pytest.raises(TypeError, match=r"RankingsWidget has no argument 'mesure'. Did you mean 'measure'\?"):
        open_widget(RankingsWidget, mesure="kl")


def test_no_request_is_lost_in_a_flood(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(RankingsWidget)
    page: FakeComm = page_of(widget)
    choices: list[dict[str, Any]] = [
        {"scope": "all"}, {"position": 5}, {"final_norm": False}, {"topk": 2}, {"scope": "generated"},
        {"position": 9}, {"final_norm": True}, {"measure": "kl"}, {"position": None}, {"position": 7},
    ]  # fmt: skip
    for number in range(1, 61):
        params = choices[number % len(choices)]
        page.request({"id": number, "channel": "row", "name": "set", "params": params})
    final = ("result", "error", "superseded", "cancelled")
    for number in range(1, 61):
        page.answer(number)
    ended = [m["id"] for m in page.customs() if m["id"] is not None and m["kind"] in final]
    assert sorted(ended) == list(range(1, 61))
    is_grid(data_in(page, ask(page, 61, {"scope": widget.scope}))["grid"], trace, widget.positions)


def test_pointing_elsewhere_does_not_wait_for_a_grid(
    open_widget: Open, trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    widget, other = open_widget(RankingsWidget), open_widget(LayerPredictionsWidget)
    page = page_of(widget)
    kept(page, "_grid")
    waiting, pieces, compute = threading.Event(), [], _lens_rows.columns_at

    def columns_at(trace: Trace, positions: Any, **options: Any) -> Any:
        pieces.append(list(positions))
        if len(pieces) == 2:
            waiting.set()
            assert answered.wait(20)  # a hover comes while the second piece is computed
        return compute(trace, positions, **options)

    answered = threading.Event()
    monkeypatch.setattr(_lens_rows, "columns_at", columns_at)
    page.request({"id": 1, "channel": "row", "name": "set", "params": {"final_norm": False}})
    assert waiting.wait(20)
    hover = page_of(other)
    hover.request({"id": 1, "channel": "row", "name": "set", "params": {"topk": 3}})
    answered.set()
    assert hover.answer(1)["kind"] == "result"
    is_grid(data_in(page, page.answer(1))["grid"], trace, trace.output_positions, final_norm=False)
    # The second piece was given up for the hover, and the first one was not computed again.
    assert pieces[2][0] == pieces[1][0]
    assert [position for piece in pieces[2:] for position in piece] == list(trace.output_positions)[1:]
