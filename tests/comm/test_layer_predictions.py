"""The layer predictions widget through its comm: what a view asks for is what ``analysis.top_tokens`` computes."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import numpy as np
import pytest
import torch

from ecco_widgets.analysis import lens_statistics, top_tokens
from ecco_widgets.errors import InvalidInput, ModelClosed
from ecco_widgets.models import LanguageModel, Trace
from ecco_widgets.widgets import LayerPredictionsWidget
from tests.comm.lens import Open, ask, data_in, equal, kept, page_of
from tests.comm.toy import FakeComm
from tests.support.runs import run_of
from tests.support.tiny_models import tiny_lm


def is_top(top: dict[str, Any], trace: Trace, position: int, k: int = 10, **reading: Any) -> None:
    expected = top_tokens(trace, position, k, **reading)
    assert top["position"] == position
    equal(top["ids"], expected.ids)
    equal(top["probabilities"], expected.probabilities)
    assert [list(row) for row in top["texts"]] == expected.texts
    if position == trace.next_position:
        assert top["actual"] is None
        assert top["actual_ranks"].shape == top["actual_probabilities"].shape == (0,)
        return
    own = lens_statistics(trace, [position], **reading)
    assert top["actual"]["text"] == trace.tokens[position]
    equal(top["actual_ranks"], own.rank[:, 0])
    equal(top["actual_probabilities"], np.exp(own.log_probability[:, 0]))


@pytest.mark.parametrize("position", [1, 6, 12, 13])
def test_a_hover_is_answered_with_what_top_tokens_computes(open_widget: Open, trace: Trace, position: int) -> None:
    widget = open_widget(LayerPredictionsWidget)
    page = page_of(widget)
    top = data_in(page, ask(page, 1, {"position": position}))["top"]
    is_top(top, trace, position)
    assert top["spec"] == f"{trace.id}|{position}|10|1|block"
    assert widget.position == position
    equal(widget.top.ids, top["ids"])


def test_every_control_recomputes(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(LayerPredictionsWidget, position=9)
    page = page_of(widget)
    steps: list[dict[str, Any]] = [
        {"topk": 3},
        {"final_norm": False},
        {"site": "attention_out"},
        {"site": "ffn_out", "final_norm": True},
        {"topk": 1, "position": 4, "site": "block"},
    ]
    for number, step in enumerate(steps, start=1):
        top = data_in(page, ask(page, number, step))["top"]
        is_top(top, trace, widget.position, widget.topk, final_norm=widget.final_norm, site=widget.site)
        assert top["spec"] == (f"{trace.id}|{widget.position}|{widget.topk}|{int(widget.final_norm)}|{widget.site}")


def test_what_does_not_change_the_numbers_is_answered_at_once(open_widget: Open) -> None:
    widget = open_widget(LayerPredictionsWidget)
    page = page_of(widget)
    answer = ask(page, 1, {"layers": [2, -1], "layer_order": "bottom"}, channel="view")
    assert (answer["data"], answer["elapsed_ms"]) == ({}, 0)
    assert (widget.layers, widget.layer_order) == ([2], "bottom")
    assert {"layers": [2]} in page.states()  # it came out otherwise than asked


def test_the_first_picture_is_computed_and_kept_at_construction(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(LayerPredictionsWidget, topk=4)
    assert widget.position == trace.n_prompt
    is_top(kept(page_of(widget), "_top"), trace, trace.n_prompt, 4)


def test_the_state_keeps_the_picture_that_was_looked_at_last(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(LayerPredictionsWidget)
    page = page_of(widget)
    for number, position in enumerate([7, 8, 11, 3], start=1):
        page.request({"id": number, "channel": "row", "name": "set", "params": {"position": position}})
    page.answer(4)
    is_top(kept(page, "_top", lambda top: top["position"] == 3), trace, 3)


def test_idle_time_fills_the_neighbours_and_sends_each_once(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(LayerPredictionsWidget, position=6)
    page = page_of(widget)
    expected = {*trace.explainable, trace.next_position} - {6}

    def filled() -> list[dict[str, Any]]:
        return [message for message in page.customs() if message["kind"] == "result" and message["name"] == "fill"]

    with page.arrived:
        assert page.arrived.wait_for(lambda: len(filled()) >= len(expected), 20)
    tops = [data_in(page, message)["top"] for message in filled()]
    assert sorted(top["position"] for top in tops) == sorted(expected)
    assert {abs(top["position"] - 6) for top in tops[:2]} == {1}  # the nearest first
    assert all(message["id"] is None for message in filled())
    for top in tops:
        is_top(top, trace, top["position"])
    assert ask(page, 1, {"position": 2})["elapsed_ms"] == 0  # at hand
    assert not [message for message in page.customs() if message["kind"] == "computing" and message["id"] == 1]


def test_a_new_view_is_told_the_current_picture(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(LayerPredictionsWidget)
    page = page_of(widget)
    ask(page, 1, {"position": 8})
    is_top(data_in(page, ask(page, 2, {}, name="hello"))["top"], trace, 8)


def test_python_and_page_take_the_same_path(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(LayerPredictionsWidget)
    page = page_of(widget)
    widget.topk = 2
    message = page.wait(lambda m: m["kind"] == "result" and m["id"] is None and m["name"] == "set" and "|2|" in str(m))
    assert {"topk": 2} in page.states()
    is_top(data_in(page, message)["top"], trace, trace.n_prompt, 2)


def test_the_last_of_many_hovers_wins(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(LayerPredictionsWidget)
    page = page_of(widget)
    positions = [1 + (7 * n) % trace.n_tokens for n in range(60)]
    for number, position in enumerate(positions, start=1):
        page.request({"id": number, "channel": "row", "name": "set", "params": {"position": position}})
    top = data_in(page, page.answer(len(positions)))["top"]
    is_top(top, trace, positions[-1])
    answers = [message for message in page.customs() if message["id"] is not None]
    assert sorted({message["id"] for message in answers}) == list(range(1, 61))


def test_no_position_is_no_mistake(open_widget: Open) -> None:
    widget = open_widget(LayerPredictionsWidget)
    page = page_of(widget)
    assert ask(page, 1, {"position": None})["data"] == {}
    assert widget.top is None
    assert "no position is chosen" in widget.to_svg()


def test_without_generated_tokens_it_shows_what_comes_next(open_widget: Open, lm: LanguageModel) -> None:
    trace = lm("one two three")
    widget = open_widget(LayerPredictionsWidget, trace)
    assert widget.position == trace.n_tokens == widget._lens["next_position"]
    is_top(kept(page_of(widget), "_top"), trace, trace.n_tokens)


@pytest.mark.parametrize("family", ["t5", "bert", "bert_classifier"])
def test_other_kinds_of_models(open_widget: Open, family: str) -> None:
    lm = tiny_lm(family)
    trace = lm.generate("one two", generate=3) if family == "t5" else lm("one two three")
    widget = open_widget(LayerPredictionsWidget, trace, topk=3)
    page = page_of(widget)
    assert widget._tokens["kind"] == trace.kind
    assert widget._tokens["explainable"] == list(trace.explainable)
    assert widget._tokens["segments"][-1]["stop"] == trace.n_tokens
    position = list(trace.explainable)[-1]
    is_top(data_in(page, ask(page, 1, {"position": position}))["top"], trace, position, 3)
    answer = ask(page, 2, {"position": trace.n_tokens})
    assert answer["kind"] == ("result" if family == "t5" else "error")


def test_show_replaces_the_run_in_place(open_widget: Open, lm: LanguageModel) -> None:
    widget = open_widget(LayerPredictionsWidget, watch=[" 1"], layers=[2])
    page = page_of(widget)
    other = lm.generate(" 1, 2, 3,", generate=5, min_new_tokens=5)
    widget.show(other)
    assert (widget.trace, widget.position, widget.watch) == (other, other.n_prompt, [lm.token_id(" 1")])
    is_top(kept(page, "_top", lambda top: bool(top) and top["spec"].startswith(other.id)), other, other.n_prompt)
    is_top(data_in(page, ask(page, 1, {"position": 2}))["top"], other, 2)


def test_show_moves_to_another_model(open_widget: Open) -> None:
    widget = open_widget(LayerPredictionsWidget, watch=[" 1"], layers=[0, 2], topk=7)
    other = tiny_lm("bert_classifier")("one two three")
    widget.show(other)
    assert (widget._model["name"], widget.watch, widget.topk) == ("tiny-bert_classifier", [], 3)
    equal(widget.top.ids, top_tokens(other, widget.position, 3).ids)


def test_show_refuses_what_it_cannot_show_and_goes_on(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(LayerPredictionsWidget)
    with pytest.raises(InvalidInput, match=r"expected a trace, got NoneType"):
        widget.show(None)
    assert widget.trace is trace
    assert ask(page_of(widget), 1, {"position": 7})["kind"] == "result"
    widget.close()
    with pytest.raises(ModelClosed, match=r"the widget was closed. Make a new widget"):
        widget.show(trace)


# -------------------------------------------------------------------------------------------------------------- trouble


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"position": 0}, "position must be in 1..12, got 0"),
        ({"position": 14}, "position must be in 1..12, got 14"),
        ({"position": "7"}, "position"),
        ({"position": True}, "must be a number, got a boolean"),
        ({"topk": 0}, "topk must be in 1..50, got 0"),
        ({"topk": 51}, "topk must be in 1..50, got 51"),
        ({"topk": 2.5}, "topk"),
        ({"final_norm": 2}, "final_norm"),
        ({"final_norm": None}, "final_norm"),
        ({"site": "blok"}, "site must be one of 'block', 'attention_out', 'ffn_out', got 'blok'"),
        ({"layers": [9]}, "layers must be a list of layers 0..2 or None for all, got [9]"),
        ({"layers": []}, "layers must be a list of layers"),
        ({"layers": [True]}, "layers"),
        ({"layers": {"a": 1}}, "layers"),
        ({"layer_order": "left"}, "layer_order must be one of 'top', 'bottom', got 'left'"),
        ({"watch": " is"}, "watch must be a list of tokens, got ' is'"),
        ({"watch": [" 1, 2"]}, "' 1, 2' is not one token, it makes 3: ' 1', ',', ' 2'."),
        ({"watch": [99_999]}, "token id must be in 0..319, got 99999"),
        ({"watch": [True]}, "a token must be given as non-empty text or as its id, got True"),
        ({"watch": list(range(25))}, "at most 24 tokens can be watched, got 25"),
        ({"marked": 99}, "marked must be a position in 0..13 or None, got 99"),
        ({"topk": 3, "position": 99}, "position must be in 1..12, got 99"),
        ({"_top": {}}, "is set by the kernel only"),
        ({"_watched": []}, "is set by the kernel only"),
        ({"_kept": []}, "is set by the kernel only"),
        ({"tokp": 5}, "does not exist"),
    ],
)
def test_what_a_view_may_not_ask_is_refused_and_nothing_changes(
    open_widget: Open, params: dict[str, Any], message: str
) -> None:
    widget = open_widget(LayerPredictionsWidget, position=6, watch=[" 1"])
    page = page_of(widget)
    names = ["position", "topk", "final_norm", "site", "layers", "layer_order", "watch", "marked", "_watched"]
    before = widget.get_state(names)
    answer = ask(page, 1, params)
    assert answer["kind"] == "error"
    assert message in answer["error"]["message"]
    assert widget.get_state(names) == before
    for name in set(params) & set(widget._settable):
        assert answer["state"][name] == before[name]
    assert ask(page, 2, {"position": 7})["kind"] == "result"  # and it lives on


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("watch", {}, "watch takes"),
        ("watch", {"id": "7", "on": True}, "watch takes"),
        ("watch", {"id": 7, "on": 1}, "watch takes"),
        ("watch", {"id": True, "on": True}, "watch takes"),
        ("watch", {"id": 7, "on": True, "more": 1}, "watch takes"),
        ("watch", {"id": -1, "on": True}, "token id must be in 0..319, got -1"),
        ("contrast", {}, "contrast takes"),
        ("contrast", {"id": 7.5}, "contrast takes"),
        ("contrast", {"id": 7, "foil": " a"}, "contrast takes"),
        ("contrast", {"id": 400}, "token id must be in 0..319, got 400"),
        ("contrast", {"id": 7, "position": 99}, "position must be in 1..12, got 99"),
        ("complete", {}, "complete takes"),
        ("complete", {"text": 7}, "complete takes"),
        ("complete", {"text": "a" * 201}, "complete takes"),
        ("complete", {"text": "a", "most": 5}, "complete takes"),
    ],
)
def test_operations_of_the_wrong_shape_are_refused(
    open_widget: Open, name: str, params: dict[str, Any], message: str
) -> None:
    page = page_of(open_widget(LayerPredictionsWidget))
    answer = ask(page, 1, params, name=name, channel=name)
    assert answer["kind"] == "error"
    assert message in answer["error"]["message"]


def test_python_gets_the_same_refusals_as_exceptions(open_widget: Open) -> None:
    widget = open_widget(LayerPredictionsWidget)
    with pytest.raises(InvalidInput, match=r"position must be in 1..12, got 99.* would come next is at 13"):
        widget.position = 99
    with pytest.raises(InvalidInput, match=r"' 1, 2' is not one token, it makes 3"):
        widget.watch = [" 1, 2"]
    with pytest.raises(InvalidInput, match=r"topk must be in 1..50, got 60.*analysis.top_tokens"):
        open_widget(LayerPredictionsWidget, topk=60)
    with pytest.raises(TypeError, match=r"LayerPredictionsWidget has no argument 'topK'. Did you mean 'topk'\?"):
        open_widget(LayerPredictionsWidget, topK=3)
    with pytest.raises(InvalidInput, match="expected a trace, got str"):
        LayerPredictionsWidget("text")


def test_topk_larger_than_the_vocabulary_names_it(open_widget: Open) -> None:
    trace = tiny_lm("bert_classifier")("one two")
    widget = open_widget(LayerPredictionsWidget, trace, topk=3)
    assert widget._lens["most_top"] == 3
    with pytest.raises(InvalidInput, match=r"topk must be in 1..3 \(the model has 3 classes\), got 10"):
        widget.topk = 10


def test_non_finite_logits_come_back_as_an_error_and_the_widget_lives_on(open_widget: Open) -> None:
    lm = tiny_lm("gpt2", seed=5)
    trace = lm.generate("one two", generate=3, min_new_tokens=3)
    widget = open_widget(LayerPredictionsWidget, trace)
    page = page_of(widget)
    kept(page, "_top")
    healthy = lm.model.lm_head.weight.data.clone()
    lm.model.lm_head.weight.data[7] = float("nan")
    answer = ask(page, 1, {"topk": 4})
    assert answer["error"]["kind"] == "non_finite"
    lm.model.lm_head.weight.data = healthy
    is_top(data_in(page, ask(page, 2, {"topk": 5}))["top"], trace, trace.n_prompt, 5)


def test_weights_that_change_are_told_in_the_view(open_widget: Open) -> None:
    lm = tiny_lm("gpt2", seed=5)
    widget = open_widget(LayerPredictionsWidget, lm("one two three"))
    page = page_of(widget)
    kept(page, "_top")
    with torch.no_grad():
        next(lm.model.parameters()).add_(1.0)
    answer = ask(page, 1, {"topk": 3})
    assert answer["error"]["kind"] == "model_changed"


def test_closing_while_it_computes_answers_nothing_more(open_widget: Open) -> None:
    widget = open_widget(LayerPredictionsWidget)
    page = page_of(widget)
    for number in range(1, 20):
        page.request({"id": number, "channel": "row", "name": "set", "params": {"topk": 1 + number}})
    widget.close()
    count = len(page.customs())
    widget._engine.latest("test").submit(_nothing()).wait(20)  # the worker has done all that came before
    assert len(page.customs()) == count


def test_closing_the_model_is_told_to_its_widgets(open_widget: Open) -> None:
    lm = tiny_lm("gpt2", seed=6)
    widget = open_widget(LayerPredictionsWidget, lm("one two"))
    page = page_of(widget)
    kept(page, "_top")
    lm.close()
    assert ask(page, 1, {"topk": 3})["error"]["kind"] == "model_closed"


def test_a_closed_widget_is_not_kept_alive_by_what_it_shared(open_widget: Open, lm: LanguageModel) -> None:
    trace = lm("one two three")
    first, second = LayerPredictionsWidget(trace), open_widget(LayerPredictionsWidget, trace)
    gone = weakref.ref(first)
    FakeComm.made.remove(first.comm)
    first.close()
    del first
    for _ in range(500):  # the worker may still be about to let go of what it was asked
        gc.collect()
        if gone() is None:
            break
        threading.Event().wait(0.01)
    assert gone() is None
    assert ask(page_of(second), 1, {"id": 5, "on": True}, name="watch")["kind"] == "result"


def _nothing() -> Any:
    from ecco_widgets.live import Request

    return Request("lens.idle", cacheable=False)


@pytest.mark.parametrize("family", ["bert", "t5", "bert_classifier", "opt_post_norm"])
def test_every_kind_of_model_opens_with_its_defaults(family: str) -> None:
    trace = run_of(family)
    widget = trace.layer_predictions()
    expected = top_tokens(trace, widget.position, widget.topk)
    assert widget.topk == min(10, trace.lm.vocabulary)
    assert widget.top.texts == expected.texts
    widget.close()
