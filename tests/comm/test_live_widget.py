"""A widget and its front end, with a comm that records."""

from __future__ import annotations

import gc
import json
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import traitlets as t

from ecco_widgets.errors import InvalidInput, ModelClosed
from ecco_widgets.live import Engine, Request
from ecco_widgets.live.codec import decode_data
from ecco_widgets.live.messages import Reply
from tests.comm.toy import FakeComm, Toy


def send(page: FakeComm, number: int, params: Any, channel: str = "row", name: str = "set") -> dict[str, Any]:
    page.request({"id": number, "channel": channel, "name": name, "params": params})
    return page.answer(number)


# ------------------------------------------------------------------------------------------------------------------ set


def test_a_set_is_validated_applied_and_answered_with_what_depends_on_it(widget: Toy, page: FakeComm) -> None:
    answer = send(page, 1, {"position": 5})
    assert widget.position == 5
    assert answer["kind"] == "result"
    assert (answer["channel"], answer["name"], answer["source"]) == ("row", "set", "computed")
    buffers = next(buffers for _, data, buffers in page.published if data.get("content") == answer)
    rows = decode_data(answer["data"], buffers)["rows"]
    assert rows["positions"] == [5]
    assert np.array_equal(rows["values"], np.full((1, 4), 5, np.float32))


def test_what_a_view_has_set_is_not_sent_back_to_it(widget: Toy, page: FakeComm) -> None:
    send(page, 1, {"position": 5, "pinned": True})
    assert page.states() == []


def test_a_value_that_came_out_otherwise_than_requested_is_sent(widget: Toy, page: FakeComm) -> None:
    send(page, 1, {"position": 5, "attr_method": "GRADIENT"})
    assert page.states() == [{"attr_method": "gradient"}]


def test_observers_are_told_what_a_view_has_set_after_all_of_it_is_set(widget: Toy, page: FakeComm) -> None:
    seen: list[Any] = []
    widget.observe(
        lambda change: seen.append((change["name"], change["old"], change["new"], widget.pinned)), "position"
    )
    send(page, 1, {"position": 5, "pinned": True})
    send(page, 2, {"position": 5})
    assert seen == [("position", None, 5, True)]


def test_an_observer_that_fails_is_logged_and_the_view_is_answered(
    widget: Toy, page: FakeComm, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Any] = []
    widget.observe(lambda change: 1 / 0, "position")
    widget.observe(lambda change: seen.append(change["new"]), "pinned")
    assert send(page, 1, {"position": 5, "pinned": True})["kind"] == "result"
    assert seen == [True]
    assert "An observer of 'position' failed" in caplog.text


def test_what_an_observer_changes_is_sent_and_part_of_the_same_answer(widget: Toy, page: FakeComm) -> None:
    def follow(change: Any) -> None:
        widget.position = 7

    widget.observe(follow, "attr_method")
    answer = send(page, 1, {"attr_method": "occlusion"})
    assert answer["data"]["rows"]["positions"] == [7]
    assert page.states() == [{"position": 7}]
    assert [content["id"] for content in page.customs()] == [1]


def test_naming_a_trait_that_has_the_value_already_asks_for_its_row(widget: Toy, page: FakeComm) -> None:
    widget.position = 5
    assert send(page, 1, {"position": 5})["data"]["rows"]["positions"] == [5]


