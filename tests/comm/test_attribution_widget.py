"""The attribution widget through its comm: what a view asks for is what ``analysis.attribute`` computes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from ecco_widgets.analysis import attribute
from ecco_widgets.analysis.shared_forward import SharedForward
from ecco_widgets.errors import InvalidInput, ModelClosed, UnsupportedMethod
from ecco_widgets.live.codec import decode_data, decode_trait
from ecco_widgets.models import LanguageModel, Trace
from ecco_widgets.widgets import AttributionWidget
from tests.comm.toy import FakeComm, install
from tests.support.tiny_models import tiny_lm

TEXT = "The keys to the cabinet"

Make = Callable[..., AttributionWidget]


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    return tiny_lm("gpt2")


@pytest.fixture(scope="module")
def trace(lm: LanguageModel) -> Trace:
    return lm.generate(TEXT, generate=8, min_new_tokens=8)


@pytest.fixture
def make(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    install(monkeypatch)
    made: list[AttributionWidget] = []

    def make(shown: Trace = trace, **traits: Any) -> AttributionWidget:
        made.append(AttributionWidget(shown, **traits))
        return made[-1]

    yield make
    for widget in made:
        widget.close()


def page_of(widget: AttributionWidget) -> FakeComm:
    comm: FakeComm = widget.comm
    return comm


def ask(page: FakeComm, number: int, params: Any, name: str = "set", channel: str = "row") -> dict[str, Any]:
    page.request({"id": number, "channel": channel, "name": name, "params": params})
    return page.answer(number)


def rows_in(page: FakeComm, answer: dict[str, Any]) -> dict[str, Any]:
    buffers = next(buffers for _, data, buffers in page.published if data.get("content") == answer)
    rows: dict[str, Any] = decode_data(answer["data"], buffers)["rows"]
    return rows


def filled(page: FakeComm) -> dict[str, Any]:
    """The state that arrives when idle time has filled all rows."""
    with page.arrived:
        assert page.arrived.wait_for(lambda: any(state.get("_rows") for state in page.states()), 20)
        return next(state["_rows"] for state in reversed(page.states()) if state.get("_rows"))


@pytest.mark.parametrize("position", [1, 6, 12])
def test_a_hover_is_answered_with_the_row_that_attribute_computes(make: Make, trace: Trace, position: int) -> None:
    widget = make()
    page = page_of(widget)
    answer = ask(page, 1, {"position": position})
    rows = rows_in(page, answer)
    expected = attribute(trace, positions=position)
    assert rows["positions"] == [position]
    np.testing.assert_allclose(rows["values"], expected.scores, rtol=1e-5)
    assert rows["rank"].tolist() == expected.rank.tolist()
    np.testing.assert_allclose(rows["probability"], expected.probability, rtol=1e-5)
    assert widget.position == position
    np.testing.assert_allclose(widget.scores, expected.scores[0], rtol=1e-5)


def test_every_control_recomputes_the_shown_row(make: Make, trace: Trace) -> None:
    widget = make(position=9)
    page = page_of(widget)
    steps = [
        {"attr_method": "integrated_gradients"},
        {"aggregation": "sum"},
        {"target": "log_probability"},
        {"target": "contrast", "foil": " 1"},
        {"foil": None},
        {"attr_method": "occlusion", "target": "entropy"},
    ]
    for number, step in enumerate(steps, start=1):
        rows = rows_in(page, ask(page, number, step))
        expected = attribute(
            trace, widget.attr_method, widget.target, widget.aggregation, positions=9, foil=widget.foil
        )
        np.testing.assert_allclose(rows["values"], expected.scores, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(rows["target_value"], expected.target_value, rtol=1e-4)
        assert rows["spec"].endswith(
            f"{widget.attr_method}|{widget.target}|"
            f"{(widget.foil or '') if widget.target == 'contrast' else ''}|{widget.aggregation}"
        )


def test_a_contrast_names_the_foil_of_each_row(make: Make, trace: Trace) -> None:
    widget = make()
    page = page_of(widget)
    own = ask(page, 1, {"target": "contrast"})
    foils = attribute(trace, target="contrast", positions=widget.position).foils
    assert foils is not None
    assert rows_in(page, own)["foils"] == [trace.lm.token_text(int(foils[0]))]
    assert rows_in(page, ask(page, 2, {"foil": " 2"}))["foils"] == [" 2"]


def test_idle_time_fills_all_rows_which_then_are_in_the_state(make: Make, trace: Trace) -> None:
    widget = make()
    filled(page_of(widget))
    rows = widget._rows
    assert sorted(rows["positions"]) == list(trace.output_positions)
    values = decode_trait(rows["values"])
    for r, position in enumerate(rows["positions"]):
        np.testing.assert_allclose(values[r], attribute(trace, positions=position).scores[0], rtol=1e-5)


def test_hovering_while_idle_time_fills_asks_for_no_row_twice(make: Make, trace: Trace) -> None:
    widget = make()
    page = page_of(widget)
    for number in range(1, 25):
        page.request({"id": number, "channel": "row", "name": "set", "params": {"position": 5 + number % 8}})
    page.answer(24)
    filled(page)
    fills = [message for message in page.customs() if message["kind"] == "result" and message["name"] == "fill"]
    positions = [position for message in fills for position in message["data"]["rows"]["positions"]]
    assert len(positions) == len(set(positions))


def test_a_new_view_is_told_the_rows_so_far(make: Make, trace: Trace) -> None:
    widget = make()
    page = page_of(widget)
    filled(page)
    rows = rows_in(page, ask(page, 1, {}, name="hello"))
    assert sorted(rows["positions"]) == list(trace.output_positions)


def test_a_row_at_hand_is_answered_without_the_worker(make: Make) -> None:
    widget = make()
    page = page_of(widget)
    filled(page)
    answer = ask(page, 1, {"position": 7})
    assert rows_in(page, answer)["positions"] == [7]
    assert answer["elapsed_ms"] == 0


def test_setting_a_trait_from_python_sends_the_trait_and_then_the_row(make: Make, trace: Trace) -> None:
    widget = make()
    page = page_of(widget)
    filled(page)
    widget.attr_method = "gradient"
    message = page.wait(lambda m: m["kind"] == "result" and m["id"] is None and "gradient" in str(m["data"]))
    assert {"attr_method": "gradient"} in page.states()
    rows = rows_in(page, message)
    np.testing.assert_allclose(
        rows["values"], attribute(trace, "gradient", positions=rows["positions"]).scores, rtol=1e-5
    )


def test_the_last_of_many_hovers_wins(make: Make, trace: Trace) -> None:
    widget = make(attr_method="integrated_gradients")
    page = page_of(widget)
    positions = [1 + (7 * n) % (trace.n_tokens - 1) for n in range(60)]
    for number, position in enumerate(positions, start=1):
        page.request({"id": number, "channel": "row", "name": "set", "params": {"position": position}})
    answer = page.answer(len(positions))
    assert rows_in(page, answer)["positions"] == [positions[-1]]
    assert widget.position == positions[-1]


def test_an_alias_comes_back_as_the_name(make: Make) -> None:
    widget = make(attr_method="ig")
    assert widget.attr_method == "integrated_gradients"
    page = page_of(widget)
    ask(page, 1, {"attr_method": "saliency"})
    assert {"attr_method": "gradient"} in page.states()


def test_show_replaces_the_run_in_place(make: Make, lm: LanguageModel) -> None:
    widget = make()
    other = lm.generate(" 1, 2, 3,", generate=5, min_new_tokens=5)
    widget.show(other)
    page = page_of(widget)
    assert widget.position == other.n_prompt
    assert widget._tokens["texts"] == other.tokens
    np.testing.assert_allclose(widget.scores, attribute(other, positions=other.n_prompt).scores[0], rtol=1e-5)
    rows = rows_in(page, ask(page, 1, {"position": other.n_tokens - 1}))
    assert rows["spec"].startswith(other.id)
    assert rows["values"].shape == (1, other.n_tokens)


def test_show_moves_to_another_model(make: Make, trace: Trace) -> None:
    widget = make(trace)
    other = tiny_lm("gemma2", seed=3)("one two three")
    widget.show(other)
    assert widget._model["name"] == "tiny-gemma2"
    np.testing.assert_allclose(widget.attribution(2).scores, attribute(other, positions=2).scores, rtol=1e-5)


def test_show_does_not_wait_for_an_answer_that_waits_for_the_widget(trace: Trace, make: Make) -> None:
    class Slow(AttributionWidget):
        def _data(self, *arguments: Any) -> dict[str, Any]:
            if threading.current_thread() is not threading.main_thread():
                begun.set()
                assert moved.wait(20)
            return super()._data(*arguments)

    begun, moved = threading.Event(), threading.Event()
    make()  # installs the fake comms, too
    widget = Slow(trace)
    try:
        assert begun.wait(20)
        threading.Timer(0.05, moved.set).start()  # the answer goes on while show() lets go of the old run
        before = time.monotonic()
        widget.show(trace)
        assert time.monotonic() - before < 4  # a channel's close() gives up waiting after 5 s
    finally:
        widget.close()


def test_show_drops_a_foil_that_the_other_model_does_not_have(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    widget = make(target="contrast", foil=" 1")
    other = tiny_lm("gpt2", seed=3)
    monkeypatch.setattr(other, "_ids_of_piece", lambda _text: [1, 2])
    widget.show(other("one two three"))
    assert widget.foil is None


def test_show_refuses_what_it_cannot_show_and_goes_on(make: Make, lm: LanguageModel, trace: Trace) -> None:
    widget = make(ignore_tokens=[5])
    with pytest.raises(InvalidInput, match=r"expected a trace, got NoneType"):
        widget.show(None)
    with pytest.raises(InvalidInput, match=r"ignore_tokens must hold token indices in 0\.\.1, got 5"):
        widget.show(lm("The keys"))
    assert widget.trace is trace
    assert ask(page_of(widget), 1, {"position": 7})["kind"] == "result"
    widget.close()
    with pytest.raises(ModelClosed, match=r"the widget was closed. Make a new widget"):
        widget.show(trace)


def test_ignored_tokens_are_checked_at_once(make: Make) -> None:
    with pytest.raises(InvalidInput, match=r"ignore_tokens must hold token indices in 0\.\.12, got 99"):
        make(ignore_tokens=[99])


def test_weights_that_change_are_told_in_the_view(make: Make) -> None:
    lm = tiny_lm("gpt2", seed=5)
    widget = make(lm(TEXT), attr_method="integrated_gradients")
    page = page_of(widget)
    assert ask(page, 1, {"position": 2})["kind"] == "result"
    with torch.no_grad():
        next(lm.model.parameters()).add_(1.0)
    answer = ask(page, 2, {"position": 3})
    assert answer["error"]["kind"] == "model_changed"
    assert "Make a new trace" in answer["error"]["hint"]


def test_two_widgets_of_one_run_are_independent(make: Make) -> None:
    first, second = make(position=6), make(position=6)
    ask(page_of(first), 1, {"position": 11})
    assert (first.position, second.position) == (11, 6)
    first.close()
    assert ask(page_of(second), 1, {"position": 8})["kind"] == "result"


def test_ignored_tokens_have_no_score(make: Make) -> None:
    widget = make(ignore_tokens=[0])
    assert widget.scores is not None
    assert np.isnan(widget.scores[0])
    assert np.nansum(widget.scores) == pytest.approx(1.0, abs=1e-5)


def test_a_widget_of_a_run_with_one_token_shows_it_and_waits(make: Make, lm: LanguageModel) -> None:
    widget = make(lm(" 1"))
    assert widget.position is None
    assert widget.scores is None
    answer = ask(page_of(widget), 1, {"position": 0})
    assert "single token" in answer["error"]["message"]


def test_to_frame_is_the_attribution_of_all_outputs(make: Make, trace: Trace) -> None:
    frame = make().to_frame()
    assert sorted(set(frame.position)) == list(trace.output_positions)


# -------------------------------------------------------------------------------------------------------------- trouble


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"position": 0}, "position must be in 1..12, got 0"),
        ({"position": 99}, "position must be in 1..12, got 99"),
        ({"position": "7"}, "position"),
        ({"position": 2.5}, "position"),
        ({"position": True}, "must be a number, got a boolean"),
        ({"position": [1]}, "position"),
        ({"attr_method": "gradxinput"}, "method must be one of"),
        ({"attr_method": "deep_lift"}, "not defined for GPT2LMHeadModel"),
        ({"attr_method": None}, "attr_method"),
        ({"target": "logits"}, "target must be one of"),
        ({"aggregation": "l3"}, "aggregation must be one of"),
        ({"view_style": "<b>"}, "view_style must be one of"),
        ({"scale": "huge"}, "scale must be one of"),
        ({"target": "contrast", "foil": " 1, 2"}, "' 1, 2' is not one token, it makes 3"),
        ({"_tokens": {}}, "is set by the kernel only"),
        ({"_rows": {}}, "is set by the kernel only"),
        ({"_esm": "alert(1)"}, "is set by the kernel only"),
        ({"positon": 5}, "does not exist"),
    ],
)
def test_what_a_view_may_not_ask_is_refused_and_nothing_changes(
    make: Make, params: dict[str, Any], message: str
) -> None:
    widget = make(position=6)
    page = page_of(widget)
    before = widget.get_state(["position", "attr_method", "target", "foil", "aggregation", "view_style", "scale"])
    answer = ask(page, 1, params)
    assert answer["kind"] == "error"
    assert message in answer["error"]["message"]
    assert widget.get_state(list(before)) == before
    for name in params:
        if name in before:
            assert answer["state"][name] == before[name]
    assert ask(page, 2, {"position": 7})["kind"] == "result"  # and it lives on


def test_python_gets_the_same_refusals_as_exceptions(make: Make) -> None:
    widget = make()
    with pytest.raises(InvalidInput, match="position must be in"):
        widget.position = 99
    with pytest.raises(UnsupportedMethod, match="not defined"):
        widget.attr_method = "deep_lift"
    with pytest.raises(TypeError, match=r"no argument 'attr_metod'. Did you mean 'attr_method'\?"):
        make(attr_metod="gradient")
    with pytest.raises(InvalidInput, match="expected a trace, got str"):
        AttributionWidget("text")


def test_non_finite_logits_come_back_as_an_error_and_the_widget_lives_on(make: Make) -> None:
    lm = tiny_lm("gpt2", seed=5)
    trace = lm.generate(TEXT, generate=3, min_new_tokens=3)
    widget = make(trace)
    page = page_of(widget)
    filled(page)
    healthy = lm.model.lm_head.weight.data.clone()
    lm.model.lm_head.weight.data[7] = float("nan")
    answer = ask(page, 1, {"attr_method": "occlusion"})
    assert answer["error"]["kind"] == "non_finite"
    assert "float32" in answer["error"]["hint"]
    lm.model.lm_head.weight.data = healthy
    assert ask(page, 2, {"position": trace.n_prompt + 1})["kind"] == "result"


def test_out_of_memory_says_what_to_reduce_and_the_next_request_works(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    widget = make()
    page = page_of(widget)
    filled(page)
    with monkeypatch.context() as broken:

        def exhausted(*_: Any, **__: Any) -> None:
            raise torch.OutOfMemoryError("Tried to allocate 80.00 GiB")

        broken.setattr(SharedForward, "gradients", exhausted)
        answer = ask(page, 1, {"attr_method": "gradient"})
    assert answer["error"]["kind"] == "out_of_memory"
    assert answer["error"]["hint"]
    assert ask(page, 2, {"position": 7})["kind"] == "result"


def test_closing_the_model_is_told_to_its_widgets(make: Make) -> None:
    lm = tiny_lm("gpt2", seed=6)
    widget = make(lm.generate(TEXT, generate=3, min_new_tokens=3))
    page = page_of(widget)
    filled(page)
    lm.close()
    answer = ask(page, 1, {"attr_method": "gradient"})
    assert answer["error"]["kind"] == "model_closed"
    with pytest.raises(ModelClosed, match="was closed"):
        widget.attribution()