def test_a_set_with_nothing_to_compute_is_answered_at_once(widget: Toy, page: FakeComm) -> None:
    answer = send(page, 1, {"pinned": True}, channel="view")
    assert (answer["kind"], answer["channel"], answer["data"], answer["elapsed_ms"]) == ("result", "view", {}, 0.0)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"position": 500}, r"position must be in 0\.\.99, got 500\."),
        ({"position": "5"}, r"'position' trait .* expected an int.*'5'"),
        ({"position": 5.5}, r"'position' trait .* expected an int"),
        ({"position": True}, r"trait 'position' must be a number, got a boolean\."),
        ({"position": {"a": 1}}, r"'position' trait .* expected an int"),
        ({"pinned": "yes"}, r"'pinned' trait .* expected a boolean"),
        (
            {"attr_method": "gradients"},
            r"attr_method must be one of grad_x_input, gradient, occlusion, got 'gradients'\.",
        ),
        ({"attr_method": None}, r"'attr_method' trait .* expected a unicode string"),
        ({"target": "contrast"}, r"target contrast needs a foil\."),
        ({"positon": 5}, r"trait 'positon' does not exist\."),
        ({"_tokens": ["x"]}, r"trait '_tokens' is set by the kernel only\."),
        ({"_rows": {}}, r"trait '_rows' is set by the kernel only\."),
        ({"_esm": "alert(1)"}, r"trait '_esm' is set by the kernel only\."),
        ({"secret": "x"}, r"trait 'secret' is set by the kernel only\."),
        ({"layout": "IPY_MODEL_1"}, r"trait 'layout' is set by the kernel only\."),
        ({"comm": None}, r"trait 'comm' is set by the kernel only\."),
        ({}, r"set names no trait\."),
    ],
)
def test_a_refused_set_changes_nothing_and_says_what_is_true(
    widget: Toy, page: FakeComm, params: dict[str, Any], message: str
) -> None:
    widget.position = 3
    before = {name: getattr(widget, name) for name in widget.trait_names() if name != "comm"}
    answer = send(page, 1, {"pinned": True, **params} if params else {})
    assert answer["kind"] == "error"
    assert answer["error"]["kind"] == "invalid_input"
    with pytest.raises(InvalidInput, match=message):
        raise InvalidInput(answer["error"]["message"])
    assert {name: getattr(widget, name) for name in before} == before
    named = {"position", "attr_method", "target", "pinned"} & {"pinned", *params} if params else set()
    assert answer["state"] == {name: before[name] for name in named}
    json.dumps(answer, allow_nan=False)


def test_a_near_miss_is_suggested(page: FakeComm) -> None:
    assert send(page, 1, {"positon": 5})["error"]["hint"] == "Did you mean 'position'?"


def test_traits_that_depend_on_each_other_are_judged_together_in_any_order(widget: Toy, page: FakeComm) -> None:
    assert send(page, 1, {"target": "contrast", "foil": " x", "position": 5})["kind"] == "result"
    assert (widget.target, widget.foil) == ("contrast", " x")


def test_a_computation_that_fails_is_answered_with_an_error_and_the_next_one_works(widget: Toy, page: FakeComm) -> None:
    answer = send(page, 1, {"position": 13})
    assert answer["error"] == {
        "kind": "invalid_input", "message": "position 13 has no prediction.", "hint": "Choose another.",
    }  # fmt: skip
    assert send(page, 2, {"position": 14})["error"]["kind"] == "internal"
    assert send(page, 3, {"position": 15})["kind"] == "result"


def test_a_flood_of_hovers_is_answered_one_by_one_and_ends_with_the_last(widget: Toy, page: FakeComm) -> None:
    for number in range(1, 1001):
        page.request({"id": number, "channel": "row", "name": "set", "params": {"position": number % 12}})
    assert page.answer(1000)["kind"] == "result"
    final = [content for content in page.customs() if content["kind"] != "progress"]
    assert sorted(content["id"] for content in final) == list(range(1, 1001))
    assert {content["kind"] for content in final} <= {"result", "superseded"}
    results = [content["id"] for content in final if content["kind"] == "result"]
    assert results == sorted(results)
    assert widget.position == 1000 % 12


# ---------------------------------------------------------------------------------------------------------- from Python


def test_setting_a_trait_in_python_moves_the_view_and_brings_the_row(widget: Toy, page: FakeComm) -> None:
    widget.position = 7
    answer = page.wait(lambda content: content["kind"] == "result")
    assert (answer["id"], answer["channel"], answer["name"]) == (None, "row", "set")
    assert page.states() == [{"position": 7}]
    assert [content["kind"] for content in page.customs()] == ["computing", "result"]


def test_python_is_told_at_once_what_is_wrong_and_nothing_is_sent(widget: Toy, page: FakeComm) -> None:
    with pytest.raises(InvalidInput, match=r"position must be in 0\.\.99, got 500\."):
        widget.position = 500
    assert widget.position is None
    assert page.customs() == page.states() == []


def test_initial_values_are_not_taken_for_changes(make: Callable[..., Toy]) -> None:
    widget = make(position=5)
    assert widget.comm.customs() == []
    assert widget.comm.published[0][1]["state"]["position"] == 5


def test_what_a_validator_changes_is_undone_when_the_set_is_refused_and_sent_when_it_is_not(
    make: Callable[..., Toy],
) -> None:
    class Coupled(Toy):
        @t.validate("target")
        def _check_target(self, proposal: Any) -> str:
            self.pinned = True
            return super()._check_target(proposal)

    widget = make(Coupled)
    seen: list[Any] = []
    widget.observe(lambda change: seen.append(change["new"]), "pinned")
    widget.pinned = False
    widget.comm.published.clear()
    assert send(widget.comm, 1, {"target": "contrast"})["kind"] == "error"
    assert (widget.pinned, seen, widget.comm.states()) == (False, [], [])
    assert send(widget.comm, 2, {"target": "entropy"})["kind"] == "result"
    assert (widget.pinned, seen, widget.comm.states()) == (True, [True], [{"pinned": True}])


def test_publishing_and_after_set_hold_the_lock_and_observers_do_not(
    make: Callable[..., Toy], monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[tuple[str, bool]] = []

    class Watching(Toy):
        def _after_set(self, names: frozenset[str], reply: Reply) -> Any:
            held.append(("after set", self._lock._is_owned()))
            return super()._after_set(names, reply)

    widget = make(Watching)
    widget.observe(lambda change: held.append(("observer", widget._lock._is_owned())), "position")
    publish = FakeComm.publish_msg

    def watch(comm: FakeComm, *args: Any, **kwargs: Any) -> None:
        held.append(("publish", widget._lock._is_owned()))
        publish(comm, *args, **kwargs)

    monkeypatch.setattr(FakeComm, "publish_msg", watch)
    send(widget.comm, 1, {"position": 5, "attr_method": "GRADIENT"})
    widget.position = 6
    widget.comm.wait(lambda content: content["id"] is None and content["kind"] == "result")
    widget.comm.receive({"method": "request_state"})
    widget.comm.receive({"method": "update", "state": {"position": 7}})
    assert set(held) == {("publish", True), ("after set", True), ("observer", False)}


def test_several_traits_may_be_set_at_once_in_python(widget: Toy, page: FakeComm) -> None:
    with widget.hold_trait_notifications():
        widget.position = 5
        widget.target = "contrast"
        widget.foil = " x"
    page.wait(lambda content: content["kind"] == "result")
    assert {name for state in page.states() for name in state} == {"position", "target", "foil"}


def test_what_after_set_changes_itself_does_not_call_it_again(make: Callable[..., Toy]) -> None:
    calls: list[set[str]] = []

    class Following(Toy):
        def _after_set(self, names: frozenset[str], reply: Reply) -> Any:
            calls.append(set(names))
            self.pinned = True
            return super()._after_set(names, reply)

    widget = make(Following)
    widget.position = 5
    send(widget.comm, 1, {"position": 6})
    assert calls == [{"position"}, {"position"}]
    assert widget.pinned


def test_setting_traits_in_cells_and_views_at_once_ends_in_agreement(widget: Toy, page: FakeComm) -> None:
    def cell() -> None:
        for n in range(200):
            widget.position = n % 50

    def view() -> None:
        for n in range(1, 201):
            page.request({"id": n, "channel": "row", "name": "set", "params": {"position": 50 + n % 49}})

    threads = [threading.Thread(target=target) for target in (cell, view)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    page.answer(200)
    send(page, 201, {"pinned": True}, channel="view")
    widget._latest("row").submit(Request("toy.row", None, {"position": 1}, cacheable=False)).wait(20)
    rows = [content for content in page.customs() if content["kind"] == "result" and content["data"]]
    assert rows[-1]["data"]["rows"]["positions"] == [widget.position]


def test_an_observer_may_wait_for_the_worker_while_it_publishes(widget: Toy, page: FakeComm, engine: Engine) -> None:
    done: list[bool] = []

    def wait(change: Any) -> None:
        done.append(engine.queue("q").submit(Request("toy.row", None, {"position": change["new"]})).wait(20))

    widget.observe(wait, "position")
    for n in range(5):
        send(page, n + 1, {"position": n})
        widget.position = 20 + n
    assert done == [True] * 10


# ----------------------------------------------------------------------------------------------------- hello and cancel


def test_hello_is_answered_with_what_a_new_view_needs(page: FakeComm) -> None:
    answer = send(page, 1, {}, channel="hello", name="hello")
    assert answer["data"] == {"rows": {"$array": 0, "dtype": "float32", "shape": [2, 3]}}


class Slow(Toy):
    """Computes until it is stopped."""

    def __init__(self, engine: Engine, **traits: Any) -> None:
        super().__init__(engine, **traits)
        self.entered = threading.Event()
        engine.register(f"slow-{self._key}", self._run)

    def _run(self, job: Any, subject: Any, params: Any) -> None:
        self.entered.set()
        while True:
            job.check()

    def _after_set(self, names: frozenset[str], reply: Reply) -> Any:
        return self._submit(self._queue("row"), Request(f"slow-{self._key}", None, {"p": self.position}), reply)


@pytest.mark.parametrize(("params", "ended"), [({"id": 2}, {2}), ({"id": 9}, set()), ({}, {1, 2, 3})])
def test_cancel_ends_the_request_that_is_meant_or_all(
    make: Callable[..., Toy], params: dict[str, Any], ended: set[int]
) -> None:
    widget = make(Slow)
    page: FakeComm = widget.comm
    for number in (1, 2, 3):
        page.request({"id": number, "channel": "row", "name": "set", "params": {"position": number}})
    assert widget.entered.wait(20)  # type: ignore[attr-defined]
    assert send(page, 4, params, channel="c", name="cancel")["data"] == {"cancelled": len(ended)}
    for number in ended:
        assert page.answer(number)["kind"] == "cancelled"
    send(page, 5, {}, channel="c", name="cancel")
    for number in (1, 2, 3):
        assert page.answer(number)["kind"] == "cancelled"


@pytest.mark.parametrize("params", [{"id": "2"}, {"id": None}, {"id": True}, {"ids": [1]}, {"id": 1, "x": 2}])
def test_a_malformed_cancel_is_refused(page: FakeComm, params: dict[str, Any]) -> None:
    assert send(page, 1, params, name="cancel")["error"]["message"] == 'cancel takes {"id": n} or {}.'


# --------------------------------------------------------------------------------------------------------- bad messages


@pytest.mark.parametrize(
    ("content", "number", "message"),
    [
        (None, None, "a request must be an object, got null"),
        ({"kind": "set"}, None, "a request has the fields"),
        ({"id": 5, "channel": "row", "name": "sett", "params": {}}, 5, "no operation 'sett'"),
        ({"id": 5, "channel": "row", "name": "__init__", "params": {}}, 5, "no operation '__init__'"),
        ({"id": 5, "channel": "row", "name": "set", "params": {"foil": "x" * 70_000}}, 5, "at most 64 KiB"),
        ({"id": 5, "channel": "row", "name": "set", "params": {"position": float("nan")}}, 5, "must not contain nan"),
        ({"id": 2**60, "channel": "row", "name": "set", "params": {}}, None, "id must be an integer"),
    ],
)
def test_malformed_messages_are_answered_and_harm_nothing(
    widget: Toy, page: FakeComm, content: Any, number: int | None, message: str
) -> None:
    page.request(content)
    answer = page.wait(lambda content: content["kind"] == "error")
    assert answer["id"] == number
    assert message in answer["error"]["message"]
    assert send(page, 7, {"position": 5})["kind"] == "result"


def test_a_near_miss_of_an_operation_is_suggested(page: FakeComm) -> None:
    assert send(page, 1, {}, name="helo")["error"]["hint"] == "Did you mean 'hello'?"


def test_an_operation_that_fails_is_answered(page: FakeComm) -> None:
    error = send(page, 1, {}, name="break")["error"]
    assert (error["kind"], error["message"]) == ("internal", "ZeroDivisionError: on purpose")


def test_binary_buffers_reach_only_the_operation_that_asks_for_them(page: FakeComm) -> None:
    page.request({"id": 1, "channel": "c", "name": "upload", "params": {}}, [b"123", b"45"])
    assert page.answer(1)["data"] == {"bytes": 5}
    page.request({"id": 2, "channel": "c", "name": "set", "params": {"position": 1}}, [b"123"])
    assert "takes no binary buffers" in page.answer(2)["error"]["message"]


@pytest.mark.parametrize(
    ("data", "buffers", "message"),
    [
        (None, [], "unknown message on the comm"),
        ("update", [], "unknown message on the comm"),
        ({}, [], "unknown message on the comm"),
        ({"method": "execute", "state": {}}, [], "unknown message on the comm"),
        ({"method": ["update"]}, [], "unknown message on the comm"),
        ({"method": "custom"}, [], "a request must be an object, got null"),
        ({"method": "update"}, [], "the state of a trait update must be an object, got null"),
        ({"method": "update", "state": [1]}, [], "the state of a trait update must be an object, got a list"),
        (
            {"method": "update", "state": {"a": 1}, "buffer_paths": [["x"]]},
            [b"1"],
            "trait updates take no binary buffers",
        ),
    ],
)
def test_malformed_comm_messages_are_answered_and_harm_nothing(
    widget: Toy, page: FakeComm, data: Any, buffers: list[bytes], message: str
) -> None:
    page.receive(data, buffers)
    assert message in page.customs()[-1]["error"]["message"]
    assert send(page, 7, {"position": 5})["kind"] == "result"


def test_a_page_that_asks_for_the_state_gets_it(widget: Toy, page: FakeComm) -> None:
    page.receive({"method": "request_state"})
    assert page.states()[-1]["position"] is None
    assert set(page.states()[-1]) == set(widget.keys)


# -------------------------------------------------------------------------------------------------------- trait updates


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"position": 500}, "position must be in 0..99, got 500."),
        ({"position": "x"}, "expected an int"),
        ({"_tokens": ["evil"]}, "trait '_tokens' is set by the kernel only."),
        ({"_esm": "alert(1)"}, "trait '_esm' is set by the kernel only."),
        ({"pinned": True, "nonsense": 1}, "trait 'nonsense' does not exist."),
        ({"foil": "x" * 70_000}, "at most 64 KiB"),
        ({"foil": "\ud800"}, "must be valid Unicode"),
        ({"position": float("inf")}, "must not contain inf"),
    ],
)
def test_a_refused_trait_update_changes_nothing_and_the_true_values_are_sent(
    widget: Toy, page: FakeComm, state: dict[str, Any], message: str
) -> None:
    widget.position = 3
    page.wait(lambda content: content["kind"] == "result")
    before = {name: getattr(widget, name) for name in widget.keys}
    page.published.clear()
    page.receive({"method": "update", "state": state})
    (error,) = page.customs()
    assert (error["kind"], error["id"], error["channel"]) == ("error", None, "state")
    assert message in error["error"]["message"]
    assert {name: getattr(widget, name) for name in before} == before
    assert page.states() == (
        [{name: before[name] for name in state if name in before}] if set(state) & set(before) else []
    )
    assert not any(data.get("method") == "echo_update" for _, data, _ in page.published)


def test_a_valid_trait_update_is_taken_and_echoed_as_it_came_out(widget: Toy, page: FakeComm) -> None:
    page.receive({"method": "update", "state": {"position": 5, "attr_method": "GRADIENT"}, "buffer_paths": []})
    assert (widget.position, widget.attr_method) == (5, "gradient")
    echoes = [data["state"] for _, data, _ in page.published if data.get("method") == "echo_update"]
    assert echoes == [{"position": 5, "attr_method": "gradient"}]
    row = page.wait(lambda content: content["kind"] == "result")
    assert (row["id"], row["data"]["rows"]["positions"]) == (None, [5])


def test_the_number_of_views_may_be_kept_by_the_page(widget: Toy, page: FakeComm) -> None:
    page.receive({"method": "update", "state": {"_view_count": 2}})
    assert widget._view_count == 2


def test_a_trait_without_a_sync_tag_can_not_be_reached_by_an_update(widget: Toy, page: FakeComm) -> None:
    page.receive({"method": "update", "state": {"secret": "x"}})
    assert widget.secret == "python only"
    assert page.customs()[-1]["kind"] == "error"


# ---------------------------------------------------------------------------------------------------------------- close


def test_closing_cancels_what_runs_and_waits_and_lets_go_of_the_subject(
    make: Callable[..., Toy], engine: Engine
) -> None:
    widget = make(Slow)
    page: FakeComm = widget.comm
    page.request({"id": 1, "channel": "row", "name": "set", "params": {"position": 1}})
    assert widget.entered.wait(20)  # type: ignore[attr-defined]
    widget.close()
    widget.close()
    assert engine.token_of(Request("toy.row", f"subject-{widget._key}")) == -1
    assert [msg_type for msg_type, _, _ in page.published].count("comm_close") == 1
    count = len(page.published)
    page.request({"id": 2, "channel": "row", "name": "set", "params": {"position": 2}})
    page.receive({"method": "update", "state": {"position": 3}})
    widget.position = 4
    assert page.customs() == []
    with pytest.raises(ModelClosed, match=r"the widget was closed\. Make a new widget\."):
        widget._latest("row")
    assert engine.queue("other").submit(Request("toy.row", None, {"position": 1})).wait(20)
    assert len(page.published) == count
    assert widget.position == 4


def test_a_closed_model_is_an_error_in_the_view(widget: Toy, page: FakeComm, engine: Engine) -> None:
    engine.close(20)
    error = send(page, 1, {"position": 5})["error"]
    assert (error["kind"], error["message"]) == ("model_closed", "the model 'toy' was closed.")


def test_closing_from_an_observer_returns(widget: Toy, page: FakeComm) -> None:
    widget.observe(lambda change: widget.close(), "position")
    page.request({"id": 1, "channel": "row", "name": "set", "params": {"position": 5}})
    assert widget.comm is None


def test_closing_while_the_worker_publishes_does_not_deadlock(make: Callable[..., Toy]) -> None:
    for n in range(20):
        widget = make()
        page: FakeComm = widget.comm
        for number in range(1, 20):
            page.request({"id": number, "channel": "row", "name": "set", "params": {"position": (n + number) % 90}})
        widget.close()
        count = len(page.published)
        assert [msg_type for msg_type, _, _ in page.published][-1] == "comm_close"
        assert len(page.published) == count


def test_a_closed_widget_is_collected(make: Callable[..., Toy], engine: Engine) -> None:
    widget = Toy(engine)
    send(widget.comm, 1, {"position": 5})
    widget.close()
    ref = weakref.ref(widget)
    FakeComm.made.clear()
    del widget
    engine.queue("q").submit(Request("toy.row", None, {"position": 1})).wait(
        20
    )  # the worker has let go of the last job
    gc.collect()
    assert ref() is None


def test_a_widget_whose_constructor_fails_leaves_nothing_behind(make: Callable[..., Toy]) -> None:
    with pytest.raises(InvalidInput, match=r"position must be in 0\.\.99"):
        make(position=500)
    with pytest.raises(t.TraitError):
        make(pinned="yes")
    gc.collect()


# ----------------------------------------------------------------------------------------------------- without a kernel


def test_without_a_front_end_traits_and_observers_work_in_plain_python(engine: Engine) -> None:
    widget = Toy(engine)  # the comm package's own comm, which goes nowhere
    seen: list[int] = []
    widget.observe(lambda change: seen.append(change["new"]), "position")
    widget.position = 5
    assert seen == [5]
    widget._handle_custom_msg({"id": 1, "channel": "row", "name": "set", "params": {"position": 6}}, [])
    assert widget.position == 6
    widget.close()


def test_messages_go_to_the_shell_that_asked(make: Callable[..., Toy], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeComm, "_reply_subshell_for", lambda self, data, default: "pinned", raising=False)
    widget = make()
    assert widget.comm._reply_subshell_for({"method": "custom"}, "asked") == "asked"


def test_operations_are_inherited_and_can_be_overridden(make: Callable[..., Toy]) -> None:
    from ecco_widgets.widgets._live_widget import operation

    class Greeting(Toy):
        @operation("hello")
        def _greet(self, request: Any) -> dict[str, Any]:
            return {"greeting": "hello"}

    widget = make(Greeting)
    assert send(widget.comm, 1, {}, name="hello")["data"] == {"greeting": "hello"}
    assert send(widget.comm, 2, {"position": 3})["kind"] == "result"
